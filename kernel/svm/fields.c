/* The field policy: what a monitor may read and write of its vCPU's VMCB. */
#include "kernel/svm/lab.h"

#include "lib/string.h"
#include "lib/x86.h"

/* `open` bits are the monitor's. `hidden` ones are the kernel's, whatever the monitor writes there; all others must be
 * written as they are. */
struct field {
    uint16_t offset;
    uint8_t bytes;
    bool secret;    /* holds a host address: not even read */
    uint32_t clean; /* the clean bit that covers it */
    uint64_t open, hidden;
};

#define OPEN UINT64_MAX
#define FIELD(member, ...)                                                                                             \
    {                                                                                                                  \
        .offset = offsetof(struct vmcb, member), .bytes = sizeof(((struct vmcb *)0)->member), __VA_ARGS__              \
    }
#define SEGMENT(name, ...)                                                                                             \
    FIELD(save.name.selector, __VA_ARGS__), FIELD(save.name.attributes, __VA_ARGS__),                                  \
        FIELD(save.name.limit, __VA_ARGS__), FIELD(save.name.base, __VA_ARGS__)

static const struct field fields[] = {
    FIELD(control.intercept[INTERCEPT_CR], .open = 0),
    FIELD(control.intercept[INTERCEPT_DR], .open = 0),
    FIELD(control.intercept[INTERCEPT_EXCEPTION], .open = 0),
    FIELD(control.intercept[INTERCEPT_MISC1], .open = 0),
    FIELD(control.intercept[INTERCEPT_MISC2], .open = 0),
    FIELD(control.intercept[INTERCEPT_MISC3], .open = 0),
    FIELD(control.pause_filter_threshold, .open = 0),
    FIELD(control.pause_filter_count, .open = 0),
    FIELD(control.iopm_base_pa, .secret = true),
    FIELD(control.msrpm_base_pa, .secret = true),
    FIELD(control.tsc_offset, .open = OPEN, .clean = CLEAN_I),
    FIELD(control.asid, .open = 0),
    FIELD(control.tlb_control, .open = 0),
    FIELD(control.v_intr, .open = V_TPR, .clean = CLEAN_TPR),
    FIELD(control.interrupt_shadow, .open = INTERRUPT_SHADOW),
    FIELD(control.exitcode, .open = 0),
    FIELD(control.exitinfo1, .open = 0),
    FIELD(control.exitinfo2, .open = 0),
    FIELD(control.exitintinfo, .open = 0),
    FIELD(control.nested_control, .open = 0),
    FIELD(control.eventinj, .open = OPEN),
    FIELD(control.nested_cr3, .secret = true),
    FIELD(control.lbr_control, .open = 0),
    FIELD(control.clean, .open = 0),
    FIELD(control.next_rip, .open = OPEN), /* an injected software interrupt pushes it */
    FIELD(control.n_bytes, .open = 0),

    SEGMENT(es, .open = OPEN, .clean = CLEAN_SEG),
    SEGMENT(cs, .open = OPEN, .clean = CLEAN_SEG),
    SEGMENT(ss, .open = OPEN, .clean = CLEAN_SEG),
    SEGMENT(ds, .open = OPEN, .clean = CLEAN_SEG),
    SEGMENT(fs, .open = OPEN),
    SEGMENT(gs, .open = OPEN),
    FIELD(save.gdtr.limit, .open = OPEN, .clean = CLEAN_DT),
    FIELD(save.gdtr.base, .open = OPEN, .clean = CLEAN_DT),
    SEGMENT(ldtr, .open = OPEN),
    FIELD(save.idtr.limit, .open = OPEN, .clean = CLEAN_DT),
    FIELD(save.idtr.base, .open = OPEN, .clean = CLEAN_DT),
    SEGMENT(tr, .open = OPEN),
    FIELD(save.cpl, .open = OPEN, .clean = CLEAN_SEG),
    FIELD(save.efer, .open = ~EFER_SVME, .hidden = EFER_SVME, .clean = CLEAN_CRX),
    FIELD(save.cr4, .open = OPEN, .clean = CLEAN_CRX),
    FIELD(save.cr3, .open = OPEN, .clean = CLEAN_CRX),
    FIELD(save.cr0, .open = OPEN, .clean = CLEAN_CRX),
    FIELD(save.dr7, .open = OPEN, .clean = CLEAN_DRX),
    FIELD(save.dr6, .open = OPEN, .clean = CLEAN_DRX),
    FIELD(save.rflags, .open = OPEN),
    FIELD(save.rip, .open = OPEN),
    FIELD(save.rsp, .open = OPEN),
    FIELD(save.rax, .open = OPEN),
    FIELD(save.star, .open = OPEN),
    FIELD(save.lstar, .open = OPEN),
    FIELD(save.cstar, .open = OPEN),
    FIELD(save.sfmask, .open = OPEN),
    FIELD(save.kernel_gs_base, .open = OPEN),
    FIELD(save.sysenter_cs, .open = OPEN),
    FIELD(save.sysenter_esp, .open = OPEN),
    FIELD(save.sysenter_eip, .open = OPEN),
    FIELD(save.cr2, .open = OPEN, .clean = CLEAN_CR2),
    FIELD(save.g_pat, .open = OPEN, .clean = CLEAN_NP),
    FIELD(save.dbgctl, .open = 0),
    FIELD(save.br_from, .open = 0),
    FIELD(save.br_to, .open = 0),
    FIELD(save.last_excp_from, .open = 0),
    FIELD(save.last_excp_to, .open = 0),
};

enum { FIELDS = sizeof fields / sizeof *fields, FIELDS_END = offsetof(struct vmcb, save.reserved5) };

static uint8_t field_at[FIELDS_END]; /* number in the table, plus 1, of the field that starts at an offset */

void svm_fields_init(void)
{
    _Static_assert(FIELDS < UINT8_MAX, "numbers in field_at");

    for (unsigned i = 0; i < FIELDS; i++)
        field_at[fields[i].offset] = (uint8_t)(i + 1);
}

static const struct field *find(uint64_t what)
{
    uint64_t offset = what & 0xffff;
    const struct field *f;

    if (offset >= FIELDS_END || field_at[offset] == 0)
        return NULL;
    f = &fields[field_at[offset] - 1];
    return what == VMCB_FIELD(f->offset, f->bytes) ? f : NULL;
}

static uint64_t get(const struct vcpu *vcpu, const struct field *f)
{
    uint64_t value = 0;

    memcpy(&value, (const char *)svm_vmcb(vcpu) + f->offset, f->bytes);
    return value;
}

int svm_field_read(struct vcpu *vcpu, uint64_t what, uint64_t *value)
{
    const struct field *f = find(what);

    if (!f)
        return -ABI_EINVAL;
    if (f->secret)
        return -ABI_EACCES;
    if (vcpu->lab && svm_lab_field_read(vcpu, what, value))
        return 0;
    *value = get(vcpu, f);
    return 0;
}

/*
 * A VMRUN that is refused saves no guest state; but Bochs and QEMU save something there, and nobody could tell what was wrong.
 * So what the first entry finds after the monitor has written is kept.
 */
static const uint16_t checked[] = {
    offsetof(struct vmcb, control.eventinj), offsetof(struct vmcb, save.cs.attributes), offsetof(struct vmcb, save.efer),
    offsetof(struct vmcb, save.cr0),         offsetof(struct vmcb, save.cr3),           offsetof(struct vmcb, save.cr4),
    offsetof(struct vmcb, save.dr6),         offsetof(struct vmcb, save.dr7),           offsetof(struct vmcb, save.rflags),
    offsetof(struct vmcb, save.g_pat),
};
enum { CHECKED = sizeof checked / sizeof *checked };
_Static_assert((int)SVM_VCPU_CHECKED + (int)CHECKED == (int)SVM_VCPU_CHECKED_END, "there is room for them");
_Static_assert((int)SVM_VCPU_CHECKED_END <= sizeof(((struct vcpu *)0)->backend) / sizeof(uint64_t), "in vcpu.backend");

static void keep_checked(struct vcpu *vcpu)
{
    vcpu->backend[SVM_VCPU_CHECKED_EXITS] = vcpu->exits;
    for (unsigned i = 0; i < CHECKED; i++)
        vcpu->backend[SVM_VCPU_CHECKED + i] = get(vcpu, &fields[field_at[checked[i]] - 1]);
}

/* The exit of the refused entry has been counted. */
static uint64_t get_refused(const struct vcpu *vcpu, const struct field *f)
{
    bool is_first_entry = vcpu->backend[SVM_VCPU_CHECKED_EXITS] + 1 == vcpu->exits;

    for (unsigned i = 0; i < CHECKED; i++)
        if (is_first_entry && checked[i] == f->offset)
            return vcpu->backend[SVM_VCPU_CHECKED + i];
    return get(vcpu, f);
}

int svm_refused_read(struct vcpu *vcpu, uint64_t what, uint64_t *value)
{
    const struct field *f = find(what);

    if (!svm_is_invalid(vcpu->exit_reason))
        return -ABI_EACCES;
    if (!f)
        return -ABI_EINVAL;
    *value = get_refused(vcpu, f);
    return 0;
}

/* What the kernel keeps beside the VMCB and a write has to reach. */
static void write_through(struct vcpu *vcpu, const struct field *f, uint64_t value)
{
    if (f->offset == offsetof(struct vmcb, save.rax))
        vcpu->page->gpr[GPR_RAX] = value;
    if (f->offset == offsetof(struct vmcb, control.tsc_offset))
        vcpu->tsc_offset = value;
    if (f->offset == offsetof(struct vmcb, control.eventinj)) {
        vcpu->reinject = 0;
        vcpu->attention |= ATTENTION_EVENT;
    }
}

static int refuse(struct vcpu *vcpu, const struct field *f, uint64_t bits)
{
    if (!vcpu->lab)
        return -ABI_EACCES;
    return f->secret ? lab_refuse(vcpu, 0, "this field holds an address of the host") :
                       lab_refuse(vcpu, bits, "these bits are the kernel's, or the CPU's answer");
}

int svm_field_write(struct vcpu *vcpu, uint64_t what, uint64_t value)
{
    const struct field *f = find(what);
    uint64_t old;
    int result;

    if (!f)
        return -ABI_EINVAL;
    if (f->bytes < sizeof value && value >> f->bytes * 8)
        return -ABI_EINVAL;
    if (vcpu->lab && svm_lab_field_write(vcpu, what, value, &result))
        return result;
    old = get(vcpu, f);
    if (f->secret || ((value ^ old) & ~(f->open | f->hidden)))
        return refuse(vcpu, f, (value ^ old) & ~(f->open | f->hidden));
    value = (value & f->open) | (old & ~f->open);
    memcpy((char *)svm_vmcb(vcpu) + f->offset, &value, f->bytes);
    svm_changed(vcpu, f->clean);
    write_through(vcpu, f, value);
    keep_checked(vcpu);
    return 0;
}
