/*
 * What the rules of a VM entry look at: fields of the control block (config/fields.h), capability registers, and other
 * state, each with a number and a name.
 */
#ifndef VMM_ENTRY_FIELD_H
#define VMM_ENTRY_FIELD_H

#include <stdbool.h>
#include <stdint.h>

#include "config/fields.h"

/* X(name, MSR) and X(name, leaf, subleaf, register: 0 EAX .. 3 EDX) */
#define ENTRY_CAP_MSRS(X)                                                                                             \
    X(IA32_VMX_BASIC, 0x480) X(IA32_VMX_PINBASED_CTLS, 0x481) X(IA32_VMX_PROCBASED_CTLS, 0x482)                       \
    X(IA32_VMX_EXIT_CTLS, 0x483) X(IA32_VMX_ENTRY_CTLS, 0x484) X(IA32_VMX_MISC, 0x485)                                \
    X(IA32_VMX_CR0_FIXED0, 0x486) X(IA32_VMX_CR0_FIXED1, 0x487) X(IA32_VMX_CR4_FIXED0, 0x488)                         \
    X(IA32_VMX_CR4_FIXED1, 0x489) X(IA32_VMX_PROCBASED_CTLS2, 0x48b) X(IA32_VMX_EPT_VPID_CAP, 0x48c)                  \
    X(IA32_VMX_TRUE_PINBASED_CTLS, 0x48d) X(IA32_VMX_TRUE_PROCBASED_CTLS, 0x48e) X(IA32_VMX_TRUE_EXIT_CTLS, 0x48f)    \
    X(IA32_VMX_TRUE_ENTRY_CTLS, 0x490) X(IA32_VMX_VMFUNC, 0x491) X(IA32_VMX_PROCBASED_CTLS3, 0x492)                   \
    X(IA32_VMX_EXIT_CTLS2, 0x493) X(IA32_PERF_CAPABILITIES, 0x345)
#define ENTRY_CAP_CPUID(X)                                                                                            \
    X(CPUID_7_EBX, 7, 0, 1) X(CPUID_7_ECX, 7, 0, 2) X(CPUID_7_EDX, 7, 0, 3) X(CPUID_7_1_EAX, 7, 1, 0)                 \
    X(CPUID_A_EAX, 10, 0, 0) X(CPUID_A_EDX, 10, 0, 3) X(CPUID_1_ECX, 1, 0, 2) X(CPUID_1_EDX, 1, 0, 3)                 \
    X(CPUID_80000001_ECX, 0x80000001, 0, 2) X(CPUID_80000001_EDX, 0x80000001, 0, 3)                                   \
    X(CPUID_80000008_EAX, 0x80000008, 0, 0) X(CPUID_80000008_EBX, 0x80000008, 0, 1)                                   \
    X(CPUID_8000000A_EDX, 0x8000000a, 0, 3) X(CPUID_80000021_EAX, 0x80000021, 0, 0)

/* State beside the control block: of the CPU at the instruction, of memory, and places that a test may use. X(name) */
#define ENTRY_STATE_FIELDS(X)                                                                                         \
    X(INSTRUCTION)        /* 0 VMLAUNCH, 1 VMRESUME */                                                                \
    X(CPL)                                                                                                            \
    X(VMX_OPERATION)      /* 0 none, 1 root, 2 non-root */                                                            \
    X(CPU_MODE)           /* 0 64-bit or protected, 1 real or virtual-8086, 2 compatibility */                        \
    X(SMM)                /* 1 in system-management mode */                                                           \
    X(MOV_SS)             /* 1 while the instruction is behind MOV SS */                                              \
    X(CPU_EFER) X(CPU_CR0) X(CPU_APIC_BASE) X(CPU_RTIT_CTL) /* the host's own, at the entry */                        \
    X(CURRENT_VMCS)       /* its address; all ones: none */                                                           \
    X(CURRENT_VMCS_WORD)  /* first 4 bytes of the current VMCS */                                                     \
    X(LAUNCHED)           /* its launch state: 0 clear, 1 launched */                                                 \
    X(VMXON_POINTER)                                                                                                  \
    X(VTPR)               /* byte 80H of the virtual-APIC page */                                                     \
    X(LINK_WORD)          /* first 4 bytes of the VMCS that the link pointer points to */                             \
    X(MEMORY_PDPTE0) X(MEMORY_PDPTE1) X(MEMORY_PDPTE2) X(MEMORY_PDPTE3) /* where CR3 points to */                     \
    X(U_CET)              /* the MSR, as the guest will have it */                                                    \
    X(VMCB_ADDRESS)       /* RAX at VMRUN */                                                                          \
    X(SCRATCH_PAGE)       /* address of a zeroed page that a control may name */                                      \
    X(LINK_PAGE)          /* address of a page that can be a VMCS, but is none */                                     \
    X(MSR_AREA)           /* address of an MSR area whose two entries do no harm */

enum {
    ENTRY_CAP = 0x40000000,
    ENTRY_CAP_BEFORE = ENTRY_CAP - 1,
#define X(name, ...) CAP_##name,
    ENTRY_CAP_MSRS(X) ENTRY_CAP_CPUID(X)
#undef X
    ENTRY_CAP_END,
    ENTRY_CAPS = ENTRY_CAP_END - ENTRY_CAP,
    ENTRY_STATE = 0x20000000,
    ENTRY_STATE_BEFORE = ENTRY_STATE - 1,
#define X(name) STATE_##name,
    ENTRY_STATE_FIELDS(X)
#undef X
    ENTRY_STATE_END,
    ENTRY_MSR = 0x21000000,
    ENTRY_MSRS_MAX = 512,
};

/* The halves of an entry of the VM-entry MSR-load area: index (and what should be 0) and value. */
#define ENTRY_MSR_INDEX(entry) (ENTRY_MSR + 2u * (entry))
#define ENTRY_MSR_VALUE(entry) (ENTRY_MSR + 2u * (entry) + 1u)

/* The name of a field: "GUEST_CR0", "IA32_VMX_MISC", "STATE_VTPR"; "" for what has none. Entries of the MSR-load area
 * have no name of their own: "ENTRY_MSR" and "ENTRY_MSR_VALUE". */
const char *entry_field_name(uint32_t field);

/* By name; entries of the MSR-load area as "ENTRY_MSR_0" and "ENTRY_MSR_0_VALUE". */
bool entry_field_find(const char *name, uint32_t *field);

/* Where a capability register is found: an MSR, or CPUID, as in struct machine_cap, with the subleaf in bits 47:40. */
uint64_t entry_cap_index(uint32_t field);

/* One of 64 bits, which stands for this field and for some others: enough to tell that two sets have no field in common. */
static inline uint64_t entry_field_mask(uint32_t field) { return 1ull << (field * 0x9e3779b1u >> 26); }

/* Bits that the field has: 16, 32 or 64; natural width counts as 64. */
unsigned entry_field_bits(uint32_t field);

#endif
