#include "guests/lib/feature/needs.h"

#include "config/lab.h"
#include "guests/lib/common/cpu.h"
#include "guests/lib/common/hypercall.h"
#include "guests/lib/feature/text.h"

static const struct {
    uint16_t need;
    const char *name;
} names[] = {
#define X(group, bit, name) {name, #name},
    ALL_BITS(X)
#undef X
};

/* Where a group's bits are told. */
enum source {
    SOURCE_CONTROLS, /* a capability register: 31:0 allowed 0, 63:32 allowed 1 */
    SOURCE_FLAGS,    /* one whose bits all may be 0 */
    SOURCE_CPUID,    /* CPUID of the guest */
    SOURCE_ALWAYS,
};

enum { EAX, EBX, ECX, EDX };

static const struct {
    enum source source;
    uint64_t number, second; /* the MSR, and the one that counts where it is; or leaf and subleaf */
    unsigned reg;
} groups[GROUPS] = {
#define X(group, kind, number, second) [GROUP_##group] = {SOURCE_##kind, number, second, 0},
    BIT_SOURCES(X)
#undef X
    [GROUP_MISC1] = {SOURCE_ALWAYS, 0, 0, 0},
    [GROUP_MISC2] = {SOURCE_ALWAYS, 0, 0, 0},
    [GROUP_MISC3] = {SOURCE_ALWAYS, 0, 0, 0},
    [GROUP_HW1C] = {SOURCE_FLAGS, CAP_CPUID | (uint64_t)ECX << 32 | 1, 0, 0},
    [GROUP_CPU1C] = {SOURCE_CPUID, 1, 0, ECX},
    [GROUP_CPU1D] = {SOURCE_CPUID, 1, 0, EDX},
    [GROUP_CPU7B] = {SOURCE_CPUID, 7, 0, EBX},
    [GROUP_CPU7C] = {SOURCE_CPUID, 7, 0, ECX},
    [GROUP_CPUD1] = {SOURCE_CPUID, 0xd, 1, EAX},
    [GROUP_CPUX1C] = {SOURCE_CPUID, 0x80000001, 0, ECX},
    [GROUP_CPUX1D] = {SOURCE_CPUID, 0x80000001, 0, EDX},
};

/* What may be 1, and what may be 0. */
static struct {
    bool known;
    uint64_t ones, zeros;
} found[GROUPS];

const char *feature_need_name(uint16_t need)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].need == (need & ~NEED_NOT))
            return names[i].name;
    return "";
}

void feature_needs_text(const uint16_t *needs, char *to, size_t room)
{
    struct text text = text_begin(to, room);

    for (; needs && *needs; needs++)
        text_put(&text, "%s%s%s", text.used ? ", " : "", *needs & NEED_NOT ? "not " : "", feature_need_name(*needs));
}

uint64_t feature_capability(uint64_t number)
{
    struct lab_pair pair = {.value = 0};

    pair.what = LAB_WHAT(LAB_CAP, (number & ~CAP_CPUID) | (number & CAP_CPUID ? LAB_CAP_CPUID : 0));
    return hypercall(HC_LAB_RESULTS, (unsigned long)&pair, 1, 0) < 0 ? 0 : pair.value;
}

static uint32_t ask_cpuid(uint32_t leaf, uint32_t subleaf, unsigned reg)
{
    struct cpuid_result r = {0, 0, 0, 0};

    if (cpu_id(leaf & 0x80000000, 0).eax >= leaf)
        r = cpu_id(leaf, subleaf);
    return reg == EAX ? r.eax : reg == EBX ? r.ebx : reg == ECX ? r.ecx : r.edx;
}

static void find(unsigned group)
{
    uint64_t value = 0;

    switch (groups[group].source) {
    case SOURCE_CONTROLS:
        value = groups[group].second ? feature_capability(groups[group].second) : 0;
        value = value ? value : feature_capability(groups[group].number);
        found[group].ones = value >> 32;
        found[group].zeros = ~value & UINT32_MAX;
        break;
    case SOURCE_FLAGS:
        found[group].ones = feature_capability(groups[group].number);
        found[group].zeros = ~0ull;
        break;
    case SOURCE_CPUID:
        found[group].ones = ask_cpuid((uint32_t)groups[group].number, (uint32_t)groups[group].second, groups[group].reg);
        found[group].zeros = ~found[group].ones;
        break;
    case SOURCE_ALWAYS:
        found[group].ones = found[group].zeros = ~0ull;
        break;
    }
    found[group].known = true;
}

bool feature_has(uint16_t need)
{
    unsigned group = (need & ~NEED_NOT) >> NEED_GROUP_SHIFT;

    if (group >= GROUPS)
        return false;
    if (!found[group].known)
        find(group);
    return (need & NEED_NOT ? found[group].zeros : found[group].ones) >> (need & NEED_BIT) & 1;
}

uint16_t feature_missing(const uint16_t *needs)
{
    for (; needs && *needs; needs++)
        if (!feature_has(*needs))
            return *needs;
    return 0;
}
