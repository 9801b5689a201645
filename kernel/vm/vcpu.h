/* A virtual CPU: one schedulable thread of its VM's monitor, with guest state behind it. */
#ifndef KERNEL_VM_VCPU_H
#define KERNEL_VM_VCPU_H

#include "config/abi.h"
#include "kernel/cpu/context.h"
#include "kernel/cpu/timer.h"
#include "kernel/ipc/wait.h"
#include "kernel/vm/thread.h"
#include "lib/addr.h"

struct lab;
struct vm;

/* Things to see to before the next entry, as bits of vcpu.attention; 0 on the fast path. */
enum vcpu_attention {
    ATTENTION_EVENT = 1 << 0,    /* an interrupt is pending, an event has to be injected again, or it is in HLT */
    ATTENTION_SLICE = 1 << 1,    /* came from ring 3 or was switched in: the guest-mode tick has to be set */
    ATTENTION_LAB = 1 << 2,      /* has a lab, which is seen to each time */
    ATTENTION_RECALL = 1 << 3,   /* its monitor is wanted: vcpu_run gives -ABI_EINTR instead of an entry */
    ATTENTION_BARE = 1 << 4,     /* it is in HC_ROUND_TRIPS: virt_ops.enter_bare, once */
};

/* Written only by the pCPU that the vCPU is on, but for what the monitor does while it runs in ring 3. */
struct vcpu {
    struct thread thread;        /* what the scheduler sees */
    struct vm *vm;
    unsigned id;                 /* number within its VM */
    _Atomic unsigned attention;  /* enum vcpu_attention; other pCPUs set bits, too */
    struct pcpu *loaded_on;      /* where its control block is current or active in hardware; NULL: nowhere */
    struct pcpu *flushed_on;     /* npt_generation speaks of this pCPU */
    struct vcpu_page *page;      /* shared with the monitor: whatever is read from it is read once */
    hpa_t page_hpa;
    hpa_t control;               /* VMCS or VMCB; owned */
    struct context guest_context;
    uint64_t exits;              /* so far */
    uint64_t exits_monitor;      /* of these, handed to the monitor */
    uint64_t exit_count[EXIT_COUNTERS]; /* of each kind: by virt_ops.exit_reason of the index */
    uint64_t rip;                /* of the guest at the last exit: filled before each handler */
    uint32_t instruction_length; /* of the instruction that exited, 0 = not known; filled for exits by instruction */
    uint64_t exit_reason;        /* of the last exit; LAB_VMFAIL | VM-instruction error after an entry that was none */
    uint64_t npt_generation;     /* of vm->memory, for which this pCPU's TLB was last invalidated */
    _Atomic uint64_t pending[4]; /* external interrupts to inject, one bit a vector; other pCPUs set bits, too */
    uint64_t reinject;           /* event whose delivery was cut short by an exit, its error code in bits 63:32; 0 = none */
    bool halted;                 /* in HLT: it is not entered before something is pending */
    uint64_t tsc_offset;         /* what the guest's TSC is ahead of the pCPU's, modulo 2^64; by the monitor */
    struct timer timer;          /* the guest's own, HC_TIMER */
    uint8_t timer_vector;
    struct wait wait;            /* in a queue, by a hypercall */
    struct lab *lab;             /* for a VM with `lab = yes`, else NULL; owned */
    uint64_t backend[24];        /* the back end's own: enum svm_vcpu of svm.h, VCPU_* of vmx.h */
};

/* What a handler wants done about an exit. vcpu_exit_finish acts on it, but for the frequent case that a guest goes on
 * behind its instruction at once: that is in kernel/vm/exit.h. */
enum verdict {
    VERDICT_ANSWERED, /* enter behind the instruction; the vCPU alone was needed for it: no lock was taken, nothing was pended,
                       * and no register of the guest changed but RAX, RBX, RCX, and RDX */
    VERDICT_AGAIN,   /* enter again at RIP: an exit that leaves nothing to be seen to, and has given the lock back */
    VERDICT_RESUME,  /* enter again at RIP, when all is seen to */
    VERDICT_SKIP,    /* enter behind the instruction, when all is seen to */
    VERDICT_BLOCK,   /* behind the instruction, once something is pending for the vCPU */
    VERDICT_WAIT,    /* behind the instruction; the handler has blocked the thread, or it goes on at once */
    VERDICT_PASS,    /* behind the instruction, in time: another vCPU's thread is the current one now, see kernel/vm/pass.h */
    VERDICT_YIELD,   /* behind the instruction, after the others had their turn */
    VERDICT_MONITOR, /* vcpu_run returns in ring 3 */
    VERDICT_KILL,    /* the kernel can't go on with this VM: ends it with VM_END_KERNEL */
};

typedef enum verdict exit_handler(struct vcpu *vcpu);

/* A row of a back end's exit table. */
struct exit_row {
    const char *name;      /* as in the manual */
    exit_handler *handler; /* NULL: to the monitor */
    unsigned groups;       /* enum exit_group: what is read out of the control block for the monitor */
};

/* Creates vCPU `id` of a VM, in reset state, its thread not ready. NULL when memory or quota is out. */
struct vcpu *vcpu_create(struct vm *vm, unsigned id);

/* Takes its control block and its registers out of this pCPU, so that it can go on elsewhere. */
void vcpu_unload(struct vcpu *vcpu);

/* Frees it. Its thread has never run, or vm_thread_gone was told. */
void vcpu_destroy(struct vcpu *vcpu);

/* Makes its control block the current one of this pCPU, for field access or entry. vcpu_load spares it if it is that. */
void vcpu_make_current(struct vcpu *vcpu);

static inline __attribute__((always_inline)) void vcpu_load(struct vcpu *vcpu)
{
    if (pcpu_this()->vcpu_loaded != vcpu)
        vcpu_make_current(vcpu);
}

/* TSC just before the first VM entry since boot; 0 = none yet. */
extern uint64_t vcpu_first_entry_tsc;

/* The one re-entry point: sees to what is pending and enters the guest. On this pCPU, vcpu->thread is current. */
_Noreturn void vcpu_enter(struct vcpu *vcpu);

/* Acts on the verdict about an exit, if the fast path of kernel/vm/exit.h could not. `row` is the exit's. */
_Noreturn void vcpu_exit_finish(struct vcpu *vcpu, const struct exit_row *row, enum verdict verdict);

/* The end of vcpu_exit_to_monitor (exit.h) where ring 3 needs its own context first, or the lock may have to be given back. */
_Noreturn void vcpu_exit_switch_context(struct vcpu *vcpu);

/* The VM entry failed before guest state was loaded (VMfail): `error` is the VM-instruction error. vcpu_run gives -ABI_ENTRY. */
_Noreturn void vcpu_entry_failed(struct vcpu *vcpu, uint64_t error);

/* Pends external interrupt `vector`; wakes the vCPU if it is blocked, and kicks it if it runs elsewhere. Under the kernel
 * lock. */
void vcpu_interrupt(struct vcpu *vcpu, unsigned vector);

/* Ends its vcpu_run, or the next one if it is in ring 3, before another instruction of the guest: see SYS_VM_RECALL. Under
 * the kernel lock. */
void vcpu_recall(struct vcpu *vcpu);

/* It is in HLT: its thread blocks before the next entry, unless something is pending. */
static inline void vcpu_halt(struct vcpu *vcpu)
{
    vcpu->halted = true;
    vcpu->attention |= ATTENTION_EVENT;
}

/* Arms the guest's own timer: interrupt `vector` (32 to 255) once its TSC reaches `deadline`; 0 disarms. Takes
 * the kernel lock. */
void vcpu_timer_set(struct vcpu *vcpu, uint64_t deadline, unsigned vector);

/* Highest pending vector, or -1. vcpu_interrupt_taken clears it: called by the back end when it injects it. */
int vcpu_interrupt_pending(const struct vcpu *vcpu);

static inline bool vcpu_has_pending(const struct vcpu *vcpu)
{
    return vcpu->pending[0] | vcpu->pending[1] | vcpu->pending[2] | vcpu->pending[3];
}

void vcpu_interrupt_taken(struct vcpu *vcpu, unsigned vector);

/* Neutral exit handlers, called from the back ends' rows. */

/* Prepares vcpu_handle_cpuid: once, on the boot CPU, with the back end and the clocks known. */
void vcpu_cpuid_init(void);

enum verdict vcpu_handle_cpuid(struct vcpu *vcpu);
enum verdict vcpu_handle_halt(struct vcpu *vcpu, bool interrupts_enabled);
enum verdict vcpu_handle_hypercall(struct vcpu *vcpu);
enum verdict vcpu_refuse_hypercall(struct vcpu *vcpu); /* one that does not come from CPL 0 */
enum verdict vcpu_handle_interrupt(struct vcpu *vcpu);
enum verdict vcpu_handle_tick(struct vcpu *vcpu);
enum verdict vcpu_handle_nested_fault(struct vcpu *vcpu, gpa_t gpa);
enum verdict vcpu_handle_msr_read(struct vcpu *vcpu);
enum verdict vcpu_handle_msr_write(struct vcpu *vcpu);

#endif
