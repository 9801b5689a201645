#include "vmm/entry/field.h"

#include "config/abi.h"

static const struct {
    uint32_t field;
    const char *name;
    uint64_t index;
} fields[] = {
#define X(encoding, name) {name, #name, 0},
    VMCS_FIELDS(X)
#undef X
#define X(offset, bytes, name) {name, #name, 0},
        VMCB_FIELDS(X)
#undef X
#define X(name, msr) {CAP_##name, #name, msr},
            ENTRY_CAP_MSRS(X)
#undef X
#define X(name, leaf, subleaf, reg)                                                                                    \
    {CAP_##name, #name, CAP_CPUID | (uint64_t)(subleaf) << 40 | (uint64_t)(reg) << 32 | (leaf)},
                ENTRY_CAP_CPUID(X)
#undef X
#define X(name) {STATE_##name, "STATE_" #name, 0},
                    ENTRY_STATE_FIELDS(X)
#undef X
};

enum { FIELDS = sizeof fields / sizeof *fields };

static bool is_entry_msr(uint32_t field)
{
    return field >= ENTRY_MSR_INDEX(0) && field <= ENTRY_MSR_VALUE(ENTRY_MSRS_MAX - 1u);
}

/* FIELDS if there is none. Who asks for a field asks for it again: a place that was the right one is tried first. */
static unsigned find(uint32_t field)
{
    static uint16_t places[256];
    uint16_t *place = &places[(field >> 1 ^ field >> 10) % 256];
    unsigned i = *place;

    if (fields[i].field == field)
        return i;
    for (i = 0; i < FIELDS; i++)
        if (fields[i].field == field) {
            *place = (uint16_t)i;
            break;
        }
    return i;
}

const char *entry_field_name(uint32_t field)
{
    unsigned i = find(field);

    if (is_entry_msr(field))
        return (field - ENTRY_MSR) & 1 ? "ENTRY_MSR_VALUE" : "ENTRY_MSR";
    return i < FIELDS ? fields[i].name : "";
}

static bool equal(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

/* "ENTRY_MSR_12", "ENTRY_MSR_12_VALUE" */
static bool find_entry_msr(const char *name, uint32_t *field)
{
    const char *prefix = "ENTRY_MSR_";
    uint32_t entry = 0;
    bool digits = false;

    while (*prefix && *name == *prefix)
        name++, prefix++;
    for (; !*prefix && *name >= '0' && *name <= '9' && entry < ENTRY_MSRS_MAX; name++, digits = true)
        entry = entry * 10 + (uint32_t)(*name - '0');
    if (!digits || entry >= ENTRY_MSRS_MAX || (*name && !equal(name, "_VALUE")))
        return false;
    *field = *name ? ENTRY_MSR_VALUE(entry) : ENTRY_MSR_INDEX(entry);
    return true;
}

bool entry_field_find(const char *name, uint32_t *field)
{
    for (unsigned i = 0; i < FIELDS; i++)
        if (equal(fields[i].name, name)) {
            *field = fields[i].field;
            return true;
        }
    return find_entry_msr(name, field);
}

uint64_t entry_cap_index(uint32_t field)
{
    unsigned i = find(field);

    return i < FIELDS ? fields[i].index : 0;
}

/* "Field Encoding in VMCS": the width is in bits 14:13. A VMCB field has its bytes in bits 19:16. */
unsigned entry_field_bits(uint32_t field)
{
    static const uint8_t widths[] = {16, 64, 32, 64};

    if (field >= ENTRY_STATE)
        return 64;
    if (field >> 16)
        return 8 * (field >> 16);
    return widths[field >> 13 & 3];
}
