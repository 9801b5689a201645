#include "vmm/state/vcpu.h"

#include <string.h>

#include "vmm/lib/error.h"
#include "vmm/monitor/handle.h"
#include "vmm/monitor/x86.h"

/* "Event Injection" in both manuals. */
#define EVENT_VALID     (1ull << 31)
#define EVENT_TYPE(e)   ((unsigned)((e) >> 8 & 7))
#define EVENT_VECTOR(e) ((unsigned)((e)&0xff))
enum { EVENT_EXTERNAL = 0, EVENT_NMI = 2, EVENT_EXCEPTION = 3 };

enum {
    TPR = 0xff,
    CR8_BITS = 0xf,
    RIGHTS_DPL_SHIFT = 5,
    RIGHTS_DPL = 3 << RIGHTS_DPL_SHIFT,
    RIGHTS_BUSY = 2,
    RIGHTS_ACCESSED = 1
};

static uint64_t *value_of(struct state_vcpu *vcpu, enum reg reg) { return &vcpu->value[SLOT_REG + (int)reg]; }

/* What the guest sees where the host owns bits; without a mask it is the register. */
static uint64_t seen(uint64_t real, uint64_t mask, uint64_t shadow) { return (real & ~mask) | (shadow & mask); }

/*
 * What is to be injected when the guest goes on: an exception or an NMI. An external interrupt waits as the others do. A
 * software interrupt comes again by itself, for RIP is still at its instruction.
 */
static void settle_event(struct state_vcpu *v)
{
    uint64_t event = *value_of(v, REG_EVENT), error = *value_of(v, REG_EVENT_ERROR);

    event |= error << 32;
    if (!(event & EVENT_VALID))
        event = *value_of(v, REG_CUT_SHORT);
    if (event & EVENT_VALID && EVENT_TYPE(event) == EVENT_EXTERNAL)
        *value_of(v, REG_PENDING + EVENT_VECTOR(event) / 64) |= 1ull << EVENT_VECTOR(event) % 64;
    if (!(event & EVENT_VALID) || (EVENT_TYPE(event) != EVENT_NMI && EVENT_TYPE(event) != EVENT_EXCEPTION))
        event = 0;
    *value_of(v, REG_EVENT) = event;
}

/* The four entries of PAE paging, where the CPU uses them; elsewhere they are what was left there. */
static void settle_pdptes(struct state_vcpu *v)
{
    bool pae =
        *value_of(v, REG_CR0) & CR0_PG && *value_of(v, REG_CR4) & CR4_PAE && !(*value_of(v, REG_EFER) & EFER_LMA);

    for (unsigned i = 0; i < 4 && !pae; i++)
        *value_of(v, REG_PDPTE0 + i) = 0;
}

void state_read_vcpu(struct guest *guest, struct state_vcpu *out)
{
    struct reg_value values[MAX_STATE_PAIRS];
    uint64_t *rights = value_of(out, reg_segment(SEG_SS, SEG_RIGHTS));

    memset(out, 0, sizeof(*out));
    memcpy(out->value, guest->vcpu.page->gpr, GPR_COUNT * sizeof(uint64_t));
    for (unsigned first = 0, n; first < REG_COUNT; first += n) {
        for (n = 0; n < MAX_STATE_PAIRS && first + n < REG_COUNT; n++)
            values[n].reg = first + n;
        guest_get(guest, values, n);
        for (unsigned i = 0; i < n; i++)
            *value_of(out, first + i) = values[i].value;
    }
    *value_of(out, REG_CR0) =
        seen(*value_of(out, REG_CR0), *value_of(out, REG_CR0_MASK), *value_of(out, REG_CR0_SHADOW));
    *value_of(out, REG_CR4) =
        seen(*value_of(out, REG_CR4), *value_of(out, REG_CR4_MASK), *value_of(out, REG_CR4_SHADOW));
    *value_of(out, REG_EFER) &= ~EFER_SVME;
    out->value[SLOT_CR8] = guest->cr8;
    if (guest->vm->backend == BACKEND_SVM) {
        out->value[SLOT_CR8] = *value_of(out, REG_V_INTR) & CR8_BITS;
        *rights = (*rights & ~(uint64_t)RIGHTS_DPL) | *value_of(out, REG_CPL) << RIGHTS_DPL_SHIFT;
    }
    settle_event(out);
    settle_pdptes(out);
}

/* A register that must be written before the others that depend on it, or that stands in the file in another form. */
static bool is_special(enum reg reg) { return reg == REG_EVENT || reg == REG_TSC_OFFSET; }

static void write_some(struct guest *guest, const struct reg_value *values, unsigned count)
{
    enum reg refused = 0;
    int64_t result = vcpu_set(&guest->vcpu, values, count, &refused);

    if (result < 0)
        guest_end(guest, END_BAD_STATE, "state %s: vCPU %u can't have this %s: %s", guest->vm->args->state_name,
                  (unsigned)guest->vcpu.number, reg_name(refused), error_text(result));
}

static void write_derived(struct guest *guest, struct state_vcpu *vcpu, uint64_t tsc_offset)
{
    uint64_t event = *value_of(vcpu, REG_EVENT), cr8 = vcpu->value[SLOT_CR8] & CR8_BITS;
    uint64_t rights = *value_of(vcpu, reg_segment(SEG_SS, SEG_RIGHTS));
    struct reg_value values[] = {
        {REG_TSC_OFFSET, tsc_offset},
        {REG_CPL, (rights & RIGHTS_DPL) >> RIGHTS_DPL_SHIFT},
        {REG_V_INTR, (guest_get_one(guest, REG_V_INTR) & ~(uint64_t)TPR) | cr8},
        {REG_EVENT, guest->vm->backend == BACKEND_VMX ? (uint32_t)event : event},
        {REG_EVENT_ERROR, event >> 32},
    };

    write_some(guest, values, sizeof(values) / sizeof(values[0]));
    guest->cr8 = cr8;
}

/*
 * What loading a segment register does to the descriptor, VMX wants to see in the register; an SVM need not keep it there. Of an LDTR
 * that is not usable, VMX keeps the last limit; QEMU's SVM goes by the limit alone, which so has to be too small for any descriptor.
 */
static void make_segments_palatable(struct state_vcpu *vcpu)
{
    for (enum segment_register s = 0; s < SEG_COUNT; s++) {
        uint64_t *rights = value_of(vcpu, reg_segment(s, SEG_RIGHTS));

        if (!(*rights & RIGHTS_UNUSABLE) && s != SEG_LDTR)
            *rights |= s == SEG_TR ? RIGHTS_BUSY : RIGHTS_ACCESSED;
        if (*rights & RIGHTS_UNUSABLE && s == SEG_LDTR)
            *value_of(vcpu, reg_segment(s, SEG_LIMIT)) = 0;
    }
}

/* VMX wants to be told the entries that SVM reads from memory. */
static void make_palatable(struct guest *guest, struct state_vcpu *vcpu)
{
    bool pae = *value_of(vcpu, REG_CR0) & CR0_PG && *value_of(vcpu, REG_CR4) & CR4_PAE &&
               !(*value_of(vcpu, REG_EFER) & EFER_LMA);

    make_segments_palatable(vcpu);
    if (pae && !vcpu->present[SLOT_REG + REG_PDPTE0] && guest->vm->backend == BACKEND_VMX)
        cr_load_pdptes(guest, *value_of(vcpu, REG_CR3));
    if (*value_of(vcpu, REG_PENDING_DEBUG) && !reg_what(guest->vm->backend, REG_PENDING_DEBUG))
        guest_end(guest, END_BAD_STATE, "state %s: vCPU %u has %s, for which there is no place on this CPU",
                  guest->vm->args->state_name, (unsigned)guest->vcpu.number, reg_name(REG_PENDING_DEBUG));
}

void state_write_vcpu(struct guest *guest, struct state_vcpu *vcpu, uint64_t tsc_offset)
{
    struct reg_value values[MAX_STATE_PAIRS];
    unsigned count = 0;

    for (unsigned i = 0; i < GPR_COUNT; i++)
        if (vcpu->present[i])
            guest->vcpu.page->gpr[i] = vcpu->value[i];
    make_palatable(guest, vcpu);
    write_derived(guest, vcpu, tsc_offset);
    for (enum reg reg = 0; reg < REG_COUNT; reg++) {
        if (vcpu->present[SLOT_REG + (int)reg] && !is_special(reg))
            values[count++] = (struct reg_value){reg, *value_of(vcpu, reg)};
        if (count == MAX_STATE_PAIRS || reg == REG_COUNT - 1) {
            write_some(guest, values, count);
            count = 0;
        }
    }
}
