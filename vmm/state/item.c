/* The sections and their items: tables. */
#include "vmm/state/item.h"

#include <string.h>

#define REG(reg)     (SLOT_REG + (reg))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Eight items in a row. */
#define EIGHT(number, slot)                                                                                            \
    {(number), (slot), 0}, {(number) + 1, (slot) + 1, 0}, {(number) + 2, (slot) + 2, 0},                               \
        {(number) + 3, (slot) + 3, 0}, {(number) + 4, (slot) + 4, 0}, {(number) + 5, (slot) + 5, 0},                   \
        {(number) + 6, (slot) + 6, 0},                                                                                 \
    {                                                                                                                  \
        (number) + 7, (slot) + 7, 0                                                                                    \
    }

/* By their numbers in instructions. */
static const struct state_item gprs[] = {
    {0, GPR_RAX, 0},      {1, GPR_RCX, 0},       {2, GPR_RDX, 0},          {3, GPR_RBX, 0},
    {4, REG(REG_RSP), 0}, {5, GPR_RBP, 0},       {6, GPR_RSI, 0},          {7, GPR_RDI, 0},
    EIGHT(8, GPR_R8),     {16, REG(REG_RIP), 0}, {17, REG(REG_RFLAGS), 0},
};

static const struct state_item control[] = {
    {0, REG(REG_CR0), 0}, {2, REG(REG_CR2), 0}, {3, REG(REG_CR3), 0}, {4, REG(REG_CR4), 0}, {8, SLOT_CR8, 0},
};

/* enum segment_register * 4 + enum segment_part */
static const struct state_item segments[] = {
    EIGHT(0, REG(REG_SEGMENTS)),
    EIGHT(8, REG(REG_SEGMENTS + 8)),
    EIGHT(16, REG(REG_SEGMENTS + 16)),
    EIGHT(24, REG(REG_SEGMENTS + 24)),
};

static const struct state_item tables[] = {
    {0, REG(REG_GDTR_BASE), 0},
    {1, REG(REG_GDTR_LIMIT), 0},
    {2, REG(REG_IDTR_BASE), 0},
    {3, REG(REG_IDTR_LIMIT), 0},
};

static const struct state_item msrs[] = {
    {0x174, REG(REG_SYSENTER_CS), 0},  {0x175, REG(REG_SYSENTER_ESP), 0},
    {0x176, REG(REG_SYSENTER_EIP), 0}, {0x277, REG(REG_PAT), 0},
    {0xc0000080, REG(REG_EFER), 0},    {0xc0000081, REG(REG_STAR), 0},
    {0xc0000082, REG(REG_LSTAR), 0},   {0xc0000083, REG(REG_CSTAR), 0},
    {0xc0000084, REG(REG_SFMASK), 0},  {0xc0000102, REG(REG_KERNEL_GS_BASE), 0},
    {0xc0000103, REG(REG_TSC_AUX), 0},
};

static const struct state_item debug[] = {
    {0, REG(REG_DR0), 0}, {1, REG(REG_DR1), 0},          {2, REG(REG_DR2), 0},
    {3, REG(REG_DR3), 0}, {6, REG(REG_DR6), 0xffff0ff0}, {7, REG(REG_DR7), 0x400},
};

/* The 8-byte words of FXSAVE64's image up to XMM15. */
static const struct state_item fpu[] = {
    EIGHT(0, REG(REG_FPU)),       EIGHT(8, REG(REG_FPU + 8)),   EIGHT(16, REG(REG_FPU + 16)),
    EIGHT(24, REG(REG_FPU + 24)), EIGHT(32, REG(REG_FPU + 32)), EIGHT(40, REG(REG_FPU + 40)),
    {48, REG(REG_FPU + 48), 0},   {49, REG(REG_FPU + 49), 0},   {50, REG(REG_FPU + 50), 0},
    {51, REG(REG_FPU + 51), 0},
};

static const struct state_item pdptes[] = {
    {0, REG(REG_PDPTE0), 0},
    {1, REG(REG_PDPTE1), 0},
    {2, REG(REG_PDPTE2), 0},
    {3, REG(REG_PDPTE3), 0},
};

/* Events: what waits, and what the CPU is doing. */
static const struct state_item events[] = {
    {0, REG(REG_PENDING), 0},          {1, REG(REG_PENDING + 1), 0},   {2, REG(REG_PENDING + 2), 0},
    {3, REG(REG_PENDING + 3), 0},      {4, REG(REG_EVENT), 0},         {5, REG(REG_ACTIVITY), 0},
    {6, REG(REG_INTERRUPTIBILITY), 0}, {7, REG(REG_PENDING_DEBUG), 0},
};

static const struct state_item timer[] = {{0, REG(REG_TIMER_DEADLINE), 0}, {1, REG(REG_TIMER_VECTOR), 0}};

const struct state_section state_sections[] = {
    {"GPRS", 1, false, COUNT(gprs), gprs},         {"CTRL", 1, false, COUNT(control), control},
    {"SEGS", 1, false, COUNT(segments), segments}, {"TABL", 1, false, COUNT(tables), tables},
    {"MSRS", 1, false, COUNT(msrs), msrs},         {"DBGR", 1, true, COUNT(debug), debug},
    {"FPUS", 1, false, COUNT(fpu), fpu},           {"PDPT", 1, true, COUNT(pdptes), pdptes},
    {"EVNT", 1, true, COUNT(events), events},      {"TIMR", 1, true, COUNT(timer), timer},
};

const unsigned state_section_count = COUNT(state_sections);

const struct state_section *state_section_find(const struct state_record *record)
{
    for (unsigned i = 0; i < state_section_count; i++)
        if (state_is(record, state_sections[i].kind))
            return &state_sections[i];
    return NULL;
}

const struct state_item *state_item_find(const struct state_section *section, uint64_t number)
{
    for (unsigned i = 0; i < section->count; i++)
        if (section->items[i].number == number)
            return &section->items[i];
    return NULL;
}

static bool is_as_after_reset(const struct state_section *section, const struct state_vcpu *vcpu)
{
    for (unsigned i = 0; i < section->count; i++)
        if (vcpu->value[section->items[i].slot] != section->items[i].reset)
            return false;
    return true;
}

void state_put_vcpu(struct state_writer *writer, uint32_t number, const struct state_vcpu *vcpu)
{
    for (const struct state_section *s = state_sections; s < state_sections + state_section_count; s++) {
        if (s->optional && is_as_after_reset(s, vcpu))
            continue;
        state_begin(writer, s->kind, s->version);
        state_put(writer, &(struct state_vcpu_head){number, 0}, sizeof(struct state_vcpu_head));
        for (unsigned i = 0; i < s->count; i++) {
            struct state_pair_record pair = {s->items[i].number, vcpu->value[s->items[i].slot]};

            state_put(writer, &pair, sizeof(pair));
        }
    }
}

static void take_section(const struct state_section *section, const struct state_record *record,
                         struct state_vcpu *vcpu)
{
    for (uint64_t at = sizeof(struct state_vcpu_head); at < record->header.bytes;
         at += sizeof(struct state_pair_record)) {
        struct state_pair_record pair;
        uint16_t slot;

        memcpy(&pair, record->payload + at, sizeof(pair));
        slot = state_item_find(section, pair.item)->slot;
        vcpu->present[slot] = true;
        vcpu->value[slot] = pair.value;
    }
}

void state_get_vcpu(const struct state_file *file, uint32_t number, struct state_vcpu *vcpu)
{
    struct state_record record;
    uint64_t at = 0;

    memset(vcpu, 0, sizeof(*vcpu));
    while (state_next(file, &at, &record)) {
        const struct state_section *section = state_section_find(&record);
        struct state_vcpu_head head;

        if (!section)
            continue;
        memcpy(&head, record.payload, sizeof(head));
        if (head.vcpu == number)
            take_section(section, &record, vcpu);
    }
}
