/* The VMCS: field encodings ("Field Encoding in VMCS", Intel SDM), control bits, and the instructions on it. */
#ifndef KERNEL_VMX_VMCS_H
#define KERNEL_VMX_VMCS_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/vmx/access.h"

enum vmcs_field {
    /* 16-bit control, guest-state, host-state fields */
    VIRTUAL_PROCESSOR_ID = 0x0000,
    GUEST_ES_SELECTOR = 0x0800,
    GUEST_TR_SELECTOR = 0x080e,
    HOST_ES_SELECTOR = 0x0c00,
    HOST_CS_SELECTOR = 0x0c02,
    HOST_SS_SELECTOR = 0x0c04,
    HOST_DS_SELECTOR = 0x0c06,
    HOST_FS_SELECTOR = 0x0c08,
    HOST_GS_SELECTOR = 0x0c0a,
    HOST_TR_SELECTOR = 0x0c0c,
    /* 64-bit */
    MSR_BITMAP = 0x2004,
    TSC_OFFSET = 0x2010,
    EPT_POINTER = 0x201a,
    GUEST_PHYSICAL_ADDRESS = 0x2400,
    VMCS_LINK_POINTER = 0x2800,
    GUEST_IA32_DEBUGCTL = 0x2802,
    GUEST_IA32_PAT = 0x2804,
    GUEST_IA32_EFER = 0x2806,
    GUEST_PDPTE0 = 0x280a,
    GUEST_PDPTE3 = 0x2810,
    HOST_IA32_PAT = 0x2c00,
    HOST_IA32_EFER = 0x2c02,
    /* 32-bit */
    PIN_BASED_CONTROLS = 0x4000,
    PRIMARY_CONTROLS = 0x4002,
    EXCEPTION_BITMAP = 0x4004,
    PF_ERROR_CODE_MASK = 0x4006,
    PF_ERROR_CODE_MATCH = 0x4008,
    CR3_TARGET_COUNT = 0x400a,
    EXIT_CONTROLS = 0x400c,
    EXIT_MSR_STORE_COUNT = 0x400e,
    EXIT_MSR_LOAD_COUNT = 0x4010,
    ENTRY_CONTROLS = 0x4012,
    ENTRY_MSR_LOAD_COUNT = 0x4014,
    ENTRY_INTERRUPTION_INFO = 0x4016,
    ENTRY_EXCEPTION_ERROR_CODE = 0x4018,
    ENTRY_INSTRUCTION_LENGTH = 0x401a,
    SECONDARY_CONTROLS = 0x401e,
    INSTRUCTION_ERROR = 0x4400,
    EXIT_REASON = 0x4402,
    EXIT_INTERRUPTION_INFO = 0x4404,
    EXIT_INTERRUPTION_ERROR_CODE = 0x4406,
    IDT_VECTORING_INFO = 0x4408,
    IDT_VECTORING_ERROR_CODE = 0x440a,
    EXIT_INSTRUCTION_LENGTH = 0x440c,
    EXIT_INSTRUCTION_INFO = 0x440e,
    GUEST_ES_LIMIT = 0x4800,
    GUEST_IDTR_LIMIT = 0x4812,
    GUEST_ES_ACCESS_RIGHTS = 0x4814,
    GUEST_SS_ACCESS_RIGHTS = 0x4818,
    GUEST_TR_ACCESS_RIGHTS = 0x4822,
    GUEST_INTERRUPTIBILITY = 0x4824,
    GUEST_ACTIVITY = 0x4826,
    GUEST_SYSENTER_CS = 0x482a,
    PREEMPTION_TIMER_VALUE = 0x482e,
    HOST_SYSENTER_CS = 0x4c00,
    /* natural width */
    CR0_MASK = 0x6000,
    CR4_MASK = 0x6002,
    CR0_READ_SHADOW = 0x6004,
    CR4_READ_SHADOW = 0x6006,
    EXIT_QUALIFICATION = 0x6400,
    GUEST_LINEAR_ADDRESS = 0x640a,
    GUEST_CR0 = 0x6800,
    GUEST_CR3 = 0x6802,
    GUEST_CR4 = 0x6804,
    GUEST_ES_BASE = 0x6806,
    GUEST_IDTR_BASE = 0x6818,
    GUEST_DR7 = 0x681a,
    GUEST_RSP = 0x681c,
    GUEST_RIP = 0x681e,
    GUEST_RFLAGS = 0x6820,
    GUEST_PENDING_DEBUG = 0x6822,
    GUEST_SYSENTER_ESP = 0x6824,
    GUEST_SYSENTER_EIP = 0x6826,
    HOST_CR0 = 0x6c00,
    HOST_CR3 = 0x6c02,
    HOST_CR4 = 0x6c04,
    HOST_FS_BASE = 0x6c06,
    HOST_GS_BASE = 0x6c08,
    HOST_TR_BASE = 0x6c0a,
    HOST_GDTR_BASE = 0x6c0c,
    HOST_IDTR_BASE = 0x6c0e,
    HOST_SYSENTER_ESP = 0x6c10,
    HOST_SYSENTER_EIP = 0x6c12,
    HOST_RSP = 0x6c14,
    HOST_RIP = 0x6c16,
};

enum pin_based_control { PIN_EXTERNAL_INTERRUPT = 1 << 0, PIN_NMI = 1 << 3, PIN_PREEMPTION_TIMER = 1 << 6 };

enum primary_control {
    PRIMARY_INTERRUPT_WINDOW = 1 << 2,
    PRIMARY_TSC_OFFSET = 1 << 3,
    PRIMARY_HLT = 1 << 7,
    PRIMARY_MWAIT = 1 << 10,
    PRIMARY_RDPMC = 1 << 11,
    PRIMARY_CR8_LOAD = 1 << 19,
    PRIMARY_CR8_STORE = 1 << 20,
    PRIMARY_MOV_DR = 1 << 23,
    PRIMARY_UNCONDITIONAL_IO = 1 << 24,
    PRIMARY_MSR_BITMAPS = 1 << 28,
    PRIMARY_MONITOR = 1 << 29,
};
#define PRIMARY_ACTIVATE_SECONDARY (1u << 31)

enum secondary_control {
    SECONDARY_EPT = 1 << 1,
    SECONDARY_RDTSCP = 1 << 3,
    SECONDARY_VPID = 1 << 5,
    SECONDARY_WBINVD = 1 << 6,
    SECONDARY_UNRESTRICTED_GUEST = 1 << 7,
};

enum exit_control {
    EXIT_SAVE_DEBUG = 1 << 2,
    EXIT_HOST_64 = 1 << 9,
    EXIT_SAVE_PAT = 1 << 18,
    EXIT_LOAD_PAT = 1 << 19,
    EXIT_SAVE_EFER = 1 << 20,
    EXIT_LOAD_EFER = 1 << 21,
    EXIT_SAVE_PREEMPTION_TIMER = 1 << 22,
};

enum entry_control { ENTRY_LOAD_DEBUG = 1 << 2, ENTRY_IA32E_GUEST = 1 << 9, ENTRY_LOAD_PAT = 1 << 14, ENTRY_LOAD_EFER = 1 << 15 };

/* Interruption-information and IDT-vectoring-information fields. */
#define INTERRUPTION_VALID      (1u << 31)
#define INTERRUPTION_ERROR_CODE (1u << 11)
#define INTERRUPTION_UNDEFINED  (1u << 12) /* NMI unblocking at exits, must be 0 at entries */
#define INTERRUPTION_TYPE_SHIFT 8
enum interruption_type { TYPE_EXTERNAL = 0, TYPE_NMI = 2, TYPE_HARDWARE_EXCEPTION = 3, TYPE_SOFTWARE_INTERRUPT = 4,
                         TYPE_PRIVILEGED_SOFTWARE_EXCEPTION = 5, TYPE_SOFTWARE_EXCEPTION = 6 };

enum interruptibility { BLOCKING_BY_STI = 1 << 0, BLOCKING_BY_MOV_SS = 1 << 1 };

/* Capability MSRs, by the manual's names. */
enum vmx_msr {
    IA32_VMX_BASIC = 0x480,
    IA32_VMX_PINBASED_CTLS = 0x481,
    IA32_VMX_PROCBASED_CTLS = 0x482,
    IA32_VMX_EXIT_CTLS = 0x483,
    IA32_VMX_ENTRY_CTLS = 0x484,
    IA32_VMX_MISC = 0x485,
    IA32_VMX_CR0_FIXED0 = 0x486,
    IA32_VMX_CR0_FIXED1 = 0x487,
    IA32_VMX_CR4_FIXED0 = 0x488,
    IA32_VMX_CR4_FIXED1 = 0x489,
    IA32_VMX_PROCBASED_CTLS2 = 0x48b,
    IA32_VMX_EPT_VPID_CAP = 0x48c,
    IA32_VMX_TRUE_PINBASED_CTLS = 0x48d,
    IA32_VMX_TRUE_PROCBASED_CTLS = 0x48e,
    IA32_VMX_TRUE_EXIT_CTLS = 0x48f,
    IA32_VMX_TRUE_ENTRY_CTLS = 0x490,
    IA32_VMX_LAST = 0x493,
};

/* As vmread and vmwrite, for fields that may not exist: false if the instruction failed. */
static inline bool vmread_safe(uint64_t field, uint64_t *value)
{
    bool ok;

    __asm__ volatile("vmread %2, %0; seta %1" : "=r"(*value), "=q"(ok) : "r"(field) : "cc");
    return ok;
}

static inline bool vmwrite_safe(uint64_t field, uint64_t value)
{
    bool ok;

    __asm__ volatile("vmwrite %2, %1; seta %0" : "=q"(ok) : "r"(field), "r"(value) : "cc");
    return ok;
}

static inline bool vmxon(uint64_t region)
{
    bool ok;

    __asm__ volatile("vmxon %1; seta %0" : "=q"(ok) : "m"(region) : "cc", "memory");
    return ok;
}

static inline void vmclear(uint64_t vmcs) { __asm__ volatile("vmclear %0" : : "m"(vmcs) : "cc", "memory"); }

static inline void vmptrld(uint64_t vmcs) { __asm__ volatile("vmptrld %0" : : "m"(vmcs) : "cc", "memory"); }

enum invalidation { INVALIDATE_SINGLE_CONTEXT = 1, INVALIDATE_ALL_CONTEXTS = 2 };

static inline void invept(enum invalidation type, uint64_t eptp)
{
    struct {
        uint64_t eptp, reserved;
    } descriptor = {eptp, 0};

    __asm__ volatile("invept %0, %1" : : "m"(descriptor), "r"((uint64_t)type) : "cc", "memory");
}

static inline void invvpid(enum invalidation type, uint16_t vpid)
{
    struct {
        uint64_t vpid, linear;
    } descriptor = {vpid, 0};

    __asm__ volatile("invvpid %0, %1" : : "m"(descriptor), "r"((uint64_t)type) : "cc", "memory");
}

#endif
