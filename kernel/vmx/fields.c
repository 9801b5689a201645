/* The field policy: which VMCS fields a monitor may write, and what of them. What has no row is the kernel's own. */
#include "kernel/vm/vm.h"
#include "kernel/vmx/lab.h"
#include "lib/x86.h"

/* What goes along with a write, given the value as the monitor wrote it. Returns what is really written. */
typedef uint64_t field_write_hook(struct vcpu *vcpu, uint64_t value);

struct field_row {
    uint32_t first, last; /* encodings, in steps of 2 */
    uint64_t owned;       /* bits that the monitor owns; others must be 0 */
    field_write_hook *hook;
};

#define ALL ~0ull

static uint64_t write_cr0(struct vcpu *vcpu, uint64_t value)
{
    (void)vcpu;
    vmwrite(CR0_READ_SHADOW, value);
    return (value & ~vmx_controls.cr0_host) | vmx_controls.cr0_forced;
}

static uint64_t write_cr4(struct vcpu *vcpu, uint64_t value)
{
    (void)vcpu;
    vmwrite(CR4_READ_SHADOW, value);
    return (value & ~vmx_controls.cr4_host) | vmx_controls.cr4_forced;
}

/* The entry control follows LMA; at exits the CPU keeps the two in step itself ("Saving MSRs"). */
static uint64_t write_efer(struct vcpu *vcpu, uint64_t value)
{
    uint64_t controls = vmread(ENTRY_CONTROLS) & ~(uint64_t)ENTRYC_IA32E_MODE_GUEST;

    (void)vcpu;
    vmwrite(ENTRY_CONTROLS, controls | (value & EFER_LMA ? ENTRYC_IA32E_MODE_GUEST : 0));
    return value;
}

static uint64_t write_rip(struct vcpu *vcpu, uint64_t value)
{
    vcpu->rip = value;
    return value;
}

static uint64_t write_tsc_offset(struct vcpu *vcpu, uint64_t value)
{
    vcpu->tsc_offset = value;
    return value;
}

/* The monitor injects an event of its own: it replaces the one that was cut short. */
static uint64_t write_interruption(struct vcpu *vcpu, uint64_t value)
{
    vcpu->reinject = 0;
    return value;
}

/* By rising encoding. The first row that holds the encoding counts. */
static const struct field_row rows[] = {
    {GUEST_ES_SELECTOR, GUEST_TR_SELECTOR, ALL, NULL},
    {TSC_OFFSET, TSC_OFFSET, ALL, write_tsc_offset},
    {GUEST_IA32_DEBUGCTL, GUEST_IA32_PAT, ALL, NULL},
    {GUEST_IA32_EFER, GUEST_IA32_EFER, ALL, write_efer},
    {GUEST_PDPTE0, GUEST_PDPTE3, ALL, NULL},
    {ENTRY_INTERRUPTION_INFO, ENTRY_INTERRUPTION_INFO, ALL, write_interruption},
    {ENTRY_EXCEPTION_ERROR_CODE, ENTRY_INSTRUCTION_LENGTH, ALL, NULL},
    {GUEST_ES_LIMIT, GUEST_ACTIVITY, ALL, NULL},
    {GUEST_SYSENTER_CS, GUEST_SYSENTER_CS, ALL, NULL},
    {CR0_READ_SHADOW, CR4_READ_SHADOW, ALL, NULL},
    {GUEST_CR0, GUEST_CR0, ALL, write_cr0},
    {GUEST_CR3, GUEST_CR3, ALL, NULL},
    {GUEST_CR4, GUEST_CR4, ALL, write_cr4},
    {GUEST_ES_BASE, GUEST_RSP, ALL, NULL},
    {GUEST_RIP, GUEST_RIP, ALL, write_rip},
    {GUEST_RFLAGS, GUEST_SYSENTER_EIP, ALL, NULL},
};

/* Fields whose value is a host address, or host state: a monitor has no use for it. */
static bool is_secret(uint64_t what)
{
    unsigned type = what >> 10 & 3;

    return type == 3 || what == MSR_BITMAP || what == EPT_POINTER || what == VMCS_LINK_POINTER;
}

/* False if there is no such field. */
static bool read_field(uint64_t what, uint64_t *value)
{
    return what <= 0x7fff && !(what & 1) && vmread_safe(what, value);
}

int vmx_field_read(struct vcpu *vcpu, uint64_t what, uint64_t *value)
{
    if (!read_field(what, value))
        return -ABI_EINVAL;
    if (is_secret(what))
        return -ABI_EACCES;
    if (vcpu->lab)
        *value = vmx_lab_field_view(vcpu, what, *value);
    return 0;
}

int vmx_refused_read(struct vcpu *vcpu, uint64_t what, uint64_t *value)
{
    const uint64_t entry_failure = 1ull << 31; /* in the exit reason */

    if (!(vcpu->exit_reason & (LAB_VMFAIL | entry_failure)))
        return -ABI_EACCES;
    if (what & VCPU_ITEM)
        return vcpu->lab ? vmx_lab_refused(vcpu, what ^ VCPU_ITEM, value) : -ABI_EINVAL;
    return read_field(what, value) ? 0 : -ABI_EINVAL;
}

static const struct field_row *find_row(uint64_t what)
{
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        if (what >= rows[i].first && what <= rows[i].last)
            return &rows[i];
    return NULL;
}

int vmx_field_write(struct vcpu *vcpu, uint64_t what, uint64_t value)
{
    const struct field_row *row = find_row(what);
    uint64_t old;
    int result;

    if (!read_field(what, &old))
        return -ABI_EINVAL;
    if (vcpu->lab && vmx_lab_field_write(vcpu, what, value, &result))
        return result;
    if (!row || (value & ~row->owned))
        return vcpu->lab ? lab_refuse(vcpu, 0, "this field is the kernel's") : -ABI_EACCES;
    if (row->hook)
        value = row->hook(vcpu, value);
    return vmwrite_safe(what, value) ? 0 : -ABI_EINVAL;
}
