/* The lab of an SVM vCPU: lab.c has its permission maps and its probe, lab_exit.c its exits and virtual interrupts, lab_policy.c
 * what its guest may do with the VMCB. */
#ifndef KERNEL_SVM_LAB_H
#define KERNEL_SVM_LAB_H

#include "kernel/svm/svm.h"
#include "kernel/vm/lab.h"

/* The permission maps of a new lab, and all as after lab_reset; false when memory or quota is out. svm_lab_free gives the
 * maps back, also those of a vCPU that has none. */
bool svm_lab_init(struct vcpu *vcpu);
void svm_lab_free(struct vcpu *vcpu);

/* virt_ops of these names. */
int svm_lab_read(struct vcpu *vcpu, enum lab_kind kind, uint64_t number, uint64_t *value);
int svm_lab_write(struct vcpu *vcpu, enum lab_kind kind, uint64_t number, uint64_t value);
int svm_lab_probe_write(struct vcpu *vcpu, const struct state_pair *pair, const uint64_t *value, unsigned n);
void svm_lab_reset(struct vcpu *vcpu);

/* Whether the field is one of those that a lab's guest may write and a monitor otherwise not; if so, *result is that of
 * the write. Reading: the value that the guest has set, where the VMCB has another. */
bool svm_lab_field_write(struct vcpu *vcpu, uint64_t what, uint64_t value, int *result);
bool svm_lab_field_read(struct vcpu *vcpu, uint64_t what, uint64_t *value);

/*
 * V_IRQ, its vector, its priority and the intercept VINTR are the guest's in a lab. The kernel borrows them for an
 * interrupt of its own while the guest's V_IRQ is 0, and gives them back with the next exit, as they were, or before
 * anybody looks at them. svm_lab_borrow returns false when they are in use.
 */
bool svm_lab_borrow(struct vcpu *vcpu, unsigned vector);
void svm_lab_give_back(struct vcpu *vcpu);

/* Whether the exit is one that the guest of an observed vCPU asked for. For each exit, before svm_lab_leave_guest. */
bool svm_lab_owns_exit(const struct vcpu *vcpu, uint64_t exitcode);

/* At each exit of a lab, with the host's state loaded: what the guest has changed unseen is in its context. */
void svm_lab_leave_guest(struct vcpu *vcpu);

/* RDMSR and WRMSR of an MSR that VMLOAD switches, which exit in a lab only: false for others. */
bool svm_lab_handle_msr(struct vcpu *vcpu, bool write, enum verdict *verdict);

#endif
