/* What a back end (VMX or SVM) provides. The rest of the kernel knows it only through this table. */
#ifndef KERNEL_VM_VIRT_OPS_H
#define KERNEL_VM_VIRT_OPS_H

#include "config/abi.h"
#include "config/lab.h"
#include "kernel/cpu/pcpu.h"
#include "kernel/vm/vcpu.h"
#include "mm/table.h"

struct vm;

struct virt_ops {
    const char *name;
    enum backend backend;
    const struct mm_format *nested_format;

    /* Whether this CPU has it in a usable form; if not, `*why` says precisely what is missing or locked. */
    bool (*probe)(const char **why);

    /* Once, after probe, on the boot CPU: negotiates controls and allocates what all VMs share. NULL, or an error text. */
    const char *(*init)(void);

    /* On each pCPU: turns it on (VMXON, EFER.SVME). NULL, or an error text. */
    const char *(*pcpu_enable)(struct pcpu *pcpu);

    /* Whether nested page tables may have 1 GiB leaves. */
    bool (*huge_1g)(void);

    /* Writes the capability registers to info->cap[], info->caps. */
    void (*capabilities)(struct machine_info *info);

    /* Control block in reset state; false when memory or quota is out. vcpu->page and vcpu->vm are set. */
    bool (*vcpu_init)(struct vcpu *vcpu);
    void (*vcpu_free)(struct vcpu *vcpu);

    /* Makes it current on this pCPU in hardware (VMPTRLD); the inverse writes it back (VMCLEAR), so that it can move. */
    void (*vcpu_load)(struct vcpu *vcpu);
    void (*vcpu_unload)(struct vcpu *vcpu);

    /* Re-entry work, the vCPU loaded. inject: takes what is pending, or asks for a window. slice: sets the guest-mode tick
     * for TSC `deadline`, where the back end has one. flush: invalidates this pCPU's nested translations of the VM. */
    void (*inject)(struct vcpu *vcpu);
    void (*slice)(struct vcpu *vcpu, uint64_t deadline);
    void (*flush)(struct vcpu *vcpu);

    /* Enters; comes back only through the back end's exit function or vcpu_entry_failed, on a fresh kernel stack. */
    __attribute__((noreturn)) void (*enter)(struct vcpu *vcpu);

    /* The same for HC_ROUND_TRIPS: each exit by the same kind of instruction is answered at once by another entry, with RBX one
     * less, until that is 0. That exit, and any other, is as usual, and so is what comes after. */
    __attribute__((noreturn)) void (*enter_bare)(struct vcpu *vcpu);

    /* skip, and enter: for a vCPU that comes from ring 3 in the same turn and has nothing to be seen to. */
    __attribute__((noreturn)) void (*run_behind)(struct vcpu *vcpu);

    /* Whether the guest's RFLAGS.IF is set. */
    bool (*interrupts_on)(struct vcpu *vcpu);

    /* RIP += length; clears blocking by STI and MOV SS. Only vcpu.c calls it. */
    void (*skip)(struct vcpu *vcpu);

    /* Fills the exit record's members of `groups` (enum exit_group), and the page's copy of RSP. */
    void (*exit_record)(struct vcpu *vcpu, struct exit_record *record, unsigned groups);

    /* Field access for the monitor, by the field policy: 0, -ABI_EINVAL (no such field), -ABI_EACCES. */
    int (*field_read)(struct vcpu *vcpu, uint64_t what, uint64_t *value);
    int (*field_write)(struct vcpu *vcpu, uint64_t what, uint64_t value);

    /* What VCPU_REFUSED gives, without that bit in `what`: 0, -ABI_EINVAL, -ABI_EACCES (no entry has failed). */
    int (*refused_read)(struct vcpu *vcpu, uint64_t what, uint64_t *value);

    /* Of the lab: what the pairs name whose kind is the back end's own, and those of a lab's vCPU to which field_read and
     * field_write come. Results as those of lab_read, lab_write and lab_probe_write: that one gets n pairs of the probe, and
     * need not take them all. lab_reset makes all of it as at the start. */
    int (*lab_read)(struct vcpu *vcpu, enum lab_kind kind, uint64_t number, uint64_t *value);
    int (*lab_write)(struct vcpu *vcpu, enum lab_kind kind, uint64_t number, uint64_t value);
    int (*lab_probe_write)(struct vcpu *vcpu, const struct state_pair *pair, const uint64_t *value, unsigned n);
    void (*lab_reset)(struct vcpu *vcpu);

    /* Makes the guest see #GP(0) at RIP. */
    void (*inject_gp)(struct vcpu *vcpu);

    /* Name of an exit reason, for people. */
    const char *(*exit_name)(uint64_t reason);

    /* The exit reason that vcpu->exit_count[index] counts, index < EXIT_COUNTERS. */
    uint64_t (*exit_reason)(unsigned index);
};

extern const struct virt_ops vmx_ops, svm_ops;

/* The back end in use; set once at boot. */
extern const struct virt_ops *virt;

#endif
