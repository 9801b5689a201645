/* The guest of this monitor, as one of its vCPUs, and what every handler may do with it. */
#ifndef VMM_MONITOR_GUEST_H
#define VMM_MONITOR_GUEST_H

#include <setjmp.h>

#include "vmm/device/uart.h"
#include "vmm/lib/args.h"
#include "vmm/lib/end.h"
#include "vmm/lib/line.h"
#include "vmm/monitor/guest_memory.h"
#include "vmm/monitor/vcpu.h"
#include "vmm/state/file.h"

/* Where a vCPU begins. */
struct vcpu_start {
    bool taken; /* it was told where */
    bool from_state; /* not from here, but as it was when the VM was saved */
    uint64_t entry, argument;
};

/* A VM that is being saved: vCPUs, a bit each. */
struct saving {
    bool wanted;
    uint32_t arrived; /* stand still at the end of an exit */
    uint32_t saved;   /* of these, are in the file */
    struct state_writer writer;
};

/* What the vCPUs share. Only the thread that has the monitor's lock (lock.h) touches it, but for what never changes. */
struct vm {
    const struct monitor_args *args;
    struct guest_memory memory;
    enum backend backend;
    struct line console; /* what the guest prints, by its UART or by hypercall */
    struct uart uart;    /* COM1 */
    int32_t status; /* of its HC_EXIT */
    uint32_t halted;     /* vCPUs that halted for good, a bit each */
    struct saving saving;
    struct vcpu_start start[MAX_VCPUS_PER_VM];
};

struct guest {
    struct vm *vm;
    bool in_lab;   /* it has made a lab hypercall */
    jmp_buf again; /* where main goes on after an end that the lab's guard has caught */
    struct vcpu vcpu;
    uint64_t cr8;
};

/* Says something about the guest to people; one line. */
__attribute__((format(printf, 1, 2))) void guest_note(const char *format, ...);

/* One line of the guest's console, or a piece of one: struct line's emit. */
void guest_console_line(const char *text, size_t bytes, bool whole);

/* Whether root wants this, WANTED_*; it does so no more. */
bool guest_is_wanted(uint32_t wanted);

/* A result line of the guest. */
void guest_test_line(const char *text, size_t bytes);

/* The name of a test that begins: it has been printed when this returns. */
void guest_test_begin(const char *text, size_t bytes);

/*
 * Ends the VM, unless the guard of a lab catches that (then the vCPU's loop goes on): prints what is left of its console, and
 * its registers after an end of the guest's making that was not expected, tells the root task how it ended and why, and is
 * gone. The status of END_EXIT is guest->status.
 */
__attribute__((format(printf, 3, 4))) _Noreturn void guest_end(struct guest *guest, enum end_kind kind,
                                                               const char *format, ...);

/* The VM is over: all of it is in TASK_SAVE, in so many bytes. */
_Noreturn void guest_saved(uint64_t bytes);

/* The vCPUs that were started, a bit each. */
uint32_t guest_started(const struct vm *vm);

/* The calling thread, which has the lock, gives it back and is wanted no more. */
_Noreturn void guest_park(void);

/* Registers of the guest. A register that the kernel refuses is a mistake of the monitor: it ends the VM. */
void guest_set(struct guest *guest, const struct reg_value *values, unsigned count);
void guest_get(struct guest *guest, struct reg_value *values, unsigned count);
uint64_t guest_get_one(struct guest *guest, enum reg reg);

/* Makes the guest see an exception at RIP; `has_error` for those that push an error code, which is 0. */
void guest_inject(struct guest *guest, unsigned vector, bool has_error);

#endif
