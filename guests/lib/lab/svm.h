/* What SVM exits tell: "SVM Intercept Exit Codes" in AMD's volume 2 and the EXITINFO of each. */
#ifndef GUESTS_LIB_LAB_SVM_H
#define GUESTS_LIB_LAB_SVM_H

#include <stdint.h>

/* X(code, name) */
#define SVM_EXIT_CODES(X)                                                                                             \
    X(0x60, VMEXIT_INTR) X(0x61, VMEXIT_NMI) X(0x62, VMEXIT_SMI) X(0x63, VMEXIT_INIT) X(0x64, VMEXIT_VINTR)           \
    X(0x65, VMEXIT_CR0_SEL_WRITE) X(0x66, VMEXIT_IDTR_READ) X(0x67, VMEXIT_GDTR_READ) X(0x68, VMEXIT_LDTR_READ)       \
    X(0x69, VMEXIT_TR_READ) X(0x6a, VMEXIT_IDTR_WRITE) X(0x6b, VMEXIT_GDTR_WRITE) X(0x6c, VMEXIT_LDTR_WRITE)          \
    X(0x6d, VMEXIT_TR_WRITE) X(0x6e, VMEXIT_RDTSC) X(0x6f, VMEXIT_RDPMC) X(0x70, VMEXIT_PUSHF) X(0x71, VMEXIT_POPF)   \
    X(0x72, VMEXIT_CPUID) X(0x73, VMEXIT_RSM) X(0x74, VMEXIT_IRET) X(0x75, VMEXIT_SWINT) X(0x76, VMEXIT_INVD)         \
    X(0x77, VMEXIT_PAUSE) X(0x78, VMEXIT_HLT) X(0x79, VMEXIT_INVLPG) X(0x7a, VMEXIT_INVLPGA) X(0x7b, VMEXIT_IOIO)     \
    X(0x7c, VMEXIT_MSR) X(0x7d, VMEXIT_TASK_SWITCH) X(0x7e, VMEXIT_FERR_FREEZE) X(0x7f, VMEXIT_SHUTDOWN)              \
    X(0x80, VMEXIT_VMRUN) X(0x81, VMEXIT_VMMCALL) X(0x82, VMEXIT_VMLOAD) X(0x83, VMEXIT_VMSAVE) X(0x84, VMEXIT_STGI)  \
    X(0x85, VMEXIT_CLGI) X(0x86, VMEXIT_SKINIT) X(0x87, VMEXIT_RDTSCP) X(0x88, VMEXIT_ICEBP) X(0x89, VMEXIT_WBINVD)   \
    X(0x8a, VMEXIT_MONITOR) X(0x8b, VMEXIT_MWAIT) X(0x8c, VMEXIT_MWAIT_CONDITIONAL) X(0x8d, VMEXIT_XSETBV)            \
    X(0x8e, VMEXIT_RDPRU) X(0x8f, VMEXIT_EFER_WRITE_TRAP) X(0xa0, VMEXIT_INVLPGB) X(0xa1, VMEXIT_INVLPGB_ILLEGAL)     \
    X(0xa2, VMEXIT_INVPCID) X(0xa3, VMEXIT_MCOMMIT) X(0xa4, VMEXIT_TLBSYNC) X(0x400, VMEXIT_NPF)                      \
    X(0x401, VMEXIT_AVIC_INCOMPLETE_IPI) X(0x402, VMEXIT_AVIC_NOACCEL)

enum svm_exit_code {
#define X(code, name) name = code,
    SVM_EXIT_CODES(X)
#undef X
};
#define VMEXIT_INVALID       UINT64_MAX
#define VMEXIT_CR_READ(n)    (0x00u + (n))
#define VMEXIT_CR_WRITE(n)   (0x10u + (n))
#define VMEXIT_DR_READ(n)    (0x20u + (n))
#define VMEXIT_DR_WRITE(n)   (0x30u + (n))
#define VMEXIT_EXCEPTION(n)  (0x40u + (n))
#define VMEXIT_CR_TRAP(n)    (0x90u + (n))

/* "IOIO Intercept Information": EXITINFO1. bytes: 1, 2 or 4. Address size and segment are bits 9:7 and 12:10. */
#define IOIO_INFO(port, bytes, in, string, rep)                                                                       \
    ((uint64_t)(port) << 16 | (uint64_t)(in) | (uint64_t)(string) << 2 | (uint64_t)(rep) << 3 | (uint64_t)(bytes) << 4)
enum ioio_info { IOIO_A16 = 1 << 7, IOIO_A32 = 1 << 8, IOIO_A64 = 1 << 9, IOIO_SEGMENT_SHIFT = 10 };

/* EXITINFO1 of VMEXIT_NPF: "Page-Fault Error Code", and where the walk was. */
enum { NPF_P = 1 << 0, NPF_W = 1 << 1, NPF_U = 1 << 2, NPF_RSV = 1 << 3, NPF_ID = 1 << 4 };
#define NPF_FINAL (1ull << 32)
#define NPF_TABLE (1ull << 33)

#endif
