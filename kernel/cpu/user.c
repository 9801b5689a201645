#include "kernel/cpu/user.h"

#include "config/abi.h"
#include "kernel/cpu/extable.h"
#include "kernel/cpu/features.h"

static bool is_user_range(uint64_t user, size_t bytes) { return user < TASK_END && bytes <= TASK_END - user; }

/* STAC and CLAC, around accesses to user pages where SMAP is on. */
static void allow_user(void)
{
    if (cpu_features.smap)
        __asm__ volatile("stac" : : : "memory");
}

static void forbid_user(void)
{
    if (cpu_features.smap)
        __asm__ volatile("clac" : : : "memory");
}

/* Returns how many bytes were left when an access faulted for good. */
static size_t copy(void *to, const void *from, size_t bytes)
{
    allow_user();
    __asm__ volatile("1: rep movsb\n"
                     "2:\n" EXTABLE("1b", "2b")
                     : "+D"(to), "+S"(from), "+c"(bytes)
                     :
                     : "memory");
    forbid_user();
    return bytes;
}

/* For a few words, 8 bytes a step; `bytes` is a multiple of 8. */
static size_t copy_words(void *to, const void *from, size_t bytes)
{
    size_t words = bytes / 8;

    allow_user();
    __asm__ volatile("1: rep movsq\n"
                     "2:\n" EXTABLE("1b", "2b")
                     : "+D"(to), "+S"(from), "+c"(words)
                     :
                     : "memory");
    forbid_user();
    return words;
}

/* For one word, which is what most copies are. */
static bool copy_word(uint64_t *to, const uint64_t *from)
{
    uint64_t word;
    bool done = false;

    allow_user();
    __asm__ volatile("1: mov %3, %1\n"
                     "2: mov %1, %2\n"
                     "movb $1, %0\n"
                     "3:\n" EXTABLE("1b", "3b") EXTABLE("2b", "3b")
                     : "+q"(done), "=&r"(word), "=m"(*to)
                     : "m"(*from)
                     : "memory");
    forbid_user();
    return done;
}

static bool copy_all(void *to, const void *from, size_t bytes)
{
    if (bytes == sizeof(uint64_t))
        return copy_word(to, from);
    return (bytes % 8 ? copy(to, from, bytes) : copy_words(to, from, bytes)) == 0;
}

bool user_copy_in(void *to, uint64_t user, size_t bytes)
{
    return is_user_range(user, bytes) && copy_all(to, (const void *)user, bytes);
}

bool user_copy_out(uint64_t user, const void *from, size_t bytes)
{
    return is_user_range(user, bytes) && copy_all((void *)user, from, bytes);
}
