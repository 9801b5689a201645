/* The state in which a guest starts, as data. */
#include "vmm/monitor/state.h"

#include "vmm/monitor/image.h"
#include "vmm/monitor/x86.h"

struct segment_state {
    uint16_t selector;
    uint32_t limit;
    uint32_t rights; /* as in VMX: type, S, DPL, P, then from bit 12 AVL, L, D/B, G */
};

struct start_state {
    uint64_t cr0, rsp, rbx;
    struct segment_state code, data;
    uint32_t idtr_limit;
};

static const struct start_state starts[GUEST_KINDS] = {
    [GUEST_NESTOR] =
        {
            .cr0 = CR0_PE | CR0_ET,
            .rbx = NESTOR_GUEST_MAGIC,
            .code = {0x08, 0xffffffff, 0xc09b},
            .data = {0x10, 0xffffffff, 0xc093},
        },
    [GUEST_FLAT16] =
        {
            .cr0 = CR0_ET,
            .rsp = FLAT16_START,
            .code = {0, 0xffff, 0x009b},
            .data = {0, 0xffff, 0x0093},
            .idtr_limit = 0x3ff,
        },
};

/* VM entry wants a busy TSS in TR, and lets LDTR be unusable ("Checks on Guest Segment Registers"). */
static const struct segment_state no_ldt = {0, 0, RIGHTS_UNUSABLE};
static const struct segment_state busy_tss = {0, 0xffff, 0x008b};

static const struct segment_state *segment_of(const struct start_state *start, enum segment_register segment)
{
    switch (segment) {
    case SEG_CS:
        return &start->code;
    case SEG_LDTR:
        return &no_ldt;
    case SEG_TR:
        return &busy_tss;
    default:
        return &start->data;
    }
}

void state_start(struct guest *guest, const struct vcpu_start *where)
{
    const struct start_state *start = &starts[guest->vm->args->kind];
    struct reg_value values[MAX_STATE_PAIRS];
    const struct reg_value others[] = {
        {REG_CR0, start->cr0},
        {REG_CR3, 0},
        {REG_CR4, 0},
        {REG_EFER, 0},
        {REG_RFLAGS, RFLAGS_FIXED},
        {REG_DR7, DR7_FIXED},
        {REG_RIP, where->entry},
        {REG_RSP, start->rsp},
        {REG_GDTR_BASE, 0},
        {REG_GDTR_LIMIT, 0},
        {REG_IDTR_BASE, 0},
        {REG_IDTR_LIMIT, start->idtr_limit},
        {REG_ACTIVITY, 0},
        {REG_INTERRUPTIBILITY, 0},
    };
    unsigned count = 0;

    for (enum segment_register s = 0; s < SEG_COUNT; s++) {
        const struct segment_state *segment = segment_of(start, s);

        values[count++] = (struct reg_value){reg_segment(s, SEG_SELECTOR), segment->selector};
        values[count++] = (struct reg_value){reg_segment(s, SEG_LIMIT), segment->limit};
        values[count++] = (struct reg_value){reg_segment(s, SEG_RIGHTS), segment->rights};
        values[count++] = (struct reg_value){reg_segment(s, SEG_BASE), 0};
    }
    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        values[count++] = others[i];
    guest_set(guest, values, count);
    guest->vcpu.page->gpr[GPR_RBX] = start->rbx;
    guest->vcpu.page->gpr[GPR_RDI] = where->argument;
}
