/*
 * What the passport decodes beside the bits of config/bits.h: bits that no test can need, X(group, bit, name); numbers within a
 * register, X(group, lowest bit, bits, name); and where these registers are, as BIT_SOURCES says it of the others. The kind
 * FIXED: bits that are 1 in the first register must be 1, those that are 0 in the second one must be 0.
 */
#ifndef CONFIG_PASSPORT_H
#define CONFIG_PASSPORT_H

#include "config/abi.h"
#include "config/registers.h"

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
    X(VM_CR, 4, VM_CR_SVMDIS)                                                                                       \
    REGISTER_BITS(X)

/* "Basic VMX Information", "Miscellaneous Data", "VPID and EPT Capabilities", "VMCS Enumeration"; CPUID Fn8000_000A */
#define PASSPORT_NUMBERS(X)                                                                                           \
    X(BASIC, 0, 31, "revision") X(BASIC, 32, 13, "region-bytes") X(BASIC, 50, 4, "memory-type")                       \
    X(MISC, 0, 5, "timer-shift") X(MISC, 16, 9, "cr3-targets") X(MISC, 25, 3, "msr-lists")                            \
    X(MISC, 32, 32, "mseg-revision") X(EPT, 48, 6, "hlat-prefix") X(VMCS_ENUM, 1, 9, "highest-index")                 \
    X(SVM_REVISION, 0, 8, "revision") X(SVM_ASIDS, 0, 32, "count")

#endif
