/* One logical CPU of the machine, and the block of memory that it runs in. */
#ifndef KERNEL_CPU_PCPU_H
#define KERNEL_CPU_PCPU_H

#include <stddef.h>

#include "config/limits.h"
#include "kernel/cpu/trace_ring.h"
#include "lib/addr.h"
#include "lib/heap.h"
#include "sched/sched.h"

struct thread;
struct vcpu;
struct context;
struct regs;

/*
 * A pCPU's block is PCPU_BYTES of virtual addresses, aligned to its size: struct pcpu at its start, then the stacks with
 * an unmapped guard page below each. So a pCPU finds its structure from its stack pointer, whichever stack it is on, and
 * needs no segment register for that.
 */
#define PCPU_BASE  0xffffff8000000000ull
#define PCPU_BYTES 0x10000ull
enum { PCPU_KICK_VECTOR = 0xf1 };
enum {
    PCPU_STRUCT_PAGES = 2,
    PCPU_DF_STACK_TOP = 0x4000,  /* one page each */
    PCPU_NMI_STACK_TOP = 0x6000,
    PCPU_MC_STACK_TOP = 0x8000,
    PCPU_STACK_TOP = 0x10000,    /* the kernel stack, four pages; known to kernel/svm/entry.asm */
    PCPU_STACK_PAGES = 4,
};

struct gdt_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

/* "Task State Segment in 64-bit mode" (Intel), "64-Bit Task State Segment" (AMD). */
struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3, io_map_base;
} __attribute__((packed));

enum { GDT_ENTRIES = 8 };

/* Unless a line says otherwise, only the pCPU itself reads and writes its structure. */
struct pcpu {
    struct regs *regs;              /* where the SYSCALL entry keeps the registers: current->regs; known to entry.asm */
    uint64_t stack_top;             /* of the kernel stack, below its two slots: see struct exit_slots */
    unsigned id;                    /* 0 is the boot CPU; set once, by pcpu_join */
    uint32_t apic_id;               /* set once */
    struct thread *current;         /* who runs, or NULL: set by thread_dispatch */
    struct vcpu *vcpu_loaded;       /* whose control block is current in hardware (VMPTRLD), or NULL */
    bool fpu_open;                  /* CR0.TS is clear for ring 3, whose context is in the registers */
    struct context *context;        /* whose FPU and MSR values are in the registers, or NULL */
    uint64_t space_loaded;          /* CR3 */
    bool resched;                   /* the current thread's turn is over: looked at before each return */
    bool has_lock;                  /* this pCPU is in the kernel lock */
    struct list dying;              /* threads that have to leave this pCPU for good; under the kernel lock */
    struct sched_queue queue;       /* ready threads; under the kernel lock */
    struct heap timers;             /* struct timer by deadline */
    uint64_t tick_deadline;         /* TSC of what is next: the end of the timeslice or the first timer */
    uint64_t lapic_deadline;        /* TSC for which the LAPIC timer is set, at or before tick_deadline; 0: it has fired */
    uint64_t backend[4];            /* the back end's own: VMXON region, host VMCB, ... */
    struct trace_ring trace;        /* read by the root task's pCPU, too */
    uint64_t gdt[GDT_ENTRIES];
    struct tss tss;
};

/* All pCPUs that are up, by number; pcpu_count of them. */
extern struct pcpu *pcpus[MAX_PCPUS];
extern unsigned pcpu_count;

/* Makes another pCPU enter the kernel soon, out of ring 3, guest mode or its sleep; does nothing for this one. */
void pcpu_kick(struct pcpu *pcpu);

/* The two words above the kernel stack's start, set when a vCPU is loaded; the VM-exit entry finds them by its RSP. */
struct exit_slots {
    uint64_t *gpr;     /* vcpu_page.gpr */
    struct vcpu *vcpu;
};

/* The pCPU that executes this. Valid once it runs on its own stack. */
static inline struct pcpu *pcpu_this(void)
{
    uint64_t rsp;

    __asm__("mov %%rsp, %0" : "=r"(rsp));
    return (struct pcpu *)(rsp & ~(PCPU_BYTES - 1));
}

static inline struct exit_slots *pcpu_exit_slots(struct pcpu *pcpu)
{
    return (struct exit_slots *)((char *)pcpu + PCPU_STACK_TOP - sizeof(struct exit_slots));
}

/* Segment selectors. SYSCALL and SYSRET fix the order of the first five. */
enum { SEL_KERNEL_CS = 0x08, SEL_KERNEL_DS = 0x10, SEL_USER_DS = 0x18 | 3, SEL_USER_CS = 0x20 | 3, SEL_TSS = 0x28 };

/* Allocates and maps the block of one more pCPU; NULL when memory is out, or MAX_PCPUS have one. */
struct pcpu *pcpu_create(uint32_t apic_id);

/* On that pCPU, when all else is set up: it gets the next number, and has to look for threads from now on. Under the kernel
 * lock. */
void pcpu_join(struct pcpu *pcpu);

/* On that pCPU: loads GDT, TSS, IDT, the SYSCALL registers and the control-register bits that the kernel relies on. */
void pcpu_init(struct pcpu *pcpu);

/* The first part of that: segments, GDT, TSS, IDT and the SYSCALL registers. Again after a VM exit that may have loaded others. */
void pcpu_load_tables(struct pcpu *pcpu);

/* Where SYSCALL enters the kernel on this pCPU: each has a way in of its own, which knows its structure's address. */
uint64_t pcpu_syscall_entry(const struct pcpu *pcpu);

/* Leaves the present stack for the pCPU's own and calls f there. */
_Noreturn void pcpu_run_on_stack(struct pcpu *pcpu, void (*f)(void));


#endif
