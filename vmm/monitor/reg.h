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
    REG_ACTIVITY,         /* VMX: activity state */
    REG_INTERRUPTIBILITY, /* VMX: interruptibility state */
    REG_PDPTE0,           /* VMX: the four PAE page-directory-pointer-table entries */
    REG_PDPTE1,
    REG_PDPTE2,
    REG_PDPTE3,
    REG_EVENT,       /* VM-entry interruption information; SVM: EVENTINJ with the error code in bits 63:32 */
    REG_EVENT_ERROR, /* VMX: VM-entry exception error code */
    REG_COUNT
};

struct reg_row {
    const char *name;
    uint32_t vmcs; /* field encoding; 0 = not in VMX */
    uint64_t vmcb; /* VMCB_FIELD(offset, bytes); 0 = not in SVM */
};

extern const struct reg_row reg_rows[REG_COUNT];

static inline enum reg reg_segment(enum segment_register segment, enum segment_part part)
{
    return (enum reg)(REG_SEGMENTS + (int)segment * SEG_PARTS + (int)part);
}

/* Access rights of a segment in VMX's format: descriptor bits 15:8 in 7:0, bits 23:20 in 15:12, and this. */
#define RIGHTS_UNUSABLE 0x10000u

/* Value of a register, from the format of all our code to the vendor's and back. */
uint64_t reg_to_vendor(enum backend backend, enum reg reg, uint64_t value);
uint64_t reg_from_vendor(enum backend backend, enum reg reg, uint64_t value);

/* What a register is called in a (what, where) pair; 0 if this vendor does not have it. */
static inline uint64_t reg_what(enum backend backend, enum reg reg)
{
    return backend == BACKEND_VMX ? reg_rows[reg].vmcs : reg_rows[reg].vmcb;
}

#endif
