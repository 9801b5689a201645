#include "vmm/passport/lines.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum kind { KIND_FLAGS, KIND_CONTROLS, KIND_FIXED };

/* A register of the passport, or a pair of them. */
static const struct source {
    const char *key; /* the group of its bits */
    enum kind kind;
    uint64_t number, second;
} sources[] = {
#define X(group, kind, number, second) {#group, KIND_##kind, number, second},
    X(FEATURE_CONTROL, FLAGS, 0x3a, 0) PASSPORT_SOURCES_SVM(X) BIT_SOURCES(X) PASSPORT_SOURCES_VMX(X)
#undef X
};

/* In the order of enum passport_bit. */
static const struct bit {
    const char *key, *name; /* the name begins with the key */
    unsigned bit;
} bits[] = {
#define X(group, bit, name) {#group, #name, bit},
    ALL_BITS(X) PASSPORT_BITS(X)
#undef X
};

static const struct number {
    const char *key, *name;
    unsigned low, width;
} numbers[] = {
#define X(group, low, width, name) {#group, name, low, width},
    PASSPORT_NUMBERS(X)
#undef X
};

struct words {
    char text[PASSPORT_WORDS_BYTES];
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void add(struct words *words, const char *format, ...)
{
    size_t room = sizeof(words->text) - words->used;
    va_list list;
    int more;

    if (words->used && room > 1) {
        words->text[words->used++] = ' ';
        room--;
    }
    va_start(list, format);
    more = vsnprintf(words->text + words->used, room, format, list);
    va_end(list);
    words->used += more < 0 ? 0 : (size_t)more < room ? (size_t)more : room - 1;
}

/* ---- Registers -------------------------------------------------------------------------------------------- */

static bool find_cap(const struct machine_info *info, uint64_t number, uint64_t *value)
{
    *value = 0;
    for (uint32_t i = 0; number && i < info->caps && i < MAX_CAPS; i++)
        if (info->cap[i].index == number) {
            *value = info->cap[i].value;
            return true;
        }
    return false;
}

static void add_register(struct words *words, uint64_t number, uint64_t value)
{
    static const char *const names[] = {"EAX", "EBX", "ECX", "EDX"};

    if (number & CAP_CPUID)
        add(words, "%" PRIX32 "H.%s=%08" PRIx64, (uint32_t)number, names[number >> 32 & 3], value);
    else
        add(words, "%" PRIX64 "H=%016" PRIx64, number, value);
}

static const char *bit_name(const char *key, unsigned bit)
{
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
        if (bits[i].bit == bit && strcmp(bits[i].key, key) == 0)
            return bits[i].name + strlen(key) + 1;
    return NULL;
}

static uint64_t mask_of(const struct number *n) { return (1ull << n->width) - 1; }

/* The numbers of a register; -> the bits that are theirs. */
static uint64_t add_numbers(struct words *words, const char *key, uint64_t value)
{
    uint64_t taken = 0;

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const struct number *n = &numbers[i];

        if (strcmp(n->key, key) != 0)
            continue;
        add(words, "%s=%" PRIu64, n->name, value >> n->low & mask_of(n));
        taken |= mask_of(n) << n->low;
    }
    return taken;
}

/* What may be 1, and of that what must be. Bits that have no name and no choice are the architecture's own. */
static void add_bits(struct words *words, const char *key, uint64_t may, uint64_t must, bool nameless)
{
    for (unsigned bit = 0; bit < 64; bit++) {
        const char *name = bit_name(key, bit);

        if (!(may >> bit & 1))
            continue;
        if (name)
            add(words, "%s%s", name, must >> bit & 1 ? "!" : "");
        else if (nameless && !(must >> bit & 1))
            add(words, "bit-%u", bit);
    }
}

/* What a register and, where there is one, the second say: what may be 1, and what must be. False if it is not there. */
static bool read_source(const struct machine_info *info, const struct source *source, uint64_t *may, uint64_t *must)
{
    uint64_t value, second;
    bool has_second = find_cap(info, source->second, &second);

    if (!find_cap(info, source->number, &value))
        return false;
    if (!has_second)
        second = value;
    *may = source->kind == KIND_CONTROLS ? second >> 32 : source->kind == KIND_FIXED ? second : value;
    *must = source->kind == KIND_CONTROLS ? second & UINT32_MAX : source->kind == KIND_FIXED ? value : 0;
    return true;
}

bool passport_offers(const struct machine_info *info, enum passport_bit bit)
{
    uint64_t may, must;

    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
        if (strcmp(sources[i].key, bits[bit].key) == 0 && read_source(info, &sources[i], &may, &must))
            return may >> bits[bit].bit & 1;
    return false;
}

uint32_t passport_asids(const struct machine_info *info)
{
    uint64_t count = 0;

    find_cap(info, CAP_CPUID | 1ull << 32 | 0x8000000a, &count);
    return (uint32_t)count;
}

static void decode(const struct machine_info *info, const struct source *source, passport_line *line, void *context)
{
    struct words values = {.used = 0}, names = {.used = 0};
    uint64_t may, must, value;

    if (!read_source(info, source, &may, &must))
        return;
    find_cap(info, source->number, &value);
    add_register(&values, source->number, value);
    if (find_cap(info, source->second, &value))
        add_register(&values, source->second, value);
    if (source->kind == KIND_FLAGS)
        may &= ~add_numbers(&names, source->key, may);
    add_bits(&names, source->key, may, must, source->kind != KIND_FIXED);
    line(context, source->key, values.text, names.text);
}

/* ---- All of it -------------------------------------------------------------------------------------------- */

/* A vendor's name has no blanks in it; one that has would be several words. */
static void add_vendor(struct words *words, const char *vendor)
{
    char text[13];
    size_t i = 0;

    for (; vendor[i] && i < sizeof(text) - 1; i++)
        text[i] = vendor[i] > ' ' && vendor[i] <= '~' ? vendor[i] : '_';
    text[i] = 0;
    add(words, "%s", text);
}

void passport_lines(const struct machine_info *info, const struct passport_cpu *cpu, passport_line *line, void *context)
{
    struct words words = {.used = 0};
    uint64_t revision = info->microcode >> 32 ? info->microcode >> 32 : info->microcode;

    add_vendor(&words, cpu->vendor);
    add(&words, "family=%u model=%u stepping=%u microcode=%" PRIx64 " physical=%u linear=%u", cpu->family, cpu->model,
        cpu->stepping, revision, cpu->physical, cpu->linear);
    line(context, "CPUID", words.text, "");
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
        decode(info, &sources[i], line, context);
}

/* FNV-1a, with the offset basis and the prime for 32 bits. */
static uint32_t hash_text(uint32_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * 16777619;
    return hash;
}

/* Names are left out: they are ours, and may become more. */
static void hash_line(void *context, const char *key, const char *values, const char *names)
{
    uint32_t *hash = context;

    (void)names;
    *hash = hash_text(hash_text(hash_text(hash_text(*hash, key), " "), values), "\n");
}

void passport_make_id(const struct machine_info *info, const struct passport_cpu *cpu, char id[PASSPORT_ID_BYTES])
{
    uint32_t hash = 2166136261;
    char hypervisor[128];

    passport_cpu_hypervisor(cpu, hypervisor, sizeof(hypervisor));
    hash_line(&hash, "CPU", cpu->brand, "");
    hash_line(&hash, "Hypervisor", hypervisor, "");
    passport_lines(info, cpu, hash_line, &hash);
    snprintf(id, PASSPORT_ID_BYTES, "nestor-%08" PRIx32, hash);
}
