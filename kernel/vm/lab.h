/*
 * What the kernel keeps for a vCPU of a VM with `lab = yes`, beyond what any vCPU has: config/lab.h tells what such a VM
 * may do. What concerns a vendor's control block is in kernel/vmx/lab*.c and kernel/svm/lab*.c, behind virt_ops.
 */
#ifndef KERNEL_VM_LAB_H
#define KERNEL_VM_LAB_H

#include "config/lab.h"
#include "kernel/cpu/timer.h"
#include "kernel/vm/vcpu.h"

/* An entry of the nested page tables that is not as the kernel made it. */
struct lab_nested {
    uint64_t number;     /* gpa | level, as in LAB_NESTED */
    uint64_t *entry;
    uint64_t before;
};

enum { LAB_BACKEND_PAGES = 10 };

struct lab {
    struct vcpu *vcpu;
    bool observed;               /* the guest's own exits go to the monitor, all groups filled */
    _Atomic bool due;            /* its deadline has passed */
    struct timer deadline;
    unsigned nested_entries;
    struct lab_nested nested[LAB_NESTED_ENTRIES];
    uint64_t host_efer, host_pat; /* as found after the last exit that was observed */
    /* VMX: the preemption timer as the guest has it, beside the kernel's use of it. */
    bool timer_wanted, timer_saved; /* the two controls */
    uint64_t timer_value;        /* what it finds in the VMCS field */
    uint64_t timer_left;         /* ticks until it expires; exits that the guest does not see don't change it */
    uint64_t timer_entry;        /* what the timer was set to at the last entry */
    uint32_t exceptions;         /* the exceptions whose exits the guest wants; the kernel may intercept more */
    hpa_t page[LAB_BACKEND_PAGES]; /* the back end's own, one page each; owned */
    uint64_t backend[8];         /* the back end's own: documented in its lab.c */
};

/* Gives a new vCPU its lab; false when memory or quota is out. lab_destroy frees it: no-op for a vCPU without. */
bool lab_create(struct vcpu *vcpu);
void lab_destroy(struct vcpu *vcpu);

/* Reads and writes what a pair names with a kind other than LAB_FIELD, and if it is to be written, other than LAB_PROBE: 0,
 * -ABI_EPERM (no lab), -ABI_EINVAL (no such thing), -ABI_EACCES (refused, see lab_refuse), -ABI_ENOMEM. The vCPU is loaded. May take the kernel lock. */
int lab_read(struct vcpu *vcpu, uint64_t what, uint64_t *value);
int lab_write(struct vcpu *vcpu, uint64_t what, uint64_t value);

/* The same for the first of n pairs, of kind LAB_PROBE, and those of that kind behind it. Returns how many are written; at an
 * error, those before it are. */
int lab_probe_write(struct vcpu *vcpu, const struct state_pair *pair, const uint64_t *value, unsigned n);

/* Tells the monitor, in the vCPU's page, which bits can't be as asked for and why. Returns -ABI_EACCES. */
int lab_refuse(struct vcpu *vcpu, uint64_t bits, const char *why);

/* Whether a port, or one of the three behind FFFFH, does nothing that matters: of these, a guest may have the real ones. */
enum { LAB_PORT_MAX = 0x10002 };
bool lab_port_is_harmless(uint64_t port);

/* Whether an entry of the nested tables of this VM that maps gpa is not as the kernel made it: a fault there is wanted. */
bool lab_has_nested(const struct vm *vm, uint64_t gpa);

/* The row for exits that are observed. */
extern const struct exit_row lab_exit_row;

#endif
