/* The virtual machine control block: "VMCB Layout" in the appendices of AMD's volume 2. */
#ifndef KERNEL_SVM_VMCB_H
#define KERNEL_SVM_VMCB_H

#include <stddef.h>
#include <stdint.h>

#include "config/bits.h"

/* Words of the intercept vector; bit numbers within each as in the manual. */
enum vmcb_intercept_word {
    INTERCEPT_CR,        /* reads in bits 0-15, writes in bits 16-31 */
    INTERCEPT_DR,        /* likewise */
    INTERCEPT_EXCEPTION, /* one bit a vector */
    INTERCEPT_MISC1,
    INTERCEPT_MISC2,
    INTERCEPT_MISC3,
    INTERCEPT_WORDS,
};

/* Bits of the last three words. */
enum vmcb_intercept {
#define X(group, bit, name) name = 1u << (bit),
    BITS_MISC1(X) BITS_MISC2(X) BITS_MISC3(X)
#undef X
};

/* v_intr: "Injecting Virtual (INTR) Interrupts". */
enum {
    V_TPR = 0xff,
    V_IRQ = 1 << 8,
    V_GIF = 1 << 9,
    V_INTR_PRIO = 0xf << 16,
    V_IGN_TPR = 1 << 20,
    V_INTR_MASKING = 1 << 24,
    V_GIF_ENABLE = 1 << 25,
    V_INTR_VECTOR_SHIFT = 32,
};
#define V_INTR_VECTOR (0xffull << V_INTR_VECTOR_SHIFT)

/* tlb_control: "TLB Control". The last two only with CPUID Fn8000_000A_EDX[FlushByAsid]. */
enum { TLB_CONTROL_NOTHING = 0, TLB_CONTROL_FLUSH_ALL = 1, TLB_CONTROL_FLUSH_ASID = 3,
       TLB_CONTROL_FLUSH_ASID_LOCAL = 7 /* all but global pages */ };

/* interrupt_shadow */
enum { INTERRUPT_SHADOW = 1 << 0 };

/* eventinj and exitintinfo: "Event Injection". A vector in bits 0-7, and: */
#define EVENT_INTR        (0ull << 8)
#define EVENT_NMI         (2ull << 8)
#define EVENT_EXCEPTION   (3ull << 8)
#define EVENT_SOFTWARE    (4ull << 8)
#define EVENT_TYPE        (7ull << 8)
#define EVENT_ERROR_VALID (1ull << 11)
#define EVENT_VALID       (1ull << 31)
enum { EVENT_ERROR_SHIFT = 32 };

/* nested_control */
enum { NESTED_NP_ENABLE = 1 << 0 };

/* lbr_control: "Virtualizing LBR Registers", "Virtual VMLOAD and VMSAVE" */
enum { LBR_ENABLE = 1 << 0, VIRTUAL_VMLOAD = 1 << 1 };

/* clean: "VMCB Clean Bits". A set bit says that the fields are as they were at the last #VMEXIT of this VMCB here. */
enum vmcb_clean {
    CLEAN_I = 1 << 0,    /* intercepts, TSC offset, pause filter */
    CLEAN_IOPM = 1 << 1, /* IOPM and MSRPM addresses */
    CLEAN_ASID = 1 << 2,
    CLEAN_TPR = 1 << 3, /* v_intr */
    CLEAN_NP = 1 << 4,  /* nested paging: nCR3, G_PAT, NP_ENABLE */
    CLEAN_CRX = 1 << 5, /* CR0, CR3, CR4, EFER */
    CLEAN_DRX = 1 << 6, /* DR6, DR7 */
    CLEAN_DT = 1 << 7,  /* GDTR, IDTR */
    CLEAN_SEG = 1 << 8, /* CS, DS, SS, ES, CPL */
    CLEAN_CR2 = 1 << 9,
    CLEAN_LBR = 1 << 10, /* DBGCTL and the records of branches */
    CLEAN_ALL = 0x7ff, /* the ones above: what else there is, Nestor does not use */
};

/* exitinfo1 of a nested page fault: "Nested versus Guest Page Faults, Fault Ordering". */
#define NPF_PRESENT (1ull << 0) /* not for want of a page */

/* "CPUID Fn8000_000A_EDX SVM Feature Identification". */
enum svm_feature {
#define X(group, bit, name) name = 1u << (bit),
    BITS_SVM(X)
#undef X
};

/* exitcode: those that exits.c knows by more than their row. An exception's vector is added to the first. */
enum { VMEXIT_EXCEPTION = 0x40, VMEXIT_INTR = 0x60, VMEXIT_INIT = 0x63, VMEXIT_VINTR = 0x64, VMEXIT_IOIO = 0x7b,
       VMEXIT_VMMCALL = 0x81, VMEXIT_NPF = 0x400 };

/* exitcode when VMRUN found the VMCB inconsistent: all ones, or the lower half of them under QEMU's emulation. */
#define VMEXIT_INVALID    UINT64_MAX
#define VMEXIT_INVALID_32 UINT32_MAX

struct vmcb_control {
    uint32_t intercept[INTERCEPT_WORDS];
    uint8_t reserved0[0x3c - 0x18];
    uint16_t pause_filter_threshold, pause_filter_count;
    uint64_t iopm_base_pa, msrpm_base_pa;
    uint64_t tsc_offset;
    uint32_t asid;
    uint8_t tlb_control;
    uint8_t reserved1[3];
    uint64_t v_intr;
    uint64_t interrupt_shadow;
    uint64_t exitcode, exitinfo1, exitinfo2;
    uint64_t exitintinfo;
    uint64_t nested_control;
    uint64_t avic_apic_bar;
    uint64_t ghcb_pa;
    uint64_t eventinj;
    uint64_t nested_cr3;
    uint64_t lbr_control;
    uint32_t clean;
    uint32_t reserved2;
    uint64_t next_rip;
    uint8_t n_bytes;
    uint8_t bytes[15];
    uint8_t reserved3[0x400 - 0xe0];
} __attribute__((packed));

struct vmcb_segment {
    uint16_t selector;
    uint16_t attributes; /* bits 40-47 and 52-55 of the descriptor, side by side */
    uint32_t limit;      /* in bytes */
    uint64_t base;
} __attribute__((packed));

struct vmcb_save {
    struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
    uint8_t reserved0[0xcb - 0xa0];
    uint8_t cpl;
    uint32_t reserved1;
    uint64_t efer;
    uint8_t reserved2[0x148 - 0xd8];
    uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
    uint8_t reserved3[0x1d8 - 0x180];
    uint64_t rsp;
    uint64_t s_cet, ssp, isst_addr;
    uint64_t rax;
    uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t cr2;
    uint8_t reserved4[0x268 - 0x248];
    uint64_t g_pat, dbgctl, br_from, br_to, last_excp_from, last_excp_to;
    uint8_t reserved5[0xc00 - 0x298];
} __attribute__((packed));

struct vmcb {
    struct vmcb_control control;
    struct vmcb_save save;
} __attribute__((packed, aligned(4096)));

_Static_assert(offsetof(struct vmcb, control.pause_filter_threshold) == 0x03c, "VMCB layout");
_Static_assert(offsetof(struct vmcb, control.iopm_base_pa) == 0x040, "VMCB layout");
_Static_assert(offsetof(struct vmcb, control.tsc_offset) == 0x050, "VMCB layout");
_Static_assert(offsetof(struct vmcb, control.asid) == 0x058, "VMCB layout");
_Static_assert(offsetof(struct vmcb, control.v_intr) == 0x060, "VMCB layout");
_Static_assert(offsetof(struct vmcb, control.interrupt_shadow) == 0x068, "VMCB layout");
_Static_assert(offsetof(struct vmcb, control.exitcode) == 0x070, "VMCB layout");
_Static_assert(offsetof(struct vmcb, control.exitintinfo) == 0x088, "VMCB layout");
_Static_assert(offsetof(struct vmcb, control.nested_control) == 0x090, "VMCB layout");
_Static_assert(offsetof(struct vmcb, control.eventinj) == 0x0a8, "VMCB layout");
_Static_assert(offsetof(struct vmcb, control.nested_cr3) == 0x0b0, "VMCB layout");
_Static_assert(offsetof(struct vmcb, control.clean) == 0x0c0, "VMCB layout");
_Static_assert(offsetof(struct vmcb, control.next_rip) == 0x0c8, "VMCB layout");
_Static_assert(offsetof(struct vmcb, control.n_bytes) == 0x0d0, "VMCB layout");
_Static_assert(offsetof(struct vmcb, save) == 0x400, "VMCB layout");
_Static_assert(offsetof(struct vmcb, save.gdtr) == 0x460, "VMCB layout");
_Static_assert(offsetof(struct vmcb, save.tr) == 0x490, "VMCB layout");
_Static_assert(offsetof(struct vmcb, save.cpl) == 0x4cb, "VMCB layout");
_Static_assert(offsetof(struct vmcb, save.efer) == 0x4d0, "VMCB layout");
_Static_assert(offsetof(struct vmcb, save.cr4) == 0x548, "VMCB layout");
_Static_assert(offsetof(struct vmcb, save.rip) == 0x578, "VMCB layout");
_Static_assert(offsetof(struct vmcb, save.rsp) == 0x5d8, "VMCB layout");
_Static_assert(offsetof(struct vmcb, save.rax) == 0x5f8, "VMCB layout");
_Static_assert(offsetof(struct vmcb, save.star) == 0x600, "VMCB layout");
_Static_assert(offsetof(struct vmcb, save.cr2) == 0x640, "VMCB layout");
_Static_assert(offsetof(struct vmcb, save.g_pat) == 0x668, "VMCB layout");
_Static_assert(sizeof(struct vmcb) == 4096, "VMCB layout");

#endif
