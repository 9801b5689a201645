/* The lab of a VMX vCPU: lab.c has the pages, lab_exit.c the exits, lab_policy.c what its guest may do with the VMCS. */
#ifndef KERNEL_VMX_LAB_H
#define KERNEL_VMX_LAB_H

#include "kernel/vm/lab.h"
#include "kernel/vmx/vmx.h"

/* Use of lab.page[]. */
enum vmx_lab_page {
    LAB_IO_BITMAP_A,
    LAB_IO_BITMAP_B,
    LAB_MSR_BITMAP,
    LAB_MSR_AREAS,    /* three of LAB_MSR_ENTRIES entries: entry-load, exit-store, exit-load */
    LAB_EPTP_LIST,
    LAB_EPT_ROOT,     /* the top-level table of the second view */
    LAB_SHADOW_VMCS,
    LAB_NO_PAGE,      /* behind an address that the guest has not given: what the CPU writes there nobody reads */
    LAB_REGION_A,     /* VMCS regions of LAB_VMX */
    LAB_REGION_B,
    VMX_LAB_PAGES
};
_Static_assert((int)VMX_LAB_PAGES <= LAB_BACKEND_PAGES, "lab.page has room");

/* Use of lab.backend[]: enum lab_vmx_part, and behind that the current VMCS of LAB_VMX, 0 for none. */
enum { LAB_VMX_CURRENT = LAB_VMX_PARTS };

/* The VMCS of a new lab, which is current: its controls, and then as after lab_reset. */
void vmx_lab_init(struct vcpu *vcpu);
void vmx_lab_reset(struct vcpu *vcpu);

int vmx_lab_read(struct vcpu *vcpu, enum lab_kind kind, uint64_t number, uint64_t *value);
int vmx_lab_write(struct vcpu *vcpu, enum lab_kind kind, uint64_t number, uint64_t value);

/* lab_insn.c: executes a VMX instruction as LAB_VMX says. The vCPU's VMCS is current before and after; its launch state is
 * clear then. 0, or -ABI_EINVAL: there is no such instruction here. */
int vmx_lab_run(struct vcpu *vcpu, uint64_t instruction);

/* LAB_PROBE: reading the number that it has; writing is as in virt_ops, all n at once. -ABI_EACCES: not for this VM; -ABI_EINVAL:
 * no VMCS, no such field or page. */
int vmx_lab_probe_read(struct vcpu *vcpu, uint64_t number, uint64_t *value);
int vmx_lab_probe_write(struct vcpu *vcpu, const struct state_pair *pair, const uint64_t *value, unsigned n);

/* An exit has acknowledged an interrupt: it is sent again, to come in by the kernel's own way. No-op if it has not. */
void vmx_lab_send_again(void);

/* lab_enter.asm: enters the current VMCS by VMLAUNCH (0), VMRESUME (1), or one of these right behind MOV SS (2, 3). Returns
 * RFLAGS, whose arithmetic flags were 1: after VMfail, or after an exit to vmx_lab_back, all clear. The exit may have left any
 * host state but RSP, RIP and a page table with the kernel in it; EFER and CR0 to CR4 are as before. */
uint64_t vmx_lab_enter(uint64_t how);
extern const char vmx_lab_back[];

/* What an enum vcpu_refused names; 0 or -ABI_EINVAL. */
int vmx_lab_refused(const struct vcpu *vcpu, uint64_t item, uint64_t *value);

/* Whether the field is one of those that a lab's guest may write and a monitor otherwise not; if so, *result is that of
 * the write. */
bool vmx_lab_field_write(struct vcpu *vcpu, uint64_t field, uint64_t value, int *result);

/* Whether an exit is one that the guest of an observed vCPU asked for. */
bool vmx_lab_owns_exit(struct vcpu *vcpu, uint64_t reason);

/* What the preemption timer is set to when the kernel wants it to expire after `ticks` of it. */
uint64_t vmx_lab_slice(struct vcpu *vcpu, uint64_t ticks);

/* The guest sees this exit: its timer is as the controls say. */
void vmx_lab_show_exit(struct vcpu *vcpu);

/* A field as the lab's guest has it, where that is not what is in the VMCS. */
uint64_t vmx_lab_field_view(const struct vcpu *vcpu, uint64_t field, uint64_t value);

/* At each exit of a lab: what the exit was not told to load is as the host needs it, and what the guest's MSRs have
 * become is in its context. */
void vmx_lab_leave_guest(struct vcpu *vcpu);

#endif
