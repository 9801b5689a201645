/*
 * The rule: a wrong value may make an entry fail, or the guest; but the host keeps its interrupts, its memory, its ports,
 * its MSRs, and the global interrupt flag.
 */
#include "kernel/svm/lab_policy.h"

#include <stddef.h>

#include "config/abi.h"

/* Bits that stay as they are. */
struct kept {
    uint64_t bits;
    const char *why;
};

/* Refuses for a reason that depends on more than the field's own bits: the bits and *why, or 0. */
typedef uint64_t lab_check(const struct vmcb_control *now, uint32_t features, uint64_t value, const char **why);

enum { KEPT = 8 };

struct lab_row {
    uint16_t offset;
    uint8_t bytes;
    uint32_t clean;
    uint64_t coupled; /* bits that go with bits of other fields: a change is loaded together with all else */
    lab_check *check;
    struct kept kept[KEPT];
};

enum { STGI_CLGI = INTERCEPT_STGI | INTERCEPT_CLGI, VMLOAD_VMSAVE = INTERCEPT_VMLOAD | INTERCEPT_VMSAVE };

static const char needs_gif[] = "the guest would clear the host's GIF: only together with V_GIF_ENABLE";
static const char needs_virtual_vmload[] = "the guest would name host memory: only together with virtual VMLOAD and VMSAVE";

static uint64_t check_misc2(const struct vmcb_control *now, uint32_t features, uint64_t value, const char **why)
{
    uint64_t missing = ~value & STGI_CLGI;

    (void)features;
    *why = needs_gif;
    if (missing && !(now->v_intr & V_GIF_ENABLE))
        return missing;
    missing = ~value & VMLOAD_VMSAVE;
    *why = needs_virtual_vmload;
    return now->lbr_control & VIRTUAL_VMLOAD ? 0 : missing;
}

static uint64_t check_v_intr(const struct vmcb_control *now, uint32_t features, uint64_t value, const char **why)
{
    *why = "this CPU has no virtual GIF";
    if (!(features & SVM_VIRTUAL_GIF))
        return value & (V_GIF | V_GIF_ENABLE);
    *why = "the host's GIF is guarded by the intercepts of STGI and CLGI, and by nothing else: set them first";
    return ~value & V_GIF_ENABLE && ~now->intercept[INTERCEPT_MISC2] & STGI_CLGI ? V_GIF_ENABLE : 0;
}

static uint64_t check_lbr(const struct vmcb_control *now, uint32_t features, uint64_t value, const char **why)
{
    *why = "this CPU does not offer it";
    if (value & LBR_ENABLE && !(features & SVM_LBR_VIRTUALIZATION))
        return LBR_ENABLE;
    if (value & VIRTUAL_VMLOAD && !(features & SVM_VIRTUAL_VMLOAD_VMSAVE))
        return VIRTUAL_VMLOAD;
    *why = "the host's memory is guarded by the intercepts of VMLOAD and VMSAVE, and by nothing else: set them first";
    return ~value & VIRTUAL_VMLOAD && ~now->intercept[INTERCEPT_MISC2] & VMLOAD_VMSAVE ? VIRTUAL_VMLOAD : 0;
}

/* "TLB Control": what is none of these is reserved, and the CPU's answer would be a flush of unknown size. */
static uint64_t check_tlb(const struct vmcb_control *now, uint32_t features, uint64_t value, const char **why)
{
    (void)now;
    if (value == TLB_CONTROL_NOTHING || value == TLB_CONTROL_FLUSH_ALL)
        return 0;
    *why = "only 0, 1, 3 and 7 are defined";
    if (value != TLB_CONTROL_FLUSH_ASID && value != TLB_CONTROL_FLUSH_ASID_LOCAL)
        return UINT8_MAX;
    *why = "this CPU can't flush by ASID";
    return features & SVM_FLUSH_BY_ASID ? 0 : value;
}

static uint64_t check_record(const struct vmcb_control *now, uint32_t features, uint64_t value, const char **why)
{
    (void)now, (void)value;
    *why = "this CPU does not virtualize the records of branches";
    return features & SVM_LBR_VIRTUALIZATION ? 0 : UINT64_MAX;
}

#define AT(member) .offset = offsetof(struct vmcb, member), .bytes = sizeof(((struct vmcb *)0)->member)

static const struct lab_row rows[] = {
    {AT(control.intercept[INTERCEPT_CR]), .clean = CLEAN_I},
    {AT(control.intercept[INTERCEPT_DR]), .clean = CLEAN_I},
    {AT(control.intercept[INTERCEPT_EXCEPTION]), .clean = CLEAN_I},
    {AT(control.intercept[INTERCEPT_MISC1]), .clean = CLEAN_I,
     .kept = {{INTERCEPT_INTR | INTERCEPT_NMI | INTERCEPT_SMI | INTERCEPT_INIT, "the host needs its interrupts"},
              {INTERCEPT_IOIO, "the guest would have the host's ports: LAB_PORT gives single ones"},
              {INTERCEPT_MSR, "the guest would have the host's MSRs: LAB_MSR_READ and LAB_MSR_WRITE give single ones"},
              {INTERCEPT_INVD, "what the host has written, and is not yet in memory, would be lost"},
              {INTERCEPT_INVLPGA, "the guest would name ASIDs of the host and of others"},
              {INTERCEPT_FERR_FREEZE, "the processor would wait for an interrupt that the host does not send"},
              {INTERCEPT_SHUTDOWN, "a shutdown of the guest would be one of the host"}}},
    {AT(control.intercept[INTERCEPT_MISC2]), .clean = CLEAN_I, .coupled = STGI_CLGI | VMLOAD_VMSAVE, .check = check_misc2,
     .kept = {{INTERCEPT_VMRUN, "VMRUN demands it"},
              {INTERCEPT_VMMCALL, "a guest without hypercalls would have no way back"},
              {INTERCEPT_SKINIT, "the guest would start the host's processor anew"},
              {INTERCEPT_XSETBV, "XCR0 is the host's, too"}}},
    {AT(control.intercept[INTERCEPT_MISC3]), .clean = CLEAN_I},
    {AT(control.pause_filter_threshold), .clean = CLEAN_I},
    {AT(control.pause_filter_count), .clean = CLEAN_I},
    {AT(control.asid), .kept = {{UINT32_MAX, "another ASID could be a way to what the TLB holds of others"}}},
    {AT(control.tlb_control), .check = check_tlb},
    {AT(control.v_intr), .clean = CLEAN_TPR, .coupled = V_GIF_ENABLE, .check = check_v_intr,
     .kept = {{V_INTR_MASKING, "the guest's IF would hold back the host's interrupts"},
              {~(V_TPR | V_IRQ | V_INTR_PRIO | V_IGN_TPR | V_GIF | V_GIF_ENABLE | V_INTR_MASKING | V_INTR_VECTOR),
               "reserved, or a part of AVIC or virtual NMIs, which a lab has not"}}},
    {AT(control.nested_control), .kept = {{UINT64_MAX, "the host keeps its memory by nested paging"}}},
    {AT(control.lbr_control), .clean = CLEAN_LBR, .coupled = VIRTUAL_VMLOAD, .check = check_lbr,
     .kept = {{~(uint64_t)(LBR_ENABLE | VIRTUAL_VMLOAD), "reserved"}}},
    {AT(control.clean)},
    {AT(save.dbgctl), .clean = CLEAN_LBR, .check = check_record},
    {AT(save.br_from), .clean = CLEAN_LBR, .check = check_record},
    {AT(save.br_to), .clean = CLEAN_LBR, .check = check_record},
    {AT(save.last_excp_from), .clean = CLEAN_LBR, .check = check_record},
    {AT(save.last_excp_to), .clean = CLEAN_LBR, .check = check_record},
};

static const struct lab_row *find_row(uint64_t what)
{
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        if (what == VMCB_FIELD(rows[i].offset, rows[i].bytes))
            return &rows[i];
    return NULL;
}

static uint64_t get(const struct vmcb_control *now, const struct lab_row *row)
{
    uint64_t value = 0;

    if (row->offset >= sizeof *now)
        return 0; /* of the save area, where nothing is kept */
    for (unsigned i = row->bytes; i-- > 0;)
        value = value << 8 | ((const uint8_t *)now)[row->offset + i];
    return value;
}

/* The bits that may not change but would, and why the first of them may not. */
static uint64_t find_kept(const struct lab_row *row, uint64_t changed, const char **why)
{
    uint64_t bad = 0;

    for (unsigned i = KEPT; i-- > 0;) {
        if (!(changed & row->kept[i].bits))
            continue;
        bad |= changed & row->kept[i].bits;
        *why = row->kept[i].why;
    }
    return bad;
}

bool svm_lab_policy(const struct vmcb_control *now, uint32_t features, uint64_t what, uint64_t value,
                    struct svm_lab_answer *answer)
{
    const struct lab_row *row = find_row(what);
    uint64_t changed;

    if (!row)
        return false;
    changed = value ^ get(now, row);
    *answer = (struct svm_lab_answer){.clean = changed & row->coupled ? CLEAN_ALL : row->clean};
    answer->refused = find_kept(row, changed, &answer->why);
    if (!answer->refused && row->check)
        answer->refused = row->check(now, features, value, &answer->why);
    if (!answer->refused)
        answer->why = NULL;
    return true;
}
