#include <string.h>

#include "guests/lib/lab/lab.h"
#include "guests/tests/ept.h"

enum { HIGH_SLOT = 511 };
#define EPT_HIGH (1ull << 30) /* the first gpa with a 1 GiB entry that the test itself doesn't need */

const uint8_t ept_permissions[6] = {0, EPT_R, EPT_R | EPT_W, EPT_X, EPT_R | EPT_X, EPT_RWX};

struct ept_place ept_open(enum ept_where where)
{
    static const struct ept_place places[] = {
        [PLACE_4K] = {1, EPT_TARGET, 0, NULL},
        [PLACE_TABLE] = {2, EPT_TARGET, 0, NULL},
        [PLACE_DIRECTORY] = {3, EPT_HIGH, 0, NULL},
        [PLACE_2M] = {2, EPT_LARGE, 0, NULL},
    };
    struct ept_place place = places[where];

    if ((uint64_t)hypercall(HC_MEMORY, 0, 0, 0) < place.gpa + PAGE_LARGE_BYTES)
        SKIP("this VM has no memory at 0x%llx", (unsigned long long)place.gpa);
    place.linear = where == PLACE_DIRECTORY ? page_map(HIGH_SLOT, EPT_HIGH, PAGE_PRESENT | PAGE_WRITE | PAGE_USER)
                                            : (void *)place.gpa;
    if (where == PLACE_TABLE)
        lab_nested_read(place.gpa, 1); /* now there is one */
    memset(place.linear, EPT_BYTE, PAGE_BYTES);
    place.open = (ept_entry(&place) & ~(uint64_t)(EPT_A | EPT_D)) | EPT_RWX;
    if (where == PLACE_2M && !(place.open & EPT_LEAF))
        SKIP("this VM's memory is not backed by large pages");
    return place;
}

void ept_set(const struct ept_place *place, uint64_t clear, uint64_t set)
{
    lab_nested_write(place->gpa, place->level, (place->open & ~clear) | set);
}

void ept_reopen(const struct ept_place *place) { ept_set(place, 0, 0); }

uint64_t ept_entry(const struct ept_place *place) { return lab_nested_read(place->gpa, place->level); }

unsigned ept_needed(enum ept_access access)
{
    static const uint8_t needed[ACCESS_KINDS] = {EPT_R, EPT_W, EPT_R | EPT_W, EPT_X};

    return needed[access];
}

void ept_do(enum ept_access access, void *at)
{
    switch (access) {
    case ACCESS_READ:
        __asm__ volatile("movb (%0), %%al" : : "r"(at) : "rax", "memory");
        return;
    case ACCESS_WRITE:
        __asm__ volatile("movb %1, (%0)" : : "r"(at), "i"((EPT_BYTE + 1) & 0xff) : "memory");
        return;
    case ACCESS_MODIFY:
        __asm__ volatile("lock incb (%0)" : : "r"(at) : "memory", "cc");
        return;
    default:
        __asm__ volatile("call *%0" : : "r"(at) : "memory");
    }
}

void ept_touch(enum ept_access access, const struct ept_place *place) { ept_do(access, place->linear + EPT_OFFSET); }

void ept_expect_byte(const struct ept_place *place, enum ept_access access, bool done)
{
    const uint8_t *byte = place->linear + EPT_OFFSET;
    bool written = done && (access == ACCESS_WRITE || access == ACCESS_MODIFY);

    ept_reopen(place);
    EXPECT_EQ(*byte, EPT_BYTE + written);
    EXPECT_EQ(byte[-1], EPT_BYTE);
    EXPECT_EQ(byte[1], EPT_BYTE);
}

const uint16_t *ept_permission_needs(unsigned permission)
{
    static const uint16_t none[] = {0}, execute_only[] = {EPT_EXECUTE_ONLY, 0};

    return ept_permissions[permission] == EPT_X ? execute_only : none;
}
