/* Advertised against works: a row for each control or capability bit, and the smallest guest that shows whether it does
 * something. */
#ifndef GUESTS_TESTS_VMXWORKS_H
#define GUESTS_TESTS_VMXWORKS_H

#include "guests/lib/lab/lab.h"

struct works {
    const char *label;
    uint16_t control;
    void (*show)(const struct works *row); /* expects what the bit says to happen */
    const char *code; /* of works_exits and works_enables: memory at [RBX], RCX is CR3, RDX a port */
    unsigned length;
    uint64_t reason;                       /* of the exit; of works_invept, works_invvpid: the type */
    uint16_t needs[2];                     /* besides the control */
    bool waits;                            /* without the exit it would wait, or it can't be without */
};

enum { WORKS_PORT = 0x5000, WORKS_MSR = 0x174 /* IA32_SYSENTER_CS */, WORKS_PAT = 0x277 };

typedef void works_show(const struct works *row);

/* The instruction exits with the control, and does not without. */
works_show works_exits;
/* The instruction is #UD without the control; with it, it is not. */
works_show works_enables;
/* Nothing can be seen but that a VM entry is accepted with the bit. */
works_show works_entry;
/* Nestor does not let a lab have it. */
works_show works_kept;

/* vmxworks_events.c: what is about instructions, events and the APIC. */
works_show works_timer, works_virtual_nmis, works_nmi_window, works_interrupt_window, works_tsc_offsetting,
    works_tpr_shadow, works_io_bitmaps, works_mtf, works_msr_bitmaps, works_unrestricted, works_apic_accesses,
    works_apic_register, works_x2apic, works_virtual_interrupt, works_pause_loop, works_vmfunc, works_shadowing,
    works_tsc_scaling, works_hlt_activity, works_inject_length, works_xsaves;

/* vmxworks_memory.c: what is about EPT. */
works_show works_ept, works_pml, works_ve, works_execute_only, works_accessed_dirty,
    works_uncacheable, works_eptp_switching;

/* vmxworks_memory.c, too: instructions of the host, by their flags. */
works_show works_invept, works_invvpid, works_vmwrite;

/* vmxworks_switch.c: what entries and exits load and save. */
works_show works_save_debug, works_load_debug, works_save_pat, works_exit_pat, works_entry_pat, works_save_efer,
    works_exit_efer, works_entry_efer, works_save_timer, works_ia32e;

/* With the exit control that puts back what the entry has loaded. */
works_show works_with_exit;

#endif
