/* Control negotiation: what is wanted, what this CPU allows, and what comes out. */
#include "kernel/cpu/msr.h"
#include "kernel/vmx/vmx.h"
#include "lib/x86.h"
#include "mm/account.h"
#include "mm/direct.h"

struct vmx_controls vmx_controls;

/* One control word, and the bits of it that are set where the CPU allows it. */
struct control_row {
    uint32_t msr, true_msr;
    uint32_t wanted;
    uint32_t *result;
};

static const struct control_row rows[] = {
    {IA32_VMX_PINBASED_CTLS, IA32_VMX_TRUE_PINBASED_CTLS, PIN_EXTERNAL_INTERRUPT | PIN_NMI | PIN_PREEMPTION_TIMER,
     &vmx_controls.pin},
    {IA32_VMX_PROCBASED_CTLS, IA32_VMX_TRUE_PROCBASED_CTLS,
     PROC_HLT | PROC_UNCONDITIONAL_IO | PROC_MSR_BITMAPS | PROC_SECONDARY | PROC_TSC_OFFSETTING |
         PROC_MWAIT | PROC_MONITOR | PROC_RDPMC | PROC_CR8_LOAD | PROC_CR8_STORE | PROC_MOV_DR,
     &vmx_controls.primary},
    {IA32_VMX_PROCBASED_CTLS2, IA32_VMX_PROCBASED_CTLS2,
     PROC2_EPT | PROC2_UNRESTRICTED_GUEST | PROC2_VPID | PROC2_RDTSCP | PROC2_WBINVD,
     &vmx_controls.secondary},
    {IA32_VMX_EXIT_CTLS, IA32_VMX_TRUE_EXIT_CTLS,
     EXITC_HOST_64 | EXITC_SAVE_EFER | EXITC_LOAD_EFER | EXITC_SAVE_PAT | EXITC_LOAD_PAT | EXITC_SAVE_DEBUG |
         EXITC_SAVE_PREEMPTION_TIMER,
     &vmx_controls.exit},
    {IA32_VMX_ENTRY_CTLS, IA32_VMX_TRUE_ENTRY_CTLS, ENTRYC_LOAD_EFER | ENTRYC_LOAD_PAT | ENTRYC_LOAD_DEBUG,
     &vmx_controls.entry},
};

/* What Nestor can't do without. */
static const struct {
    const uint32_t *result;
    uint32_t bit;
    const char *missing; /* the error text */
} required[] = {
    {&vmx_controls.pin, PIN_EXTERNAL_INTERRUPT, "VMX without external-interrupt exiting: Nestor needs it"},
    {&vmx_controls.pin, PIN_NMI, "VMX without NMI exiting: Nestor needs it"},
    {&vmx_controls.primary, PROC_HLT, "VMX without HLT exiting: Nestor needs it"},
    {&vmx_controls.primary, PROC_UNCONDITIONAL_IO, "VMX without unconditional I/O exiting: Nestor needs it"},
    {&vmx_controls.primary, PROC_MSR_BITMAPS, "VMX without MSR bitmaps: Nestor needs them"},
    {&vmx_controls.secondary, PROC2_EPT, "VMX without EPT: Nestor needs it"},
    {&vmx_controls.secondary, PROC2_UNRESTRICTED_GUEST, "VMX without unrestricted guest: Nestor needs it"},
    {&vmx_controls.exit, EXITC_HOST_64, "VMX without a 64-bit host: Nestor needs it"},
    {&vmx_controls.exit, EXITC_SAVE_EFER, "VMX without saving of EFER on exit: Nestor needs it"},
    {&vmx_controls.exit, EXITC_LOAD_EFER, "VMX without loading of EFER on exit: Nestor needs it"},
    {&vmx_controls.exit, EXITC_SAVE_PAT, "VMX without saving of PAT on exit: Nestor needs it"},
    {&vmx_controls.exit, EXITC_LOAD_PAT, "VMX without loading of PAT on exit: Nestor needs it"},
    {&vmx_controls.entry, ENTRYC_LOAD_EFER, "VMX without loading of EFER on entry: Nestor needs it"},
    {&vmx_controls.entry, ENTRYC_LOAD_PAT, "VMX without loading of PAT on entry: Nestor needs it"},
};

/* IA32_VMX_EPT_VPID_CAP: what is needed, and bits of what is used where it is there. */
enum ept_vpid_capability {
#define X(group, bit, name) name = 1ull << (bit),
    BITS_EPT(X)
#undef X
};

/* CR4 bits that a guest may change without an exit; the CPU itself refuses those that it does not have. */
#define CR4_GUEST_BITS 0x310fffull /* VME PVI TSD DE PSE PAE MCE PGE PCE OSFXSR OSXMMEXCPT UMIP, FSGSBASE, SMEP, SMAP */

/* MSRs that guests read and write without an exit: the VMCS switches them. */
static const uint32_t free_msrs[] = {MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, MSR_PAT, MSR_EFER, MSR_FS_BASE,
                                     MSR_GS_BASE};

/* Whether IA32_VMX_BASIC says that the "true" capability MSRs exist. */
static bool has_true_msrs(void) { return x86_rdmsr(IA32_VMX_BASIC) >> 55 & 1; }

/* "Algorithms for Determining VMX Capabilities": low half bits must be 1, high half bits may be 1. */
static void negotiate(const struct control_row *row, bool true_msrs)
{
    uint64_t allowed = x86_rdmsr(true_msrs ? row->true_msr : row->msr);

    *row->result = (row->wanted & (uint32_t)(allowed >> 32)) | (uint32_t)allowed;
}

static const char *negotiate_ept(void)
{
    uint64_t cap = x86_rdmsr(IA32_VMX_EPT_VPID_CAP);

    if (!(cap & EPT_WALK_4))
        return "EPT without 4-level walks: Nestor needs them";
    if (!(cap & EPT_WB))
        return "EPT without write-back tables: Nestor needs them";
    if (!(cap & EPT_INVEPT) || !(cap & EPT_INVEPT_ALL))
        return "EPT without INVEPT of all contexts: Nestor needs it";
    vmx_controls.ept_1g = cap & EPT_1G;
    vmx_controls.invept_single = cap & EPT_INVEPT_SINGLE;
    vmx_controls.invvpid_single = cap & EPT_INVVPID_SINGLE;
    vmx_controls.vpid = (vmx_controls.secondary & PROC2_VPID) && (cap & EPT_INVVPID);
    if (!vmx_controls.vpid)
        vmx_controls.secondary &= ~(uint32_t)PROC2_VPID;
    return NULL;
}

const char *vmx_control_negotiate(void)
{
    bool true_msrs = has_true_msrs();
    uint64_t cr0_fixed = x86_rdmsr(IA32_VMX_CR0_FIXED0), cr4_fixed = x86_rdmsr(IA32_VMX_CR4_FIXED0);

    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        negotiate(&rows[i], true_msrs);
    for (unsigned i = 0; i < sizeof required / sizeof *required; i++)
        if (!(*required[i].result & required[i].bit))
            return required[i].missing;
    vmx_controls.revision = (uint32_t)x86_rdmsr(IA32_VMX_BASIC) & 0x7fffffff;
    vmx_controls.preemption_timer = vmx_controls.pin & PIN_PREEMPTION_TIMER;
    vmx_controls.preemption_shift = x86_rdmsr(IA32_VMX_MISC) & 31;
    if (!vmx_controls.preemption_timer)
        vmx_controls.exit &= ~(uint32_t)EXITC_SAVE_PREEMPTION_TIMER;
    vmx_controls.cr0_forced = cr0_fixed & ~(CR0_PE | CR0_PG); /* unrestricted guest frees these two */
    vmx_controls.cr0_host = vmx_controls.cr0_forced | CR0_NE | CR0_NW | CR0_CD;
    vmx_controls.cr4_forced = cr4_fixed;
    vmx_controls.cr4_host = ~CR4_GUEST_BITS | cr4_fixed;
    return negotiate_ept();
}

/* "MSR-Bitmap Address": read low, read high, write low, write high, 1 KiB each; a 1 bit means exit. */
static void allow_msr(uint8_t *bitmap, uint32_t msr)
{
    unsigned half = msr >= 0xc0000000 ? 1024 : 0, bit = msr & 0x1fff;

    bitmap[half + bit / 8] &= (uint8_t)~(1u << bit % 8);
    bitmap[2048 + half + bit / 8] &= (uint8_t)~(1u << bit % 8);
}

const char *vmx_control_init(void)
{
    hpa_t page = mm_page_alloc(&mm_kernel_account, 0);
    uint8_t *bitmap;

    if (hpa_is_none(page))
        return "no memory for the MSR bitmap";
    bitmap = mm_direct(page);
    for (unsigned i = 0; i < PAGE_BYTES; i++)
        bitmap[i] = 0xff;
    for (unsigned i = 0; i < sizeof free_msrs / sizeof *free_msrs; i++)
        allow_msr(bitmap, free_msrs[i]);
    vmx_controls.msr_bitmap = page.value;
    return NULL;
}
