/* A VM: guest memory, vCPUs, and the monitor task that owns it. */
#ifndef KERNEL_VM_VM_H
#define KERNEL_VM_VM_H

#include "config/abi.h"
#include "kernel/ipc/channel.h"
#include "kernel/vm/task.h"
#include "mm/account.h"
#include "mm/table.h"

struct reserve;
struct thread;
struct vcpu;

struct vm {
    unsigned id;
    char name[VM_NAME_BYTES];
    enum vm_state state;
    enum vm_end end;
    int64_t end_status;
    uint64_t end_address;
    struct mm_account account;   /* pays for everything below, and for this structure */
    struct mm_table memory;      /* nested: gpa -> hpa; owns the guest's frames */
    uint64_t memory_bytes;       /* guest memory reaches from gpa 0 to here */
    uint64_t slice_ticks;
    bool paused;                 /* root holds its threads */
    struct thread *dropping;     /* the one that gives memory back, while it holds the others; or NULL */
    bool has_lab, full_lab;      /* its vCPUs have a lab each; one that may enter a control block of its own */
    bool large_pages;            /* guest memory is backed by 2 MiB at a time where possible, and by 1 GiB */
    struct reserve *reserves;    /* of its GiBs: kernel/vm/reserve.c */
    uint64_t gibs_touched;       /* a bit for each of the first 64 */
    uint64_t mapped_2m, mapped_1g; /* how often a leaf of that size was made */
    struct pcpu *pin;            /* where its vCPUs stay; NULL: they float */
    struct task task;            /* the monitor */
    bool has_memory, has_task;   /* the two above are set up: creation can fail half-way */
    unsigned threads;            /* of its vCPUs that may still have something on a pCPU; 0: it can be freed */
    unsigned vcpus;
    struct vcpu *vcpu[MAX_VCPUS_PER_VM];
    uint32_t modules, module[MAX_VM_MODULES];
    hpa_t report;                /* report_ring page; owned */
    unsigned channels;
    struct channel_end channel[MAX_VM_CHANNELS]; /* by number; complete before it starts */
};

/* Creates a VM from a spec in kernel memory (already copied, not yet checked), with `args` 4096 bytes for TASK_ARGS. Returns its
 * number or -enum abi_error. */
int64_t vm_create(const struct vm_spec *spec, const void *args);

/* The VM of that number, or NULL. */
struct vm *vm_find(uint64_t id);

/* Whether there is a VM. */
bool vm_is_any(void);

/* Starts a new VM: its vCPU 0; the others are for the monitor to start. 0 or -ABI_EBUSY. */
int vm_start(struct vm *vm);

/* Ends a VM: stops its threads, and tells root when the last has left its pCPU. No-op for one that has ended. May be called
 * for one of its threads, which goes on to thread_return. Under the kernel lock, as all of this. */
void vm_end(struct vm *vm, enum vm_end end, int64_t status, uint64_t address);

/* Keeps its vCPUs from running: 0 when none does any more, -ABI_EAGAIN while one still has to leave its pCPU. */
int vm_pause(struct vm *vm);
void vm_resume(struct vm *vm);

/* Holds all its threads but one (NULL: all of them), and lets them go on. Each is held as often as it was told. A thread that
 * is held leaves its pCPU soon: vm_runs says whether one is still there. */
void vm_hold(struct vm *vm, const struct thread *but);
void vm_release(struct vm *vm, const struct thread *but);
bool vm_runs(const struct vm *vm, const struct thread *but);

/* Takes [gpa, gpa + bytes) of guest memory away, for `thread` of its monitor; see SYS_MEMORY_DROP. */
int vm_memory_drop(struct vm *vm, struct thread *thread, gpa_t gpa, uint64_t bytes);

/* One of its threads has left its pCPU for good. */
void vm_thread_gone(struct vm *vm);

/* Ends it if it runs, and frees all that it owned. -ABI_EAGAIN while a thread of it is still on some pCPU, else 0. */
int vm_destroy(struct vm *vm);

/* Fills all of *status, as of now. */
void vm_status(struct vm *vm, struct vm_status *status);

/* How often its vCPUs had the exits of counter `index` (see virt_ops); false if never. */
bool vm_exit_counter(const struct vm *vm, unsigned index, struct exit_counter *counter);

/* Backs the page of guest memory at `gpa` if there is none yet, and tells its frame: 0, -ABI_EFAULT (not guest memory),
 * -ABI_ENOMEM. */
static inline int vm_memory_back(struct vm *vm, gpa_t gpa, hpa_t *frame);

/* Its quick half, for a page that nobody has touched: true. Else *page is what has been taken for it, or HPA_NONE. */
static inline bool vm_memory_back_quickly(struct vm *vm, gpa_t gpa, hpa_t *page)
{
    *page = HPA_NONE;
    if (gpa.value >= vm->memory_bytes || vm->large_pages | vm->has_lab)
        return false;
    *page = mm_page_alloc(&vm->account, 0);
    return !hpa_is_none(*page) && mm_table_map(&vm->memory, align_down(gpa.value, PAGE_BYTES), *page, PAGE_BYTES,
                                               MM_READ | MM_WRITE | MM_EXECUTE | MM_OWNED) == 0;
}

/* Its slow half, for all that the quick one did not do: the page may be there already, by the monitor's or another vCPU's
 * touch, or may be 2 MiB. Results as those of vm_memory_back. */
int vm_memory_back_anyhow(struct vm *vm, gpa_t gpa, hpa_t page, hpa_t *frame);

static inline int vm_memory_back(struct vm *vm, gpa_t gpa, hpa_t *frame)
{
    hpa_t page;

    if (!vm_memory_back_quickly(vm, gpa, &page))
        return vm_memory_back_anyhow(vm, gpa, page, frame);
    *frame = page;
    return 0;
}

#endif
