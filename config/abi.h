/*
 * What the kernel, the root task, the monitors and the guests agree on: system calls, hypercalls, error codes,
 * the address space of a ring-3 task, and the structures that cross a border. Nothing here needs a kernel header.
 * The page docs/abi.md tells the same in words.
 */
#ifndef CONFIG_ABI_H
#define CONFIG_ABI_H

#include <stdbool.h>
#include <stdint.h>

#include "config/limits.h"

/* Results. System calls and hypercalls return a value >= 0, or one of these, negated. */
enum abi_error {
    ABI_EPERM = 1,    /* not for this kind of task */
    ABI_ENOENT = 2,   /* no such VM, vCPU or module */
    ABI_EAGAIN = 3,   /* try again */
    ABI_ENOMEM = 4,   /* the machine or the VM's quota has no more pages */
    ABI_EFAULT = 5,   /* a pointer outside the caller's memory */
    ABI_EINVAL = 6,   /* an argument out of range */
    ABI_EBUSY = 7,    /* exists already, or runs */
    ABI_ENOSYS = 8,   /* no such call */
    ABI_ETIME = 9,    /* the deadline passed */
    ABI_EACCES = 10,  /* the field policy refuses this field or these bits */
    ABI_ENTRY = 11,   /* a VM entry failed before any guest state was loaded: a control field is wrong */
    ABI_EPIPE = 12,   /* the VM at the other end has ended */
    ABI_EINTR = 13,   /* an interrupt came first */
};

/* ---- Ring 3: the address space of a task (root or monitor) ------------------------------------------------ */

#define TASK_ARGS     0x0000000000200000ull /* 4 KiB, read-only: what the creator of the task passed to it */
#define TASK_REPORT   0x0000000000204000ull /* struct report_ring, 4 KiB: monitor -> root (monitors only) */
#define TASK_VCPUS    0x0000000000210000ull /* struct vcpu_page of vCPU i, at + i * 4 KiB (monitors only) */
#define TASK_STACK    0x0000000000260000ull /* stack of the first thread, 64 KiB from here up, backed on touch */
#define TASK_IMAGE    0x0000000000280000ull /* where root and monitors are linked; the heap follows the image */
#define TASK_HEAP_END 0x0000000020000000ull /* the heap is backed with zeroed pages on touch up to here */
#define TASK_STACKS   0x0000000030000000ull /* stack of thread i > 0 at + i * 128 KiB, 64 KiB each */
#define TASK_REPORTS  0x0000000038000000ull /* root only: struct report_ring of VM i at + i * 4 KiB */
#define TASK_GUEST    0x0000000040000000ull /* monitors only: the guest's memory from gpa 0, backed on touch */
#define TASK_MODULES  0x0000001000000000ull /* where module_map puts modules, read-only */
#define TASK_STATE    0x0000002000000000ull /* monitors only: vm_spec.state, read-only */
#define TASK_SAVE     0x0000003000000000ull /* monitors only: vm_spec.save, to write to */
#define TASK_END      0x00007ffffffff000ull /* no user address is at or above this */

#define TASK_STACK_BYTES 0x10000ull
#define GUEST_MEMORY_MAX (TASK_MODULES - TASK_GUEST)

/*
 * System calls: SYSCALL with the number in RAX, arguments in RDI, RSI, RDX, R10; the result comes in RAX; the registers
 * that a C function may change are lost. Who may call is one of R (root), M (monitor).
 */
enum syscall_number {
    SYS_TASK_EXIT,     /* RM (status): a monitor's ends its VM, root's ends the machine */
    SYS_CONSOLE_WRITE, /* R  (text, bytes, enum console_sinks): whole lines for the serial line and the screen */
    SYS_MACHINE_INFO,  /* RM (struct machine_info *) */
    SYS_MODULE_INFO,   /* RM (index, struct module_info *): root: of all modules; monitor: of its VM's */
    SYS_MODULE_MAP,    /* RM (index): maps it read-only; -> its address; bytes behind its end are 0 */
    SYS_VM_CREATE,     /* R  (const struct vm_spec *): VM and monitor, not yet running; -> VM number */
    SYS_VM_START,      /* R  (vm): starts its vCPU 0 */
    SYS_VM_DESTROY,    /* R  (vm): stops it if it runs and gives back all that it owned */
    SYS_VM_STATUS,     /* R  (vm, struct vm_status *) */
    SYS_EVENT_WAIT,    /* RM (mask, deadline in TSC ticks, 0 = none): blocks; -> the bits that came, which are cleared */
    SYS_EVENT_SIGNAL,  /* M  (bits): raises events of the root task; bits as EVENT_* */
    SYS_YIELD,         /* RM () */
    SYS_VCPU_RUN,      /* M  (vcpu, action as VCPU_RUN_*): enters the guest; returns when an exit is for the monitor */
    SYS_VCPU_READ,     /* M  (vcpu, const struct state_pair *, n): control-block fields -> variables */
    SYS_VCPU_WRITE,    /* M  (vcpu, const struct state_pair *, n): variables -> fields, as the field policy allows */
    SYS_VCPU_INTERRUPT,/* M  (vcpu, vector): pends an external interrupt for the guest */
    SYS_VCPU_START,    /* M  (vcpu): lets a vCPU's thread run: a new one from the image's entry, a parked one behind its call */
    SYS_VCPU_PARK,     /* M  (): the calling thread sleeps until SYS_VCPU_START; one that came before it counts */
    SYS_VCPU_MOVE,     /* R  (vm, vcpu, pCPU): a floating vCPU goes on there; -ABI_EPERM for a pinned one */
    SYS_VM_PAUSE,      /* R  (vm): none of its vCPUs runs when this returns 0; -ABI_EAGAIN: call again */
    SYS_VM_RESUME,     /* R  (vm) */
    SYS_MEMORY_DROP,   /* M  (gpa, bytes): whole pages; takes that guest memory from the VM; a later touch gets zeroed
                        *     pages. -ABI_EAGAIN while another vCPU has to leave its pCPU first: call again */
    SYS_SCREEN_WRITE,  /* R  (row, const uint16_t *cells, n): a row of the part of the screen that does not scroll, which
                        *     reaches down to this row from now on; a cell is a character | its VGA attribute << 8 */
    SYS_TRACE_START,   /* R  (): each pCPU's trace ring keeps TRACE_RECORDS from now on; before the first VM is created */
    SYS_TRACE_READ,    /* R  (pcpu, uint64_t *from, struct trace_record *, n): records from number *from on, or from the
                        *     oldest that is left; its number is put in *from; -> how many: at most n, 0 = no more */
    SYS_CONSOLE_READ,  /* R  (): the next byte that came in on the serial line; -ABI_EAGAIN: none has */
    SYS_VM_COUNTERS,   /* R  (vm, struct exit_counter *, n): the kinds of exits that it had; -> how many, at most n */
    SYS_QUEUE_CREATE,  /* R  (from vm, to vm, slots): a queue of a power of two of messages, the next channel of both VMs */
    SYS_RING_CREATE,   /* R  (from vm, to vm, pages): a shared ring with a power of two of data pages, likewise */
    SYS_VM_RECALL,     /* R  (vm): the next vcpu_run of each of its vCPUs, or the one that it is in, gives -ABI_EINTR */
    SYS_MEMORY_NEXT,   /* M  (gpa): the first page of guest memory from there on that is backed; -ABI_ENOENT: none */
    SYS_COUNT
};

/* Where console_write's text goes. CONSOLE_DEBUG is port E9H of emulators, byte by byte as it is, for what tools read:
 * -ABI_ENOENT where there is none. */
enum console_sinks { CONSOLE_ALL, CONSOLE_SERIAL, CONSOLE_DEBUG, CONSOLE_SINKS };

/* Events of a task, one bit each. */
enum {
    EVENT_REPORT = 1 << 0, /* to root: a report ring has something new */
    EVENT_VM_ENDED = 1 << 1, /* to root: a VM came to its end; vm_status says how */
};

/* ---- What the machine is --------------------------------------------------------------------------------- */

enum backend { BACKEND_NONE, BACKEND_VMX, BACKEND_SVM };

struct machine_cap {
    uint64_t index; /* an MSR number, or CPUID leaf | CAP_CPUID | register (0 EAX .. 3 EDX) << 32 */
    uint64_t value;
};
#define CAP_CPUID (1ull << 63)

struct machine_info {
    uint32_t backend;        /* enum backend */
    uint32_t pcpus;          /* logical CPUs in use */
    uint64_t tsc_hz;         /* TSC ticks a second, as measured at boot */
    uint64_t memory_bytes;   /* RAM that the buddy allocator was given */
    uint64_t memory_free;    /* bytes of it that are free now */
    uint64_t boot_tsc;       /* TSC at kernel entry */
    uint64_t first_entry_tsc;/* TSC just before the first VM entry; 0 = none yet */
    uint64_t microcode;      /* MSR 8BH of the boot CPU: the revision in 63:32 (Intel) or 31:0 (AMD); 0 = it tells none */
    uint32_t modules;
    uint32_t caps;           /* entries of cap[] */
    struct machine_cap cap[MAX_CAPS]; /* the capability MSRs of the back end that exist, in ascending order */
    char command_line[COMMAND_LINE_BYTES]; /* the kernel's, 0-terminated */
    char platform[32];       /* "bochs", "qemu", "pc": whose way of ending the machine is used */
};

struct module_info {
    uint64_t bytes;
    char name[64];           /* first word of the module's command line without its folder, 0-terminated */
    char args[COMMAND_LINE_BYTES]; /* the words after it */
};

/* ---- VMs ------------------------------------------------------------------------------------------------- */

/* Whole pages of root's memory that it shows to a monitor: boot modules that it has mapped, or pages that it has touched.
 * bytes = 0: none. */
struct vm_window {
    uint64_t address, bytes;
};

/* FULL: it may have a VM entered with a control block that is wholly its own, and so anything. */
enum vm_lab { LAB_NONE, LAB_YES, LAB_FULL };

struct vm_spec {
    char name[VM_NAME_BYTES];
    uint64_t memory_bytes;   /* guest memory from gpa 0, a multiple of 4 KiB */
    uint64_t quota_pages;    /* 4 KiB pages it may own in all: memory, tables, monitor */
    uint32_t vcpus;
    uint32_t timeslice_us;   /* microseconds; 0 = the kernel's default */
    uint32_t large_pages;    /* 1: guest memory is backed by 2 MiB at a time, and mapped by the GiB, where that is possible;
                              * 0: by 4 KiB */
    uint32_t modules;        /* entries of module[] */
    uint32_t lab;            /* enum vm_lab: whether its monitor may set what config/lab.h names */
    uint32_t pin;            /* 0: its vCPUs float; else the number of the pCPU that they stay on, plus 1 */
    uint32_t module[MAX_VM_MODULES]; /* boot module numbers; the monitor calls them 0, 1, ... */
    uint64_t args;           /* address of 4096 bytes for the monitor's TASK_ARGS page */
    struct vm_window state;  /* at TASK_STATE */
    struct vm_window save;   /* at TASK_SAVE */
};

enum vm_state { VM_NEW, VM_RUNNING, VM_ENDED };

/* Why a VM ended, by the kernel's knowledge. What the guest did is the monitor's knowledge and comes as its status. */
enum vm_end {
    VM_END_NONE,
    VM_END_EXIT,          /* the monitor called task_exit; status is its argument */
    VM_END_MONITOR_FAULT, /* the monitor faulted; status is the vector, address the CR2 or RIP */
    VM_END_NO_MEMORY,     /* quota or machine out of pages, seen by a fault of monitor or guest */
    VM_END_DESTROYED,     /* by root */
    VM_END_KERNEL,        /* the kernel could not go on with it; status is a vendor's error number */
};

/* What a vCPU does at the moment. */
enum vcpu_state {
    VCPU_STATE_NEW,     /* not started */
    VCPU_STATE_READY,   /* waits for its turn */
    VCPU_STATE_GUEST,   /* runs the guest */
    VCPU_STATE_MONITOR, /* runs its monitor */
    VCPU_STATE_BLOCKED, /* waits for an interrupt, an event or a deadline */
    VCPU_STATE_PAUSED,  /* would be ready, but its VM is paused */
    VCPU_STATE_DEAD,
};

struct vcpu_status {
    uint16_t state;          /* enum vcpu_state */
    uint16_t pcpu;           /* where it runs, or ran last */
    uint64_t exits;          /* so far; of the last one, whoever has answered it: */
    uint64_t reason;         /* as in struct exit_record */
    uint64_t rip;
};

struct vm_status {
    uint32_t state;          /* enum vm_state */
    uint32_t end;            /* enum vm_end */
    int64_t status;
    uint64_t address;
    uint64_t pages;          /* owned now */
    uint64_t pages_peak;
    uint64_t mapped_2m;      /* how often 2 MiB of guest memory, and 1 GiB, were mapped by one entry */
    uint64_t mapped_1g;
    uint64_t exits;          /* VM exits so far */
    uint64_t exits_monitor;  /* of these, handed to the monitor */
    uint64_t migrations;     /* how often one of its vCPUs went on on another pCPU */
    uint64_t wait_ticks;     /* TSC ticks ready without a pCPU */
    uint64_t preemptions;    /* how often a timeslice of one of its vCPUs ran out */
    uint64_t run_ticks;      /* TSC ticks on a pCPU, guest and monitor, up to the end of the last turn */
    uint32_t vcpus;          /* entries of vcpu[] */
    struct vcpu_status vcpu[MAX_VCPUS_PER_VM];
};

/* How often a VM had a kind of exit. */
struct exit_counter {
    uint64_t reason;         /* as in struct exit_record; with VMX, only the basic exit reason */
    uint64_t count;
    char name[EXIT_NAME_BYTES]; /* by the manual, 0-terminated */
};

/*
 * What a pCPU did: its trace ring holds the newest records, by rising TSC. `who` is TRACE_WHO of the vCPU that it is
 * about, or TRACE_ROOT. What a and b are is said behind each kind. docs/trace.md tells how to see them.
 */
struct trace_record {
    uint64_t tsc;
    uint32_t kind;           /* enum trace_kind */
    uint32_t who;
    uint64_t a, b;
};
#define TRACE_WHO(vm, vcpu) ((uint32_t)(vm) | (uint32_t)(vcpu) << 16)
#define TRACE_ROOT 0xffffu

enum trace_kind {
    TRACE_SWITCH = 'S',    /* its turn begins: 1 in guest mode, 0 in ring 3 */
    TRACE_STOP = 'P',      /* its turn ends: TSC ticks that it took, enum vcpu_state it is in now */
    TRACE_PASS = 'H',      /* its turn begins, in guest mode, with the rest of another's, which blocks: TSC ticks that
                            * the other's part took, `who` of the other */
    TRACE_EXIT = 'X',      /* VM exit: reason, RIP */
    TRACE_MONITOR = 'M',   /* VM exit: reason, RIP; or 0, 0: the last exit. It is its monitor's, ring 3 goes on */
    TRACE_RUN = 'R',       /* the monitor enters the guest */
    TRACE_WAKE = 'W',      /* it gets ready: pCPU that it goes to, pCPU where it was */
    TRACE_STEAL = 'L',     /* this idle pCPU takes it: from which pCPU */
    TRACE_MOVE = 'O',      /* root moves it: to which pCPU, from which */
    TRACE_FAULT = 'N',     /* nested page fault that finds no memory: gpa, error as -enum abi_error */
    TRACE_INTERRUPT = 'I', /* an interrupt is pended for it: vector */
    TRACE_MESSAGE = 'Q',   /* a message is sent: queue, bytes */
    TRACE_VM_START = 'V',  /* of its VM */
    TRACE_VM_END = 'E',    /* of its VM: enum vm_end, status */
};

/*
 * Monitor -> root, one ring a VM, in a page that both map. A record is one line of text: a kind byte, the text, '\n'.
 * head is moved by root, tail by the monitor; both count bytes and never wrap (use them modulo REPORT_BYTES).
 * Neither side trusts the other's counter: a difference above REPORT_BYTES ends the VM's reports.
 * wanted is what root wants of the monitor when it recalls the vCPUs (SYS_VM_RECALL): it sets bits, the monitor clears them.
 */
#define REPORT_BYTES 4032u
struct report_ring {
    _Atomic uint32_t head;
    _Atomic uint32_t wanted;
    uint32_t pad0[6];
    _Atomic uint32_t tail;
    uint32_t pad1[7];
    char text[REPORT_BYTES];
};

#define WANTED_REGISTERS(vcpu) (1u << (vcpu)) /* notes about the vCPU, which then goes on */
#define WANTED_SAVE (1u << 31)                /* the VM as it is, at TASK_SAVE */
_Static_assert(MAX_VCPUS_PER_VM <= 31, "a bit of `wanted` each");

enum report_kind {
    REPORT_CONSOLE = 'C', /* a line that the guest printed */
    REPORT_TEST = 'T',    /* a KTAP result line of the guest, without its number: "ok text" or "not ok text # SKIP ..." */
    REPORT_BEGIN = 'B',   /* the name of a test that begins */
    REPORT_NOTHING = '-', /* once this is taken, what came before it has been printed */
    REPORT_NOTE = 'N',    /* a diagnostic of the monitor, for people */
    REPORT_STATE = 'S',   /* the last one of a VM that was saved: its bytes at TASK_SAVE, decimal */
    REPORT_END = 'E',     /* the last one: how the guest ended, one of the words in docs/config.md, "exit 0" */
};

/* ---- vCPUs ----------------------------------------------------------------------------------------------- */

/* The order of the general registers in vcpu_page.gpr is that of their numbers in instructions. */
enum gpr { GPR_RAX, GPR_RCX, GPR_RDX, GPR_RBX, GPR_RSP, GPR_RBP, GPR_RSI, GPR_RDI,
           GPR_R8, GPR_R9, GPR_R10, GPR_R11, GPR_R12, GPR_R13, GPR_R14, GPR_R15, GPR_COUNT };

/* Which members of struct exit_record are filled for an exit. reason and rip always are. */
enum exit_group {
    EXIT_GROUP_QUALIFICATION = 1 << 0, /* qualification */
    EXIT_GROUP_LENGTH = 1 << 1,        /* instruction_length (VMX) or next_rip (SVM, where it is saved); see next_rip */
    EXIT_GROUP_INFO = 1 << 2,          /* instruction_info (VMX) */
    EXIT_GROUP_ADDRESS = 1 << 3,       /* linear, physical */
    EXIT_GROUP_EVENT = 1 << 4,         /* interruption_info, interruption_error */
    EXIT_GROUP_VECTORING = 1 << 5,     /* vectoring_info, vectoring_error */
    EXIT_GROUP_BYTES = 1 << 6,         /* bytes, n_bytes (SVM with decode assists) */
    EXIT_GROUP_COUNT = 1 << 7,         /* count */
    EXIT_GROUP_ALL = 0xff,
};

/*
 * An exit as the hardware told it. VMX: the fields of the VMCS's VM-exit information area. SVM: reason is EXITCODE,
 * qualification EXITINFO1, physical (for nested page faults) or qualification2 EXITINFO2, vectoring_info EXITINTINFO.
 */
struct exit_record {
    uint64_t reason;             /* VMX: the 32-bit exit reason with its flags; SVM: EXITCODE, all 64 bits */
    uint64_t count;              /* exits of this vCPU so far, this one included */
    uint64_t rip;                /* of the guest at the exit */
    uint64_t next_rip;           /* VMX: rip + instruction_length; SVM: nRIP, 0 where the CPU does not save it */
    uint64_t qualification;
    uint64_t qualification2;     /* SVM: EXITINFO2 */
    uint64_t linear;             /* VMX: guest-linear address */
    uint64_t physical;           /* guest-physical address */
    uint32_t instruction_length; /* bytes */
    uint32_t instruction_info;
    uint32_t interruption_info;
    uint32_t interruption_error;
    uint32_t vectoring_info;
    uint32_t vectoring_error;
    uint32_t groups;             /* enum exit_group of what is filled */
    uint32_t n_bytes;
    uint8_t bytes[16];
};

/* One page per vCPU, shared by the kernel and the monitor. The kernel writes gpr at each exit and loads it at each entry. */
struct vcpu_page {
    uint64_t gpr[GPR_COUNT];     /* but RSP, which is in the control block: vcpu_read */
    struct exit_record exit;     /* the last exit that was handed to the monitor */
    uint64_t refused_bits;       /* of the last vcpu_write that gave -ABI_EACCES: which bits can't be as asked for, */
    char refused_why[112];       /* and why, 0-terminated */
};

/*
 * One (what, where) pair: what is a VMCS field encoding (VMX) or an offset into the VMCB | its bytes << 16 (SVM), or
 * VCPU_ITEM | enum vcpu_item for state that no control block holds; where is the address of a uint64_t of the monitor.
 */
struct state_pair {
    uint64_t what;
    uint64_t where;
};
#define VMCB_FIELD(offset, bytes) ((uint64_t)(offset) | (uint64_t)(bytes) << 16)
#define VCPU_ITEM (1ull << 32)

/*
 * Read only, from a failed VM entry until the vCPU's next exit, so that it can be explained; else -ABI_EACCES.
 * VCPU_REFUSED | a field: what the control block has there, host state and host addresses, too. VCPU_REFUSED | VCPU_ITEM | an
 * enum vcpu_refused: what the CPU finds in memory by an address of the control block; -ABI_EINVAL for a vCPU that is no lab's,
 * as no such address is in use.
 */
#define VCPU_REFUSED (1ull << 33)
enum vcpu_refused {
    REFUSED_VTPR,      /* byte 80H of the virtual-APIC page */
    REFUSED_LINK_WORD, /* first 4 bytes of the VMCS that the link pointer points to */
    REFUSED_ENTRY_MSR, /* 2 for each of LAB_MSR_ENTRIES: halves of an entry of the VM-entry MSR-load area */
};

/*
 * State of a vCPU that the kernel keeps itself. A value that the register could not have is -ABI_EINVAL. What SVM has in
 * the VMCB is not looked for here there: CR2, DR6, STAR to KERNEL_GS_BASE.
 */
enum vcpu_item {
    ITEM_CR2,
    ITEM_DR0, ITEM_DR1, ITEM_DR2, ITEM_DR3, ITEM_DR6,
    ITEM_STAR, ITEM_LSTAR, ITEM_CSTAR, ITEM_SFMASK, ITEM_KERNEL_GS_BASE, ITEM_TSC_AUX,
    ITEM_ACTIVITY,       /* 1: it is in HLT, and vcpu_run waits for an interrupt before it enters; 0: not so */
    ITEM_EVENT,          /* to read: the event whose delivery was cut short by an exit, in the format of EVENTINJ; 0: none */
    ITEM_TIMER_VECTOR,   /* of the guest's own timer, HC_TIMER; before its deadline */
    ITEM_TIMER_DEADLINE, /* by the guest's TSC, so behind the TSC offset; 0: not armed */
    ITEM_PENDING,        /* 4 of them: external interrupts that wait, a bit a vector. A 1 that is written pends one more. */
    ITEM_FPU = ITEM_PENDING + 4, /* 64 of them: the image of FXSAVE64 */
};

/* What vcpu_run does before it enters. */
enum vcpu_action {
    VCPU_RUN_RESUME, /* enter at RIP */
    VCPU_RUN_SKIP,   /* enter behind the instruction that exited; not valid where its length is not known: -ABI_EINVAL */
    VCPU_RUN_ACTIONS,
};
#define VCPU_RUN_OBSERVE 0x100ull /* | action, in a lab: each exit that is the guest's own comes to the monitor, all groups filled */

/* ---- Guests ---------------------------------------------------------------------------------------------- */

/*
 * A hypercall is VMCALL (VMX) or VMMCALL (SVM): number in RAX, arguments in RBX, RCX, RDX, result in RAX (32 bit:
 * EAX, EBX, ...). Addresses are guest-physical. Those below HC_MONITOR are answered by the kernel, the others by the
 * monitor; a guest in CPL 3 gets -ABI_EPERM for each of them.
 */
enum hypercall {
    HC_NULL,    /* (): 0 */
    HC_YIELD,   /* (): 0, after the others had their turn: gives up the rest of the timeslice */
    HC_INTERRUPT, /* (vcpu, vector): 0; external interrupt `vector` (32..255) is pending for a vCPU of the same VM; -ABI_ENOENT,
                   * -ABI_EINVAL */
    HC_STOLEN,  /* (): TSC ticks in which this vCPU could have run, but another did */
    HC_TIMER,   /* (deadline, vector): 0; external interrupt `vector` (32..255) once the guest's TSC reaches deadline; 0
                 * disarms; -ABI_EINVAL for another vector */
    /* Channels: see below. Message registers are RSI, RDI, R8 to R13. */
    HC_CHANNEL,        /* (channel): what it is, enum channel_kind | slots or pages << 8; -ABI_ENOENT */
    HC_SEND,           /* (channel, deadline; the message): 0 */
    HC_RECEIVE,        /* (channel, deadline): 0; the message comes in the message registers */
    HC_EXCHANGE,       /* (channel to send to, deadline, channel to receive from; the message): 0 and the other's message; -ABI_EINVAL
                        * for deadline 0 */
    HC_SEND_MEMORY,    /* (channel, gpa of the message, deadline's low half; its high half in RSI): 0; -ABI_EFAULT, -ABI_EINVAL: gpa
                        * is no multiple of 64 */
    HC_RECEIVE_MEMORY, /* (channel, gpa, deadline's low half; its high half in RSI): the same, for the message to come */
    HC_CHANNEL_VECTOR, /* (channel, vector): 0; interrupt `vector` (32..255) of this vCPU when it should receive; 0: none; -ABI_EINVAL
                        * for another vector; -ABI_ENOENT */
    HC_ROUND_TRIPS,    /* (n): 0; this instruction exits n times (at most 10000) and is entered again with as little between as can
                        * be, to measure that; RBX counts down to 0; -ABI_EBUSY with interrupts on or in a lab, -ABI_EINVAL */
    HC_KERNEL_END,
    HC_MONITOR = 0x100,
    HC_CONSOLE = HC_MONITOR, /* (gpa, bytes): 0; prints; lines are kept whole; -ABI_EFAULT */
    HC_EXIT,                 /* (status): does not return: the guest is done */
    HC_TEST,                 /* (gpa, bytes): 0; one result line, see REPORT_TEST; -ABI_EFAULT; -ABI_EINVAL for 0 or more than 240
                              * bytes */
    HC_MEMORY,               /* (): bytes of guest memory */
    HC_MEMORY_DROP,          /* (gpa, bytes): 0; gives these whole pages back; they read 0 when they are touched again;
                              * -ABI_EINVAL, -ABI_EFAULT */
    HC_VCPU_START,           /* (vcpu, entry, argument): 0; starts another vCPU as the first was, with EDI = argument;
                              * -ABI_ENOENT; -ABI_EBUSY if it was started before */
    HC_ARGS,                 /* (gpa, bytes): copies the 0-terminated `args` of the config there; -> its length; -ABI_EFAULT;
                              * -ABI_EINVAL if it does not fit */
    HC_TEST_BEGIN,           /* (gpa, bytes): the name of a test that begins: it is on the serial line when this returns 0;
                              * 1: the test is not to be run, as it is known that this machine would not survive it */
    HC_CAESAR,               /* (gpa, bytes, places): shifts the letters there in the alphabet -> how many; -ABI_EFAULT, -ABI_EINVAL;
                              * an example of a call of one guest's own: vmm/monitor/own.c */
    /* For VMs with `lab = yes` or `full`, others get -ABI_EPERM. See config/lab.h. */
    HC_LAB_MACHINE,          /* (gpa of struct lab_pair[], n, gpa of struct lab_refusal): sets them in order; -ABI_EACCES: refused */
    HC_LAB_RESULTS,          /* (gpa of struct lab_pair[], n): their values as of the last observed exit, or now if there was none */
    HC_LAB_OBSERVE,          /* (gpa of struct lab_observation, enum lab_action, argument) -> 0; 1 after LAB_RETURN */
    HC_LAB_GUARD,            /* (gpa of struct lab_observation, TSC ticks, exits) -> 0; later enum lab_guard, registers as then.
                              * A null gpa ends it. 0 ticks or exits: no limit */
    HC_LAB_CHANGED,          /* (gpa of struct lab_pair[], n): guest-state fields that were not the same at the last observed
                              * exit as at its HC_LAB_OBSERVE, with their value at the exit -> how many, at most n */
    HC_LAB_RESET,            /* (): all that HC_LAB_MACHINE has set is as at the start; ends an observation, no guard */
    HC_LAB_GUARD_AGAIN,      /* (as HC_LAB_GUARD): the same, for who has brought all registers of the control block but RSP and RIP back to
                              * what they were at the last HC_LAB_GUARD: they are not read again */
    HC_LAB_RUN,              /* (gpa of struct lab_pair[], n, m): sets the first n, then fills in the m behind them */
    HC_MONITOR_END,
};

/*
 * Channels join two VMs. A VM calls its own by numbers from 0 up, in the order of the config's lines. A queue takes
 * messages of 64 bytes one way; a ring is shared memory with a bell each way, a queue of one slot whose messages are
 * empty: to send is to ring the other's bell, to receive is to wait for one's own.
 *
 * Deadlines are TSC values: 0 does not wait (-ABI_EAGAIN when the queue is full or empty), CHANNEL_FOR_EVER waits without
 * end, others end the wait with -ABI_ETIME. An interrupt that the guest can take ends a wait with -ABI_EINTR: make the
 * call again. -ABI_EPIPE: the VM at the other end is gone; what it sent before is received first. HC_EXCHANGE sends
 * without waiting, and if that went well waits to receive, for a deadline other than 0: -ABI_EINTR and -ABI_ETIME speak of the second part alone.
 * Messages in memory lie at a multiple of 64.
 */
enum channel_kind { CHANNEL_SEND = 1, CHANNEL_RECEIVE, CHANNEL_RING_SEND, CHANNEL_RING_RECEIVE };
#define CHANNEL_FOR_EVER UINT64_MAX
#define MESSAGE_BYTES    64u

/*
 * The memory of ring n is at gpa RING_WINDOW + n * RING_STRIDE, behind all guest memory, and never executable: a page that
 * the receiver writes, one that the sender writes, then the data pages, which the sender writes. The other side may only
 * read: a write ends its VM.
 */
#define RING_WINDOW      GUEST_MEMORY_MAX
#define RING_STRIDE      0x400000ull
enum ring_page { RING_PAGE_RECEIVER, RING_PAGE_SENDER, RING_PAGE_DATA };

/* CPUID leaves of ours. 40000000H: highest leaf in EAX, "NestorNestor" in EBX, ECX, EDX. */
#define CPUID_NESTOR      0x40000000u
#define CPUID_NESTOR_INFO 0x40000001u /* EAX: enum backend; EBX: guest TSC ticks per millisecond */

/* A 64-bit or 32-bit Nestor guest (kind = nestor) starts at its ELF entry point with EBX = NESTOR_GUEST_MAGIC. */
#define NESTOR_GUEST_MAGIC 0x4e535452u

#endif
