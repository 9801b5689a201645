/* SVM exits -> neutral exits: "SVM Intercept Exit Codes" and "Intercept Operation" in the AMD APM, volume 2. */
#include <stddef.h>

#include "vmm/monitor/exit.h"

/* Fills what the kind has in its union member. */
typedef void detail(const struct exit_record *record, struct guest_exit *out);

/* "IOIO Intercept Information (EXITINFO1)" */
static void decode_io(const struct exit_record *record, struct guest_exit *out)
{
    uint64_t info = record->qualification;

    out->io.in = (info & 1) != 0;
    out->io.string = (info >> 2 & 1) != 0;
    out->io.rep = (info >> 3 & 1) != 0;
    out->io.bytes = info >> 4 & 7; /* one bit each for 8, 16 and 32 bits */
    out->io.port = (uint16_t)(info >> 16);
}

/* EXITINFO1 is 0 for RDMSR, 1 for WRMSR. */
static void decode_msr(const struct exit_record *record, struct guest_exit *out)
{
    out->kind = record->qualification & 1 ? EXIT_MSR_WRITE : EXIT_MSR_READ;
}

/* "Nested versus Guest Page Faults": EXITINFO1 is a page-fault error code. */
static void decode_npf(const struct exit_record *record, struct guest_exit *out)
{
    out->memory.gpa = record->physical;
    out->memory.write = (record->qualification >> 1 & 1) != 0;
    out->memory.fetch = (record->qualification >> 4 & 1) != 0;
    out->memory.present = (record->qualification & 1) != 0;
}

/* Rows of one code, or of codes that differ in a register or vector only. In ascending order. */
static const struct svm_row {
    uint64_t first, last;
    const char *name;
    enum exit_kind kind;
    detail *decode;
} svm_rows[] = {
    {0x00, 0x0f, "VMEXIT_CR_READ", EXIT_OTHER, NULL},
    {0x10, 0x1f, "VMEXIT_CR_WRITE", EXIT_OTHER, NULL},
    {0x20, 0x2f, "VMEXIT_DR_READ", EXIT_OTHER, NULL},
    {0x30, 0x3f, "VMEXIT_DR_WRITE", EXIT_OTHER, NULL},
    {0x40, 0x5f, "VMEXIT_EXCP", EXIT_OTHER, NULL},
    {0x60, 0x60, "VMEXIT_INTR", EXIT_OTHER, NULL},
    {0x61, 0x61, "VMEXIT_NMI", EXIT_OTHER, NULL},
    {0x62, 0x62, "VMEXIT_SMI", EXIT_OTHER, NULL},
    {0x63, 0x63, "VMEXIT_INIT", EXIT_OTHER, NULL},
    {0x64, 0x64, "VMEXIT_VINTR", EXIT_OTHER, NULL},
    {0x65, 0x65, "VMEXIT_CR0_SEL_WRITE", EXIT_OTHER, NULL},
    {0x66, 0x69, "VMEXIT_DESCRIPTOR_READ", EXIT_OTHER, NULL},
    {0x6a, 0x6d, "VMEXIT_DESCRIPTOR_WRITE", EXIT_OTHER, NULL},
    {0x6e, 0x6e, "VMEXIT_RDTSC", EXIT_OTHER, NULL},
    {0x6f, 0x6f, "VMEXIT_RDPMC", EXIT_PROTECTED, NULL},
    {0x70, 0x70, "VMEXIT_PUSHF", EXIT_OTHER, NULL},
    {0x71, 0x71, "VMEXIT_POPF", EXIT_OTHER, NULL},
    {0x72, 0x72, "VMEXIT_CPUID", EXIT_OTHER, NULL},
    {0x73, 0x73, "VMEXIT_RSM", EXIT_UNDEFINED, NULL},
    {0x74, 0x74, "VMEXIT_IRET", EXIT_OTHER, NULL},
    {0x75, 0x75, "VMEXIT_SWINT", EXIT_OTHER, NULL},
    {0x76, 0x76, "VMEXIT_INVD", EXIT_IGNORED, NULL},
    {0x77, 0x77, "VMEXIT_PAUSE", EXIT_IGNORED, NULL},
    {0x78, 0x78, "VMEXIT_HLT", EXIT_HALT, NULL},
    {0x79, 0x79, "VMEXIT_INVLPG", EXIT_OTHER, NULL},
    {0x7a, 0x7a, "VMEXIT_INVLPGA", EXIT_UNDEFINED, NULL},
    {0x7b, 0x7b, "VMEXIT_IOIO", EXIT_IO, decode_io},
    {0x7c, 0x7c, "VMEXIT_MSR", EXIT_MSR_READ, decode_msr},
    {0x7d, 0x7d, "VMEXIT_TASK_SWITCH", EXIT_OTHER, NULL},
    {0x7e, 0x7e, "VMEXIT_FERR_FREEZE", EXIT_OTHER, NULL},
    {0x7f, 0x7f, "VMEXIT_SHUTDOWN", EXIT_TRIPLE_FAULT, NULL},
    {0x80, 0x80, "VMEXIT_VMRUN", EXIT_UNDEFINED, NULL},
    {0x81, 0x81, "VMEXIT_VMMCALL", EXIT_HYPERCALL, NULL},
    {0x82, 0x82, "VMEXIT_VMLOAD", EXIT_UNDEFINED, NULL},
    {0x83, 0x83, "VMEXIT_VMSAVE", EXIT_UNDEFINED, NULL},
    {0x84, 0x84, "VMEXIT_STGI", EXIT_UNDEFINED, NULL},
    {0x85, 0x85, "VMEXIT_CLGI", EXIT_UNDEFINED, NULL},
    {0x86, 0x86, "VMEXIT_SKINIT", EXIT_UNDEFINED, NULL},
    {0x87, 0x87, "VMEXIT_RDTSCP", EXIT_OTHER, NULL},
    {0x88, 0x88, "VMEXIT_ICEBP", EXIT_OTHER, NULL},
    {0x89, 0x89, "VMEXIT_WBINVD", EXIT_IGNORED, NULL},
    {0x8a, 0x8a, "VMEXIT_MONITOR", EXIT_UNDEFINED, NULL},
    {0x8b, 0x8c, "VMEXIT_MWAIT", EXIT_UNDEFINED, NULL},
    {0x8d, 0x8d, "VMEXIT_XSETBV", EXIT_PROTECTED, NULL},
    {0x8e, 0x8e, "VMEXIT_RDPRU", EXIT_UNDEFINED, NULL},
    {0x8f, 0x8f, "VMEXIT_EFER_WRITE_TRAP", EXIT_OTHER, NULL},
    {0x90, 0x9f, "VMEXIT_CR_WRITE_TRAP", EXIT_OTHER, NULL},
    {0xa0, 0xa0, "VMEXIT_INVLPGB", EXIT_UNDEFINED, NULL},
    {0xa2, 0xa2, "VMEXIT_INVPCID", EXIT_OTHER, NULL},
    {0xa3, 0xa3, "VMEXIT_MCOMMIT", EXIT_UNDEFINED, NULL},
    {0xa4, 0xa4, "VMEXIT_TLBSYNC", EXIT_UNDEFINED, NULL},
    {0x400, 0x400, "VMEXIT_NPF", EXIT_MEMORY, decode_npf},
    {0x401, 0x401, "AVIC_INCOMPLETE_IPI", EXIT_OTHER, NULL},
    {0x402, 0x402, "AVIC_NOACCEL", EXIT_OTHER, NULL},
    {0x403, 0x403, "VMEXIT_VMGEXIT", EXIT_OTHER, NULL},
    {0xffffffff, 0xffffffff, "VMEXIT_INVALID", EXIT_ENTRY_FAILURE, NULL}, /* as QEMU stores it */
    {~0ull, ~0ull, "VMEXIT_INVALID", EXIT_ENTRY_FAILURE, NULL},
};

void svm_exit_decode(const struct exit_record *record, struct guest_exit *out)
{
    *out = (struct guest_exit){
        .kind = EXIT_OTHER,
        .name = "an exit unknown here",
        .reason = record->reason,
        .rip = record->rip,
    };
    for (const struct svm_row *row = svm_rows; row < svm_rows + sizeof(svm_rows) / sizeof(svm_rows[0]); row++) {
        if (record->reason < row->first || record->reason > row->last)
            continue;
        out->name = row->name;
        out->kind = row->kind;
        if (row->decode)
            row->decode(record, out);
        return;
    }
}
