/*
 * The hypercalls that the monitor answers: "Guests" in config/abi.h. Addresses are guest-physical; all of a buffer must
 * be memory. What lies there is read once.
 */
#include <string.h>

#include "vmm/lab/lab.h"
#include "vmm/lib/glob.h"
#include "vmm/lib/report.h"
#include "vmm/lib/syscall.h"
#include "vmm/monitor/handle.h"
#include "vmm/monitor/own.h"

/* Arguments in RBX, RCX and RDX. */
struct call {
    uint64_t first, second, third;
};

typedef int64_t hypercall(struct guest *guest, const struct call *call);

static int64_t call_console(struct guest *guest, const struct call *call)
{
    const char *text = guest_memory_at(&guest->vm->memory, call->first, call->second);

    if (!text)
        return -ABI_EFAULT;
    for (uint64_t i = 0; i < call->second; i++)
        line_put(&guest->vm->console, text[i]);
    return 0;
}

static int64_t call_exit(struct guest *guest, const struct call *call)
{
    guest->vm->status = (int32_t)call->first;
    guest_end(guest, END_EXIT, "the guest says so");
}

static int64_t call_test(struct guest *guest, const struct call *call)
{
    const char *text = guest_memory_at(&guest->vm->memory, call->first, call->second);

    if (!text)
        return -ABI_EFAULT;
    if (call->second == 0 || call->second > REPORT_LINE)
        return -ABI_EINVAL;
    guest_test_line(text, call->second);
    return 0;
}

static int64_t call_memory(struct guest *guest, const struct call *call)
{
    (void)call;
    return (int64_t)guest->vm->memory.bytes;
}

static int64_t call_args(struct guest *guest, const struct call *call)
{
    char *to = guest_memory_at(&guest->vm->memory, call->first, call->second);
    size_t length = strlen(guest->vm->args->guest_args);

    if (!to)
        return -ABI_EFAULT;
    if (call->second <= length)
        return -ABI_EINVAL;
    memcpy(to, guest->vm->args->guest_args, length + 1);
    return (int64_t)length;
}

static int64_t call_vcpu_start(struct guest *guest, const struct call *call)
{
    struct vcpu_start *start = call->first < MAX_VCPUS_PER_VM ? &guest->vm->start[call->first] : NULL;

    if (!start)
        return -ABI_ENOENT;
    if (start->taken)
        return -ABI_EBUSY;
    *start = (struct vcpu_start){.taken = true, .entry = call->second, .argument = call->third};
    if (sys_vcpu_start((uint32_t)call->first) == 0)
        return 0;
    start->taken = false;
    return -ABI_ENOENT;
}

/* The other vCPUs stand still meanwhile; one that waits for the monitor's lock has to leave its pCPU for that. */
static int64_t call_memory_drop(struct guest *guest, const struct call *call)
{
    int64_t result;

    (void)guest;
    while ((result = sys_memory_drop(call->first, call->second)) == -ABI_EAGAIN)
        sys_yield();
    return result;
}

static int64_t call_test_begin(struct guest *guest, const struct call *call)
{
    const char *text = guest_memory_at(&guest->vm->memory, call->first, call->second);

    if (!text)
        return -ABI_EFAULT;
    if (call->second == 0 || call->second > REPORT_LINE)
        return -ABI_EINVAL;
    if (glob_matches_one(guest->vm->args->not_run, text, call->second))
        return 1;
    guest_test_begin(text, call->second);
    return 0;
}

static int64_t call_caesar(struct guest *guest, const struct call *call)
{
    return own_call_caesar(guest, call->first, call->second, call->third);
}

static int64_t call_lab(struct guest *guest, const struct call *call)
{
    typedef int64_t lab_call(struct guest *guest, uint64_t first, uint64_t second, uint64_t third);
    static lab_call *const calls[] = {lab_call_machine, lab_call_results, lab_call_observe,
                                      lab_call_guard,   lab_call_changed, lab_call_reset, lab_call_guard_again, lab_call_run};

    if (!guest->vm->args->lab)
        return -ABI_EPERM;
    return calls[guest->vcpu.page->gpr[GPR_RAX] - HC_LAB_MACHINE](guest, call->first, call->second, call->third);
}

static hypercall *const hypercalls[HC_MONITOR_END - HC_MONITOR] = {
    [HC_CONSOLE - HC_MONITOR] = call_console, [HC_EXIT - HC_MONITOR] = call_exit, [HC_TEST - HC_MONITOR] = call_test,
    [HC_MEMORY - HC_MONITOR] = call_memory,   [HC_ARGS - HC_MONITOR] = call_args, [HC_VCPU_START - HC_MONITOR] = call_vcpu_start,
    [HC_MEMORY_DROP - HC_MONITOR] = call_memory_drop, [HC_TEST_BEGIN - HC_MONITOR] = call_test_begin,
    [HC_CAESAR - HC_MONITOR] = call_caesar,
    [HC_LAB_MACHINE - HC_MONITOR ... HC_LAB_RUN - HC_MONITOR] = call_lab,
};

enum vcpu_action handle_hypercall(struct guest *guest, const struct guest_exit *e)
{
    uint64_t *gpr = guest->vcpu.page->gpr, number = gpr[GPR_RAX];
    const struct call call = {gpr[GPR_RBX], gpr[GPR_RCX], gpr[GPR_RDX]};

    if (number >= HC_MONITOR && number < HC_MONITOR_END)
        gpr[GPR_RAX] = (uint64_t)hypercalls[number - HC_MONITOR](guest, &call);
    else if (guest->vm->args->bad_hypercall_kills)
        guest_end(guest, END_BAD_HYPERCALL, "unknown hypercall 0x%llx at RIP 0x%llx", (unsigned long long)number,
                  (unsigned long long)e->record->rip);
    else
        gpr[GPR_RAX] = (uint64_t)-ABI_ENOSYS;
    return VCPU_RUN_SKIP;
}
