/* What the files of this back end share. */
#ifndef KERNEL_VMX_VMX_H
#define KERNEL_VMX_VMX_H

#include "kernel/vm/vcpu.h"
#include "kernel/vmx/vmcs.h"

struct pcpu;

/* Use of vcpu.backend[]. */
enum { VCPU_WINDOW, VCPU_EPTP, VCPU_VPID, VCPU_PRIMARY /* controls, without the window */,
       VCPU_HOST /* the pCPU that its host state is for */ };

/* Use of pcpu.backend[]. */
enum { PCPU_VMXON_REGION };

/* The outcome of the control negotiation: constant after vmx_control_init. */
struct vmx_controls {
    uint32_t revision;                                   /* VMCS revision identifier */
    uint32_t pin, primary, secondary, exit, entry;       /* values for each new VMCS */
    bool preemption_timer;
    unsigned preemption_shift;                           /* its rate: the TSC's / 2^shift */
    bool vpid, invept_single, invvpid_single, ept_1g;
    uint64_t msr_bitmap;                                 /* physical address, shared by all VMs */
    uint64_t cr0_host, cr4_host;                         /* CR0, CR4 bits that guests don't own */
    uint64_t cr0_forced, cr4_forced;                     /* of these, the ones that are always set underneath */
};

extern struct vmx_controls vmx_controls;

/* control.c: negotiation. What is missing, or NULL. Reads the capability MSRs only. */
const char *vmx_control_negotiate(void);
/* Allocates the shared MSR bitmap; NULL or an error text. */
const char *vmx_control_init(void);

/* vcpu.c */
bool vmx_vcpu_init(struct vcpu *vcpu);
void vmx_vcpu_free(struct vcpu *vcpu);
void vmx_vcpu_load(struct vcpu *vcpu);
void vmx_vcpu_unload(struct vcpu *vcpu);
_Noreturn void vmx_run_behind(struct vcpu *vcpu);
void vmx_vcpu_slice(struct vcpu *vcpu, uint64_t deadline);
void vmx_vcpu_flush(struct vcpu *vcpu);
void vmx_vcpu_skip(struct vcpu *vcpu);
/* Writes the control fields of an ordinary vCPU; the VMCS is current. */
void vmx_vcpu_write_controls(struct vcpu *vcpu);
/* Writes the host-state area of the current VMCS: for an entry of this vCPU on this pCPU. */
void vmx_vcpu_write_host(const struct vcpu *vcpu);
/* The EPT pointer of its VM. */
uint64_t vmx_eptp(const struct vcpu *vcpu);

/* inject.c */
bool vmx_interrupts_on(struct vcpu *vcpu);
void vmx_inject(struct vcpu *vcpu);
void vmx_inject_gp(struct vcpu *vcpu);
/* Gives an exception that exited to the guest: `info` as in the exit's interruption information. For #DB the exit's
 * qualification goes to DR6, where the CPU would have put it. */
void vmx_inject_exception(struct vcpu *vcpu, uint32_t info, uint32_t error);
void vmx_inject_debug(struct vcpu *vcpu, uint32_t info);
/* An exit cut the delivery of an event short: keeps it for the next entry. For exits that can come in such a moment. */
void vmx_inject_keep(struct vcpu *vcpu);

/* fields.c: the field policy. */
int vmx_field_read(struct vcpu *vcpu, uint64_t what, uint64_t *value);
int vmx_refused_read(struct vcpu *vcpu, uint64_t what, uint64_t *value);
int vmx_field_write(struct vcpu *vcpu, uint64_t what, uint64_t value);

/* exits.c, by the index of a row; exit_path.c */
/* The two halves of an exit, called by entry.asm. The second returns if the guest goes on at once, behind its instruction
 * or with it; else it takes another way into some guest, or into ring 3. */
enum verdict vmx_exit(struct vcpu *vcpu);
void vmx_exit_end(struct vcpu *vcpu, enum verdict verdict);
_Noreturn void vmx_lab_exit(struct vcpu *vcpu); /* the whole of it, for a lab */
void vmx_exit_record(struct vcpu *vcpu, struct exit_record *record, unsigned groups);
const char *vmx_exit_name(uint64_t reason);
uint64_t vmx_exit_reason(unsigned index);

/* entry.asm: load the registers and enter, by VMRESUME, or by VMLAUNCH a VMCS that was never entered or was cleared since.
 * At the exit vmx_exit is called on a fresh stack, and when the entry fails vmx_entry_failed. */
_Noreturn void vmx_resume(uint64_t *gpr);
_Noreturn void vmx_launch(uint64_t *gpr);
extern const char vmx_exit_entry[], vmx_lab_exit_entry[], vmx_bare_exit_entry[];

#endif
