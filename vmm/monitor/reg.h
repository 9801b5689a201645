/*
 * Guest state by neutral names, and where each vendor keeps it: the VMCS field encodings of "Field Encoding in VMCS"
 * (Intel SDM), the offsets of "VMCB Layout" (AMD APM). Values are the same for both, in VMX's formats; what SVM holds
 * in another format (access rights) is converted here and nowhere else.
 */
#ifndef VMM_MONITOR_REG_H
#define VMM_MONITOR_REG_H

#include <stdbool.h>
#include <stdint.h>

#include "config/abi.h"

/* The segment registers, in the order that instructions and both control blocks use. */
enum segment_register { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_LDTR, SEG_TR, SEG_COUNT };
enum segment_part { SEG_SELECTOR, SEG_LIMIT, SEG_RIGHTS, SEG_BASE, SEG_PARTS };

enum reg {
    REG_SEGMENTS, /* SEG_COUNT * SEG_PARTS of them: use reg_segment() */
    REG_CR0 = REG_SEGMENTS + SEG_COUNT * SEG_PARTS,
    REG_CR3,
    REG_CR4,
    REG_DR7,
    REG_RSP,
    REG_RIP,
    REG_RFLAGS,
    REG_EFER,
    REG_GDTR_BASE,
    REG_GDTR_LIMIT,
    REG_IDTR_BASE,
    REG_IDTR_LIMIT,
    REG_ACTIVITY,         /* 1: in HLT */
    REG_INTERRUPTIBILITY, /* VMX's interruptibility state; SVM: its interrupt shadow, as blocking by MOV SS */
    REG_PDPTE0,           /* VMX: the four PAE page-directory-pointer-table entries */
    REG_PDPTE1,
    REG_PDPTE2,
    REG_PDPTE3,
    REG_EVENT,       /* VM-entry interruption information; SVM: EVENTINJ with the error code in bits 63:32 */
    REG_EVENT_ERROR, /* VMX: VM-entry exception error code */
    REG_NOTED,       /* the ones before it are shown when a guest ends in a way that wants explaining */
    REG_CR2 = REG_NOTED,
    REG_DR0,
    REG_DR1,
    REG_DR2,
    REG_DR3,
    REG_DR6,
    REG_SYSENTER_CS,
    REG_SYSENTER_ESP,
    REG_SYSENTER_EIP,
    REG_PAT,
    REG_STAR,
    REG_LSTAR,
    REG_CSTAR,
    REG_SFMASK,
    REG_KERNEL_GS_BASE,
    REG_TSC_AUX,
    REG_TSC_OFFSET,
    REG_CPL,         /* SVM; VMX has it in SS's rights */
    REG_V_INTR,      /* SVM: bits 7:0 are the virtual TPR, which is CR8 */
    REG_CR0_MASK,    /* VMX: bits of CR0 that the guest sees in the shadow instead */
    REG_CR0_SHADOW,
    REG_CR4_MASK,
    REG_CR4_SHADOW,
    REG_PENDING_DEBUG, /* VMX: pending debug exceptions */
    REG_CUT_SHORT,   /* event whose delivery was cut short, as EVENTINJ */
    REG_TIMER_VECTOR,
    REG_TIMER_DEADLINE,
    REG_PENDING,     /* interrupts: 4 of them */
    REG_FPU = REG_PENDING + 4, /* 64 of them: the image of FXSAVE64 */
    REG_COUNT = REG_FPU + 64
};

struct reg_row {
    const char *name;
    uint64_t vmcs; /* field encoding, or VCPU_ITEM | number; 0 = not in VMX */
    uint64_t vmcb; /* VMCB_FIELD(offset, bytes), or the same; 0 = not in SVM */
};

/* Those from REG_PENDING on are items in a row, and have no row here. */
extern const struct reg_row reg_rows[REG_PENDING];

static inline enum reg reg_segment(enum segment_register segment, enum segment_part part)
{
    return (enum reg)(REG_SEGMENTS + (int)segment * SEG_PARTS + (int)part);
}

/* Access rights of a segment in VMX's format: descriptor bits 15:8 in 7:0, bits 23:20 in 15:12, and this. */
#define RIGHTS_UNUSABLE 0x10000u

/* Value of a register, from the format of all our code to the vendor's and back. */
uint64_t reg_to_vendor(enum backend backend, enum reg reg, uint64_t value);
uint64_t reg_from_vendor(enum backend backend, enum reg reg, uint64_t value);

/* What a register is called in messages. */
static inline const char *reg_name(enum reg reg)
{
    return reg >= REG_FPU ? "FPU state" : reg >= REG_PENDING ? "pending interrupts" : reg_rows[reg].name;
}

/* What a register is called in a (what, where) pair; 0 if this vendor does not have it. */
static inline uint64_t reg_what(enum backend backend, enum reg reg)
{
    if (reg >= REG_PENDING)
        return VCPU_ITEM | (uint64_t)(ITEM_PENDING + (reg - REG_PENDING));
    return backend == BACKEND_VMX ? reg_rows[reg].vmcs : reg_rows[reg].vmcb;
}

#endif
