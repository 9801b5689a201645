/* A ring-3 program: root, or the monitor of a VM. An address space, its regions, and the events that it waits for. */
#ifndef KERNEL_VM_TASK_H
#define KERNEL_VM_TASK_H

#include "config/abi.h"
#include "lib/addr.h"
#include "mm/account.h"
#include "mm/table.h"

struct thread;
struct vm;

enum task_kind { TASK_ROOT = 1 << 0, TASK_MONITOR = 1 << 1 };

struct task {
    enum task_kind kind;
    struct vm *vm;               /* a monitor's; NULL for root */
    struct mm_account *account;
    struct mm_table space;
    uint64_t entry;              /* where its threads start */
    uint64_t image_end;          /* the heap starts here */
    uint64_t modules_end;        /* next free address for module_map */
    uint64_t events;             /* raised and not yet taken, EVENT_* */
    struct thread *waiter;       /* thread in event_wait, or NULL */
};

/* Why a page can't be had by touching it. */
enum task_fault { TASK_FAULT_BACKED, TASK_FAULT_BAD_ADDRESS, TASK_FAULT_NO_MEMORY };

/* An address space with the kernel's half. -ABI_ENOMEM, or 0. */
int task_init(struct task *task, enum task_kind kind, struct vm *vm, struct mm_account *account);
void task_destroy(struct task *task);

/* A fault at `address` of the task, where there was no page: backs heap, stack or guest memory with one. */
enum task_fault task_fault(struct task *task, uint64_t address);

/* Raises events; wakes the thread that waits for one of them. */
void task_signal(struct task *task, uint64_t events);

/* Ends the task for the reason given: a monitor's VM with it; root's end is the machine's, with a message. */
void task_end(struct task *task, enum vm_end end, int64_t status, uint64_t address);

/* Maps a page of the task's account, zeroed, at `address`; *frame, if not NULL, is where it is. 0 or -ABI_ENOMEM. */
int task_page(struct task *task, uint64_t address, unsigned rights, hpa_t *frame);

/* The root task. */
extern struct task task_root;

#endif
