/* The lab: pages that control fields point to, and what is named by ports and MSRs. */
#include "kernel/vmx/lab.h"

#include "drivers/lapic.h"
#include "kernel/vm/vm.h"
#include "lib/string.h"
#include "lib/x86.h"
#include "mm/direct.h"

enum { EPTP_LIST_ENTRIES = 512 };

/* "Format of an MSR Entry". */
struct msr_entry {
    uint32_t msr, reserved;
    uint64_t value;
};

static void *lab_page(const struct vcpu *vcpu, enum vmx_lab_page page) { return mm_direct(vcpu->lab->page[page]); }

static struct msr_entry *msr_area(const struct vcpu *vcpu, enum lab_kind kind)
{
    return (struct msr_entry *)lab_page(vcpu, LAB_MSR_AREAS) + (kind - LAB_ENTRY_LOAD) * LAB_MSR_ENTRIES;
}

/* ---- Ports and MSRs --------------------------------------------------------------------------------------- */

static void set_bit(uint8_t *bitmap, uint64_t bit, bool on)
{
    if (on)
        bitmap[bit / 8] |= (uint8_t)(1u << bit % 8);
    else
        bitmap[bit / 8] &= (uint8_t)~(1u << bit % 8);
}

static bool get_bit(const uint8_t *bitmap, uint64_t bit) { return bitmap[bit / 8] >> bit % 8 & 1; }

/* "I/O-Bitmap Addresses": A has ports up to 7FFFH, B the others. */
static uint8_t *io_bitmap(const struct vcpu *vcpu, uint64_t port)
{
    return lab_page(vcpu, port < 0x8000 ? LAB_IO_BITMAP_A : LAB_IO_BITMAP_B);
}

static int write_port(struct vcpu *vcpu, uint64_t port, uint64_t trap)
{
    if (port > 0xffff || trap > 1)
        return -ABI_EINVAL;
    if (!trap && !lab_port_is_harmless(port))
        return lab_refuse(vcpu, 1, "this port may belong to a device of the host: it has to exit");
    set_bit(io_bitmap(vcpu, port), port & 0x7fff, trap);
    return 0;
}

/* "MSR-Bitmap Address": where the bit of an MSR is; false if it has none. */
static bool msr_bit(uint64_t msr, bool write, uint64_t *bit)
{
    enum { HALF_BITS = 8 * 1024 };

    if (msr > 0x1fff && (msr < 0xc0000000 || msr > 0xc0001fff))
        return false;
    *bit = (msr & 0x1fff) + (msr >= 0xc0000000 ? HALF_BITS : 0) + (write ? 2 * HALF_BITS : 0);
    return true;
}

/* MSRs that VMX switches, or that belong to the context of a vCPU. */
static bool msr_is_guests(uint64_t msr)
{
    static const uint32_t switched[] = {MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, MSR_PAT,
                                        MSR_EFER,        MSR_FS_BASE,      MSR_GS_BASE};

    for (unsigned i = 0; i < sizeof switched / sizeof *switched; i++)
        if (switched[i] == msr)
            return true;
    return context_msr_index((uint32_t)msr) >= 0;
}

static int write_msr_bit(struct vcpu *vcpu, uint64_t msr, bool write, uint64_t trap)
{
    uint64_t bit;

    if (trap > 1 || !msr_bit(msr, write, &bit))
        return -ABI_EINVAL;
    if (!trap && write && !msr_is_guests(msr))
        return lab_refuse(vcpu, 1, "this MSR is the host's: writing it has to exit");
    if (!trap && write && msr == MSR_EFER && !(vmread(EXIT_CONTROLS) & EXITC_LOAD_EFER))
        return lab_refuse(vcpu, 1, "the host would run with this EFER as long as the exit control loads none");
    set_bit(lab_page(vcpu, LAB_MSR_BITMAP), bit, trap);
    return 0;
}

/* An exit that can't load or store an MSR ends in a VMX abort, which stops the pCPU: these values don't fault. */
static bool exit_can_load(uint64_t msr, uint64_t value)
{
    enum { ADDRESS_BITS = 48 };

    switch (msr) {
    case MSR_LSTAR:
    case MSR_CSTAR:
    case MSR_KERNEL_GS_BASE:
        return (uint64_t)((int64_t)(value << (64 - ADDRESS_BITS)) >> (64 - ADDRESS_BITS)) == value;
    case MSR_SFMASK:
    case MSR_TSC_AUX:
        return value <= UINT32_MAX;
    default:
        return true;
    }
}

/* For the same reason, entries that the guest has not written have an MSR that exists, and that nobody uses. */
static void clear_msr_areas(struct vcpu *vcpu)
{
    for (enum lab_kind kind = LAB_ENTRY_LOAD; kind <= LAB_EXIT_LOAD; kind++)
        for (unsigned i = 0; i < LAB_MSR_ENTRIES; i++)
            msr_area(vcpu, kind)[i] = (struct msr_entry){MSR_CSTAR, 0, 0};
}

static int write_msr_entry(struct vcpu *vcpu, enum lab_kind kind, uint64_t number, uint64_t value)
{
    uint64_t index = number >> 32, msr = (uint32_t)number;

    if (index >= LAB_MSR_ENTRIES)
        return -ABI_EINVAL;
    if (context_msr_index((uint32_t)msr) < 0)
        return lab_refuse(vcpu, 0, "of these, MSR areas may only have STAR, LSTAR, CSTAR, FMASK, KERNEL_GS_BASE, TSC_AUX");
    if (kind == LAB_EXIT_LOAD && !exit_can_load(msr, value))
        return lab_refuse(vcpu, value, "the host could not load this value: a VMX abort would stop the pCPU");
    msr_area(vcpu, kind)[index] = (struct msr_entry){(uint32_t)msr, 0, value};
    return 0;
}

static uint64_t eptp_view(const struct vcpu *vcpu, uint64_t view)
{
    uint64_t flags = vcpu->backend[VCPU_EPTP] & (PAGE_BYTES - 1);

    if (view == 2)
        return vcpu->lab->page[LAB_EPT_ROOT].value | flags;
    return view == 1 ? vcpu->backend[VCPU_EPTP] : 0;
}

static int write_eptp(struct vcpu *vcpu, uint64_t index, uint64_t view)
{
    if (index >= EPTP_LIST_ENTRIES || view > 2)
        return -ABI_EINVAL;
    ((uint64_t *)lab_page(vcpu, LAB_EPTP_LIST))[index] = eptp_view(vcpu, view);
    memcpy(lab_page(vcpu, LAB_EPT_ROOT), mm_direct(vcpu->vm->memory.root), PAGE_BYTES);
    return 0;
}

static int write_part(struct vcpu *vcpu, uint64_t part, uint64_t value)
{
    if (part == LAB_VMX_RUN)
        return vmx_lab_run(vcpu, value);
    if (part > LAB_VMX_RUN)
        return -ABI_EINVAL;
    vcpu->lab->backend[part] = value;
    return 0;
}

int vmx_lab_write(struct vcpu *vcpu, enum lab_kind kind, uint64_t number, uint64_t value)
{
    switch (kind) {
    case LAB_PORT:
        return write_port(vcpu, number, value);
    case LAB_MSR_READ:
    case LAB_MSR_WRITE:
        return write_msr_bit(vcpu, number, kind == LAB_MSR_WRITE, value);
    case LAB_ENTRY_LOAD:
    case LAB_EXIT_STORE:
    case LAB_EXIT_LOAD:
        return write_msr_entry(vcpu, kind, number, value);
    case LAB_EPTP:
        return write_eptp(vcpu, number, value);
    case LAB_VMX:
        return write_part(vcpu, number, value);
    default:
        return -ABI_EINVAL;
    }
}

int vmx_lab_read(struct vcpu *vcpu, enum lab_kind kind, uint64_t number, uint64_t *value)
{
    uint64_t index = number >> 32, bit;

    switch (kind) {
    case LAB_PORT:
        *value = get_bit(io_bitmap(vcpu, number), number & 0x7fff);
        return number <= 0xffff ? 0 : -ABI_EINVAL;
    case LAB_MSR_READ:
    case LAB_MSR_WRITE:
        if (!msr_bit(number, kind == LAB_MSR_WRITE, &bit))
            return -ABI_EINVAL;
        *value = get_bit(lab_page(vcpu, LAB_MSR_BITMAP), bit);
        return 0;
    case LAB_ENTRY_LOAD:
    case LAB_EXIT_STORE:
    case LAB_EXIT_LOAD:
        if (index >= LAB_MSR_ENTRIES || msr_area(vcpu, kind)[index].msr != (uint32_t)number)
            return -ABI_EINVAL;
        *value = msr_area(vcpu, kind)[index].value;
        return 0;
    case LAB_VMX:
        *value = number < LAB_VMX_PARTS ? vcpu->lab->backend[number] : 0;
        return number < LAB_VMX_PARTS ? 0 : -ABI_EINVAL;
    case LAB_PROBE:
        return vmx_lab_probe_read(vcpu, number, value);
    default:
        return -ABI_EINVAL;
    }
}

/* The address of the virtual-APIC page is a frame of the guest's, or LAB_NO_PAGE, with the guest's bits 11:0. */
static int read_vtpr(uint64_t *value)
{
    enum { VTPR = 0x80 };

    if (!vmread_safe(VIRTUAL_APIC_ADDRESS, value))
        return -ABI_EINVAL;
    *value = ((const uint8_t *)mm_direct(HPA(align_down(*value, PAGE_BYTES))))[VTPR];
    return 0;
}

int vmx_lab_refused(const struct vcpu *vcpu, uint64_t item, uint64_t *value)
{
    if (item == REFUSED_VTPR)
        return read_vtpr(value);
    if (item >= REFUSED_ENTRY_MSR + 2 * LAB_MSR_ENTRIES)
        return -ABI_EINVAL;
    if (item == REFUSED_LINK_WORD)
        *value = *(const uint32_t *)lab_page(vcpu, LAB_SHADOW_VMCS);
    else
        *value = ((const uint64_t *)msr_area(vcpu, LAB_ENTRY_LOAD))[item - REFUSED_ENTRY_MSR];
    return 0;
}

/* ---- The start -------------------------------------------------------------------------------------------- */

#define NO_PAGE 1ull /* for the address of LAB_NO_PAGE */

/* Fields that only a lab changes, and that may not exist. */
static const struct {
    uint32_t field;
    uint64_t value;
} normal[] = {
    {GUEST_INTERRUPT_STATUS, 0}, {PML_INDEX, 511}, {PML_ADDRESS, NO_PAGE}, {VIRTUAL_APIC_ADDRESS, NO_PAGE},
    {APIC_ACCESS_ADDRESS, NO_PAGE}, {VM_FUNCTION_CONTROLS, 0}, {EOI_EXIT_BITMAP_0, 0}, {EOI_EXIT_BITMAP_1, 0},
    {EOI_EXIT_BITMAP_2, 0}, {EOI_EXIT_BITMAP_3, 0}, {VMREAD_BITMAP, NO_PAGE}, {VMWRITE_BITMAP, NO_PAGE},
    {VE_INFORMATION_ADDRESS, NO_PAGE}, {XSS_EXITING_BITMAP, 0}, {ENCLS_EXITING_BITMAP, 0},
    {TSC_MULTIPLIER, 1ull << 48}, {PF_ERROR_CODE_MASK, 0}, {PF_ERROR_CODE_MATCH, 0}, {CR3_TARGET_COUNT, 0},
    {EXIT_MSR_STORE_COUNT, 0}, {EXIT_MSR_LOAD_COUNT, 0}, {ENTRY_MSR_LOAD_COUNT, 0}, {ENTRY_INTERRUPTION_INFO, 0},
    {TPR_THRESHOLD, 0}, {PLE_GAP, 0}, {PLE_WINDOW, 0}, {CR3_TARGET_0, 0}, {CR3_TARGET_1, 0}, {CR3_TARGET_2, 0},
    {CR3_TARGET_3, 0}, {VMCS_LINK_POINTER, ~0ull}, {GUEST_INTERRUPTIBILITY, 0},
};

void vmx_lab_reset(struct vcpu *vcpu)
{
    struct lab *lab = vcpu->lab;

    memset(lab_page(vcpu, LAB_IO_BITMAP_A), 0xff, PAGE_BYTES);
    memset(lab_page(vcpu, LAB_IO_BITMAP_B), 0xff, PAGE_BYTES);
    memcpy(lab_page(vcpu, LAB_MSR_BITMAP), mm_direct(HPA(vmx_controls.msr_bitmap)), PAGE_BYTES);
    clear_msr_areas(vcpu);
    memset(lab_page(vcpu, LAB_EPTP_LIST), 0, PAGE_BYTES);
    lab->exceptions = 0;
    vcpu->backend[VCPU_WINDOW] = false;
    vcpu->attention |= ATTENTION_EVENT; /* a window may be wanted */
    vcpu->backend[VCPU_PRIMARY] = vmx_controls.primary & ~(uint32_t)PROC_MOV_DR;
    vcpu->backend[VCPU_EPTP] = vmx_eptp(vcpu);
    vmx_vcpu_write_controls(vcpu);
    lab->timer_wanted = lab->timer_saved = false;
    lab->timer_value = lab->timer_left = 0;
    vmwrite(ENTRY_CONTROLS, vmx_controls.entry | (vmread(GUEST_IA32_EFER) & EFER_LMA ? ENTRYC_IA32E_MODE_GUEST : 0));
    vmwrite(MSR_BITMAP, lab->page[LAB_MSR_BITMAP].value);
    for (unsigned i = 0; i < sizeof normal / sizeof *normal; i++)
        vmwrite_safe(normal[i].field, normal[i].value == NO_PAGE ? lab->page[LAB_NO_PAGE].value : normal[i].value);
}

/* A lab has its debug registers, and the MSRs of a context, from the start. */
void vmx_lab_init(struct vcpu *vcpu)
{
    const struct lab *lab = vcpu->lab;

    *(uint32_t *)lab_page(vcpu, LAB_SHADOW_VMCS) = vmx_controls.revision | 1u << 31;
    vcpu->guest_context.eager = vcpu->guest_context.owns_debug = vcpu->guest_context.owns_msrs = true;
    vmwrite(HOST_RIP, (uint64_t)vmx_lab_exit_entry);
    vmwrite(IO_BITMAP_A, lab->page[LAB_IO_BITMAP_A].value);
    vmwrite(IO_BITMAP_B, lab->page[LAB_IO_BITMAP_B].value);
    vmwrite(ENTRY_MSR_LOAD_ADDRESS, mm_direct_hpa(msr_area(vcpu, LAB_ENTRY_LOAD)).value);
    vmwrite(EXIT_MSR_STORE_ADDRESS, mm_direct_hpa(msr_area(vcpu, LAB_EXIT_STORE)).value);
    vmwrite(EXIT_MSR_LOAD_ADDRESS, mm_direct_hpa(msr_area(vcpu, LAB_EXIT_LOAD)).value);
    vmwrite_safe(EPTP_LIST_ADDRESS, lab->page[LAB_EPTP_LIST].value);
    vmx_lab_reset(vcpu);
}
