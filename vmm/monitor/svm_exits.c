/* SVM exits -> neutral exits: "SVM Intercept Exit Codes" and "Intercept Operation" in the AMD APM, volume 2. */
#include <stddef.h>

#include "vmm/monitor/exit.h"

/* Fills what the kind has in its union member. */
typedef void detail(const struct exit_record *record, struct guest_exit *out);

/* "IOIO Intercept Information (EXITINFO1)" */
static void decode_io(const struct exit_record *record, struct guest_exit *out)
{
    uint64_t info = record->qualification;

    /* port; IN; REP and string; and one bit each for 8, 16 and 32 bits, which is the number of bytes */
    out->io_bits = (uint32_t)((info & 0xffff0000) | (info & 1) << 3 | (info & 0xc) << 2 | (info >> 4 & 7));
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

/* By exit code up to 0xa6, then those from 0x400, then the one for a refused entry, then the one for all others. */
enum { CODES_LOW = 0xa7, CODES_HIGH = 0x400, ROW_HIGH = CODES_LOW, ROW_INVALID = ROW_HIGH + 4, ROW_UNKNOWN, ROWS };

static const struct svm_row {
    const char *name;
    enum exit_kind kind;
    detail *decode;
} svm_rows[ROWS] = {
    [0x00 ... 0x0f] = {"VMEXIT_CR_READ", EXIT_OTHER, NULL},
    [0x10 ... 0x1f] = {"VMEXIT_CR_WRITE", EXIT_OTHER, NULL},
    [0x20 ... 0x2f] = {"VMEXIT_DR_READ", EXIT_OTHER, NULL},
    [0x30 ... 0x3f] = {"VMEXIT_DR_WRITE", EXIT_OTHER, NULL},
    [0x40 ... 0x5f] = {"VMEXIT_EXCP", EXIT_OTHER, NULL},
    [0x60] = {"VMEXIT_INTR", EXIT_OTHER, NULL},
    [0x61] = {"VMEXIT_NMI", EXIT_OTHER, NULL},
    [0x62] = {"VMEXIT_SMI", EXIT_OTHER, NULL},
    [0x63] = {"VMEXIT_INIT", EXIT_OTHER, NULL},
    [0x64] = {"VMEXIT_VINTR", EXIT_OTHER, NULL},
    [0x65] = {"VMEXIT_CR0_SEL_WRITE", EXIT_OTHER, NULL},
    [0x66 ... 0x69] = {"VMEXIT_DESCRIPTOR_READ", EXIT_OTHER, NULL},
    [0x6a ... 0x6d] = {"VMEXIT_DESCRIPTOR_WRITE", EXIT_OTHER, NULL},
    [0x6e] = {"VMEXIT_RDTSC", EXIT_OTHER, NULL},
    [0x6f] = {"VMEXIT_RDPMC", EXIT_PROTECTED, NULL},
    [0x70] = {"VMEXIT_PUSHF", EXIT_OTHER, NULL},
    [0x71] = {"VMEXIT_POPF", EXIT_OTHER, NULL},
    [0x72] = {"VMEXIT_CPUID", EXIT_OTHER, NULL},
    [0x73] = {"VMEXIT_RSM", EXIT_UNDEFINED, NULL},
    [0x74] = {"VMEXIT_IRET", EXIT_OTHER, NULL},
    [0x75] = {"VMEXIT_SWINT", EXIT_OTHER, NULL},
    [0x76] = {"VMEXIT_INVD", EXIT_IGNORED, NULL},
    [0x77] = {"VMEXIT_PAUSE", EXIT_IGNORED, NULL},
    [0x78] = {"VMEXIT_HLT", EXIT_HALT, NULL},
    [0x79] = {"VMEXIT_INVLPG", EXIT_OTHER, NULL},
    [0x7a] = {"VMEXIT_INVLPGA", EXIT_UNDEFINED, NULL},
    [0x7b] = {"VMEXIT_IOIO", EXIT_IO, decode_io},
    [0x7c] = {"VMEXIT_MSR", EXIT_MSR_READ, decode_msr},
    [0x7d] = {"VMEXIT_TASK_SWITCH", EXIT_OTHER, NULL},
    [0x7e] = {"VMEXIT_FERR_FREEZE", EXIT_OTHER, NULL},
    [0x7f] = {"VMEXIT_SHUTDOWN", EXIT_TRIPLE_FAULT, NULL},
    [0x80] = {"VMEXIT_VMRUN", EXIT_UNDEFINED, NULL},
    [0x81] = {"VMEXIT_VMMCALL", EXIT_HYPERCALL, NULL},
    [0x82] = {"VMEXIT_VMLOAD", EXIT_UNDEFINED, NULL},
    [0x83] = {"VMEXIT_VMSAVE", EXIT_UNDEFINED, NULL},
    [0x84] = {"VMEXIT_STGI", EXIT_UNDEFINED, NULL},
    [0x85] = {"VMEXIT_CLGI", EXIT_UNDEFINED, NULL},
    [0x86] = {"VMEXIT_SKINIT", EXIT_UNDEFINED, NULL},
    [0x87] = {"VMEXIT_RDTSCP", EXIT_OTHER, NULL},
    [0x88] = {"VMEXIT_ICEBP", EXIT_OTHER, NULL},
    [0x89] = {"VMEXIT_WBINVD", EXIT_IGNORED, NULL},
    [0x8a] = {"VMEXIT_MONITOR", EXIT_UNDEFINED, NULL},
    [0x8b ... 0x8c] = {"VMEXIT_MWAIT", EXIT_UNDEFINED, NULL},
    [0x8d] = {"VMEXIT_XSETBV", EXIT_PROTECTED, NULL},
    [0x8e] = {"VMEXIT_RDPRU", EXIT_UNDEFINED, NULL},
    [0x8f] = {"VMEXIT_EFER_WRITE_TRAP", EXIT_OTHER, NULL},
    [0x90 ... 0x9f] = {"VMEXIT_CR_WRITE_TRAP", EXIT_OTHER, NULL},
    [0xa0] = {"VMEXIT_INVLPGB", EXIT_UNDEFINED, NULL},
    [0xa1] = {"VMEXIT_INVLPGB_ILLEGAL", EXIT_OTHER, NULL},
    [0xa2] = {"VMEXIT_INVPCID", EXIT_OTHER, NULL},
    [0xa3] = {"VMEXIT_MCOMMIT", EXIT_UNDEFINED, NULL},
    [0xa4] = {"VMEXIT_TLBSYNC", EXIT_UNDEFINED, NULL},
    [0xa5] = {"VMEXIT_BUSLOCK", EXIT_OTHER, NULL},
    [0xa6] = {"VMEXIT_IDLE_HLT", EXIT_OTHER, NULL},
    [ROW_HIGH + 0] = {"VMEXIT_NPF", EXIT_MEMORY, decode_npf},
    [ROW_HIGH + 1] = {"AVIC_INCOMPLETE_IPI", EXIT_OTHER, NULL},
    [ROW_HIGH + 2] = {"AVIC_NOACCEL", EXIT_OTHER, NULL},
    [ROW_HIGH + 3] = {"VMEXIT_VMGEXIT", EXIT_OTHER, NULL},
    [ROW_INVALID] = {"VMEXIT_INVALID", EXIT_ENTRY_FAILURE, NULL},
    [ROW_UNKNOWN] = {"an exit unknown here", EXIT_OTHER, NULL},
};

/* QEMU stores the code of a refused entry with 32 bits. */
static const struct svm_row *find_row(uint64_t code)
{
    if (code < CODES_LOW)
        return &svm_rows[code];
    if (code - CODES_HIGH < ROW_INVALID - ROW_HIGH)
        return &svm_rows[ROW_HIGH + code - CODES_HIGH];
    return &svm_rows[code == 0xffffffff || code == ~0ull ? ROW_INVALID : ROW_UNKNOWN];
}

void svm_exit_decode(const struct exit_record *record, struct guest_exit *out)
{
    const struct svm_row *row = find_row(record->reason);

    out->kind = row->kind;
    out->name = row->name;
    out->record = record;
    if (row->decode)
        row->decode(record, out);
}
