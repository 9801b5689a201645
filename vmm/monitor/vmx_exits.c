/* VMX exits -> neutral exits: "VMX Basic Exit Reasons" and "Exit Qualification" in the Intel SDM. */
#include <stddef.h>

#include "vmm/monitor/exit.h"

/* Fills what the kind has in its union member. */
typedef void detail(const struct exit_record *record, struct guest_exit *out);

/* "Exit Qualification for I/O Instructions": it has the very same bits, but the size less 1. */
static void decode_io(const struct exit_record *record, struct guest_exit *out)
{
    out->io_bits = (uint32_t)record->qualification + 1;
}

/* "Exit Qualification for EPT Violations" */
static void decode_ept(const struct exit_record *record, struct guest_exit *out)
{
    out->memory.gpa = record->physical;
    out->memory.write = (record->qualification >> 1 & 1) != 0;
    out->memory.fetch = (record->qualification >> 2 & 1) != 0;
    out->memory.present = (record->qualification >> 3 & 1) != 0;
}

/* "Exit Qualification for Control-Register Accesses": CLTS and LMSW are not MOVs. */
static void decode_cr(const struct exit_record *record, struct guest_exit *out)
{
    enum { MOV_TO_CR = 0, MOV_FROM_CR = 1 };
    uint64_t q = record->qualification;
    unsigned type = q >> 4 & 3;

    out->cr.number = q & 15;
    out->cr.gpr = q >> 8 & 15;
    out->cr.write = type == MOV_TO_CR;
    if (type != MOV_TO_CR && type != MOV_FROM_CR)
        out->kind = EXIT_OTHER;
}

#define UNKNOWN "an exit unknown here"

static const struct vmx_row {
    const char *name;
    enum exit_kind kind;
    detail *decode;
} vmx_rows[] = {
    [0] = {"EXCEPTION_OR_NMI", EXIT_OTHER, NULL},
    [1] = {"EXTERNAL_INTERRUPT", EXIT_OTHER, NULL},
    [2] = {"TRIPLE_FAULT", EXIT_TRIPLE_FAULT, NULL},
    [3] = {"INIT", EXIT_OTHER, NULL},
    [4] = {"SIPI", EXIT_OTHER, NULL},
    [5] = {"IO_SMI", EXIT_OTHER, NULL},
    [6] = {"OTHER_SMI", EXIT_OTHER, NULL},
    [7] = {"INTERRUPT_WINDOW", EXIT_OTHER, NULL},
    [8] = {"NMI_WINDOW", EXIT_OTHER, NULL},
    [9] = {"TASK_SWITCH", EXIT_OTHER, NULL},
    [10] = {"CPUID", EXIT_OTHER, NULL},
    [11] = {"GETSEC", EXIT_UNDEFINED, NULL},
    [12] = {"HLT", EXIT_HALT, NULL},
    [13] = {"INVD", EXIT_IGNORED, NULL},
    [14] = {"INVLPG", EXIT_OTHER, NULL},
    [15] = {"RDPMC", EXIT_PROTECTED, NULL},
    [16] = {"RDTSC", EXIT_OTHER, NULL},
    [17] = {"RSM", EXIT_UNDEFINED, NULL},
    [18] = {"VMCALL", EXIT_HYPERCALL, NULL},
    [19] = {"VMCLEAR", EXIT_UNDEFINED, NULL},
    [20] = {"VMLAUNCH", EXIT_UNDEFINED, NULL},
    [21] = {"VMPTRLD", EXIT_UNDEFINED, NULL},
    [22] = {"VMPTRST", EXIT_UNDEFINED, NULL},
    [23] = {"VMREAD", EXIT_UNDEFINED, NULL},
    [24] = {"VMRESUME", EXIT_UNDEFINED, NULL},
    [25] = {"VMWRITE", EXIT_UNDEFINED, NULL},
    [26] = {"VMXOFF", EXIT_UNDEFINED, NULL},
    [27] = {"VMXON", EXIT_UNDEFINED, NULL},
    [28] = {"CR_ACCESS", EXIT_CR, decode_cr},
    [29] = {"MOV_DR", EXIT_OTHER, NULL},
    [30] = {"IO_INSTRUCTION", EXIT_IO, decode_io},
    [31] = {"RDMSR", EXIT_MSR_READ, NULL},
    [32] = {"WRMSR", EXIT_MSR_WRITE, NULL},
    [33] = {"ENTRY_FAILURE_GUEST_STATE", EXIT_ENTRY_FAILURE, NULL},
    [34] = {"ENTRY_FAILURE_MSR_LOADING", EXIT_ENTRY_FAILURE, NULL},
    [35] = {UNKNOWN, EXIT_OTHER, NULL},
    [36] = {"MWAIT", EXIT_UNDEFINED, NULL},
    [37] = {"MONITOR_TRAP_FLAG", EXIT_OTHER, NULL},
    [38] = {UNKNOWN, EXIT_OTHER, NULL},
    [39] = {"MONITOR", EXIT_UNDEFINED, NULL},
    [40] = {"PAUSE", EXIT_IGNORED, NULL},
    [41] = {"ENTRY_FAILURE_MACHINE_CHECK", EXIT_ENTRY_FAILURE, NULL},
    [42] = {UNKNOWN, EXIT_OTHER, NULL},
    [43] = {"TPR_BELOW_THRESHOLD", EXIT_OTHER, NULL},
    [44] = {"APIC_ACCESS", EXIT_OTHER, NULL},
    [45] = {"VIRTUALIZED_EOI", EXIT_OTHER, NULL},
    [46] = {"GDTR_IDTR_ACCESS", EXIT_OTHER, NULL},
    [47] = {"LDTR_TR_ACCESS", EXIT_OTHER, NULL},
    [48] = {"EPT_VIOLATION", EXIT_MEMORY, decode_ept},
    [49] = {"EPT_MISCONFIGURATION", EXIT_OTHER, NULL},
    [50] = {"INVEPT", EXIT_UNDEFINED, NULL},
    [51] = {"RDTSCP", EXIT_OTHER, NULL},
    [52] = {"PREEMPTION_TIMER", EXIT_OTHER, NULL},
    [53] = {"INVVPID", EXIT_UNDEFINED, NULL},
    [54] = {"WBINVD", EXIT_IGNORED, NULL},
    [55] = {"XSETBV", EXIT_PROTECTED, NULL},
    [56] = {"APIC_WRITE", EXIT_OTHER, NULL},
    [57] = {"RDRAND", EXIT_OTHER, NULL},
    [58] = {"INVPCID", EXIT_OTHER, NULL},
    [59] = {"VMFUNC", EXIT_UNDEFINED, NULL},
    [60] = {"ENCLS", EXIT_UNDEFINED, NULL},
    [61] = {"RDSEED", EXIT_OTHER, NULL},
    [62] = {"PML_FULL", EXIT_OTHER, NULL},
    [63] = {"XSAVES", EXIT_OTHER, NULL},
    [64] = {"XRSTORS", EXIT_OTHER, NULL},
    [65] = {"PCONFIG", EXIT_UNDEFINED, NULL},
    [66] = {"SPP_EVENT", EXIT_OTHER, NULL},
    [67] = {"UMWAIT", EXIT_UNDEFINED, NULL},
    [68] = {"TPAUSE", EXIT_UNDEFINED, NULL},
};

enum { ROWS = sizeof(vmx_rows) / sizeof(vmx_rows[0]) };

/* With flags above the basic reason, or a reason that has no row. */
static __attribute__((noinline)) void decode_unusual(const struct exit_record *record, struct guest_exit *out)
{
    static const struct vmx_row unknown = {UNKNOWN, EXIT_OTHER, NULL};
    const uint64_t entry_failure = 1ull << 31;
    uint64_t basic = record->reason & 0xffff;
    const struct vmx_row *row = &unknown;

    if (basic < ROWS)
        row = &vmx_rows[basic];
    out->kind = record->reason & entry_failure && row != &unknown ? EXIT_ENTRY_FAILURE : row->kind;
    out->name = row->name;
    out->record = record;
    if (row->decode && out->kind == row->kind)
        row->decode(record, out);
}

void vmx_exit_decode(const struct exit_record *record, struct guest_exit *out)
{
    uint64_t reason = record->reason;
    const struct vmx_row *row;

    if (reason >= ROWS) {
        decode_unusual(record, out);
        return;
    }
    row = &vmx_rows[reason];
    out->kind = row->kind;
    out->name = row->name;
    out->record = record;
    if (row->decode)
        row->decode(record, out);
}
