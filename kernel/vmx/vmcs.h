/* The VMCS: its control bits and the instructions on it; the fields are in config/fields.h. */
#ifndef KERNEL_VMX_VMCS_H
#define KERNEL_VMX_VMCS_H

#include <stdbool.h>
#include <stdint.h>

#include "config/bits.h"
#include "config/fields.h"
#include "kernel/vmx/access.h"

/* Control bits, of the fields of the same name. */
enum vmcs_control {
#define X(group, bit, name) name = 1u << (bit),
    BITS_PIN(X) BITS_PROC(X) BITS_PROC2(X) BITS_EXITC(X) BITS_ENTRYC(X)
#undef X
};

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
