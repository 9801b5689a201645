/*
 * What the passport decodes beside the bits of config/bits.h: bits that no test can need, X(group, bit, name); numbers within a
 * register, X(group, lowest bit, bits, name); and where these registers are, as BIT_SOURCES says it of the others. The kind
 * FIXED: bits that are 1 in the first register must be 1, those that are 0 in the second one must be 0.
 */
#ifndef CONFIG_PASSPORT_H
#define CONFIG_PASSPORT_H

#include "config/abi.h"

#define PASSPORT_SOURCES_VMX(X)                                                                                       \
    X(CR0, FIXED, 0x486, 0x487) X(CR4, FIXED, 0x488, 0x489) X(VMCS_ENUM, FLAGS, 0x48a, 0)
#define PASSPORT_SOURCES_SVM(X)                                                                                       \
    X(VM_CR, FLAGS, 0xc0010114, 0) X(SVM_REVISION, FLAGS, CAP_CPUID | 0ull << 32 | 0x8000000a, 0)                     \
    X(SVM_ASIDS, FLAGS, CAP_CPUID | 1ull << 32 | 0x8000000a, 0)

#define PASSPORT_BITS(X)                                                                                              \
    /* "IA32_FEATURE_CONTROL" */                                                                                      \
    X(FEATURE_CONTROL, 0, FEATURE_CONTROL_LOCK) X(FEATURE_CONTROL, 1, FEATURE_CONTROL_VMX_IN_SMX)                     \
    X(FEATURE_CONTROL, 2, FEATURE_CONTROL_VMX_OUTSIDE_SMX) X(FEATURE_CONTROL, 15, FEATURE_CONTROL_SENTER)             \
    X(FEATURE_CONTROL, 17, FEATURE_CONTROL_SGX_LAUNCH) X(FEATURE_CONTROL, 18, FEATURE_CONTROL_SGX)                    \
    X(FEATURE_CONTROL, 20, FEATURE_CONTROL_LMCE)                                                                      \
    /* "VM_CR MSR" */                                                                                                 \
    X(VM_CR, 0, VM_CR_DPD) X(VM_CR, 1, VM_CR_R_INIT) X(VM_CR, 2, VM_CR_DIS_A20M) X(VM_CR, 3, VM_CR_LOCK)              \
    X(VM_CR, 4, VM_CR_SVMDIS)                                                                                         \
    /* "Control Registers" */                                                                                         \
    X(CR0, 0, CR0_PE) X(CR0, 1, CR0_MP) X(CR0, 2, CR0_EM) X(CR0, 3, CR0_TS) X(CR0, 4, CR0_ET) X(CR0, 5, CR0_NE)       \
    X(CR0, 16, CR0_WP) X(CR0, 18, CR0_AM) X(CR0, 29, CR0_NW) X(CR0, 30, CR0_CD) X(CR0, 31, CR0_PG)                    \
    X(CR4, 0, CR4_VME) X(CR4, 1, CR4_PVI) X(CR4, 2, CR4_TSD) X(CR4, 3, CR4_DE) X(CR4, 4, CR4_PSE) X(CR4, 5, CR4_PAE)  \
    X(CR4, 6, CR4_MCE) X(CR4, 7, CR4_PGE) X(CR4, 8, CR4_PCE) X(CR4, 9, CR4_OSFXSR) X(CR4, 10, CR4_OSXMMEXCPT)         \
    X(CR4, 11, CR4_UMIP) X(CR4, 12, CR4_LA57) X(CR4, 13, CR4_VMXE) X(CR4, 14, CR4_SMXE) X(CR4, 16, CR4_FSGSBASE)      \
    X(CR4, 17, CR4_PCIDE) X(CR4, 18, CR4_OSXSAVE) X(CR4, 19, CR4_KL) X(CR4, 20, CR4_SMEP) X(CR4, 21, CR4_SMAP)        \
    X(CR4, 22, CR4_PKE) X(CR4, 23, CR4_CET) X(CR4, 24, CR4_PKS) X(CR4, 25, CR4_UINTR) X(CR4, 28, CR4_LAM_SUP)         \
    X(CR4, 32, CR4_FRED)

/* "Basic VMX Information", "Miscellaneous Data", "VPID and EPT Capabilities", "VMCS Enumeration"; CPUID Fn8000_000A */
#define PASSPORT_NUMBERS(X)                                                                                           \
    X(BASIC, 0, 31, "revision") X(BASIC, 32, 13, "region-bytes") X(BASIC, 50, 4, "memory-type")                       \
    X(MISC, 0, 5, "timer-shift") X(MISC, 16, 9, "cr3-targets") X(MISC, 25, 3, "msr-lists")                            \
    X(MISC, 32, 32, "mseg-revision") X(EPT, 48, 6, "hlat-prefix") X(VMCS_ENUM, 1, 9, "highest-index")                 \
    X(SVM_REVISION, 0, 8, "revision") X(SVM_ASIDS, 0, 32, "count")

#endif
