/* Calls about vCPUs, by the monitor of their VM. */
#include "kernel/cpu/trace.h"
#include "kernel/cpu/user.h"
#include "kernel/syscall/syscall.h"
#include "kernel/vm/exit.h"
#include "kernel/vm/item.h"
#include "kernel/vm/lab.h"
#include "kernel/vm/virt_ops.h"

/* Only the vCPU's own thread, so that it can't be in the guest meanwhile. */
static int find_own_vcpu(struct syscall_args *args)
{
    args->vcpu = args->thread->vcpu;
    return args->raw[0] == args->vcpu->id ? 0 : -ABI_EPERM;
}

int decode_vcpu_run(struct syscall_args *args)
{
    int error = find_own_vcpu(args);
    uint64_t action = args->raw[1] & ~VCPU_RUN_OBSERVE;

    if (error)
        return error;
    if (action == VCPU_RUN_SKIP && args->vcpu->instruction_length == 0)
        return -ABI_EINVAL;
    if (action != args->raw[1] && !args->vcpu->lab)
        return -ABI_EPERM;
    return action < VCPU_RUN_ACTIONS ? 0 : -ABI_EINVAL;
}

int64_t do_vcpu_run(struct syscall_args *args)
{
    struct vcpu *vcpu = args->vcpu;

    if ((args->raw[1] & ~VCPU_RUN_OBSERVE) == VCPU_RUN_SKIP) {
        vcpu_load(vcpu);
        virt->skip(vcpu);
    }
    if (vcpu->lab)
        vcpu->lab->observed = args->raw[1] & VCPU_RUN_OBSERVE;
    vcpu->attention |= ATTENTION_SLICE;
    vcpu_run_note(vcpu);
    return 0; /* thread_return enters the guest; an exit sets RAX */
}

int decode_vcpu_pairs(struct syscall_args *args)
{
    int error = find_own_vcpu(args);

    if (error)
        return error;
    if (args->raw[2] > MAX_STATE_PAIRS)
        return -ABI_EINVAL;
    return user_copy_in(args->pair, args->raw[1], args->raw[2] * sizeof *args->pair) ? 0 : -ABI_EFAULT;
}

static int read_pair(struct vcpu *vcpu, uint64_t what, uint64_t *value)
{
    if (what <= UINT32_MAX)
        return virt->field_read(vcpu, what, value);
    if (what >> LAB_KIND_SHIFT)
        return lab_read(vcpu, what, value);
    if (what & VCPU_REFUSED)
        return virt->refused_read(vcpu, what ^ VCPU_REFUSED, value);
    return what & VCPU_ITEM ? item_read(vcpu, what ^ VCPU_ITEM, value) : -ABI_EINVAL;
}

static int write_pair(struct vcpu *vcpu, uint64_t what, uint64_t value)
{
    if (what & VCPU_ITEM && !(what >> LAB_KIND_SHIFT))
        return item_write(vcpu, what ^ VCPU_ITEM, value);
    return what >> LAB_KIND_SHIFT ? lab_write(vcpu, what, value) : virt->field_write(vcpu, what, value);
}

/* The first of n pairs, and those behind it that go along. Returns how many, or an error. */
static int write_pairs(struct vcpu *vcpu, const struct state_pair *pair, const uint64_t *value, unsigned n)
{
    int error;

    if (pair->what >> LAB_KIND_SHIFT == LAB_PROBE)
        return lab_probe_write(vcpu, pair, value, n);
    error = write_pair(vcpu, pair->what, *value);
    return error ? error : 1;
}

/* Both stop at the first pair that fails; the pairs before it are done. */
int64_t do_vcpu_read(struct syscall_args *args)
{
    vcpu_load(args->vcpu);
    for (uint64_t i = 0; i < args->raw[2]; i++) {
        uint64_t value;
        int error = read_pair(args->vcpu, args->pair[i].what, &value);

        if (error)
            return error;
        if (!user_copy_out(args->pair[i].where, &value, sizeof value))
            return -ABI_EFAULT;
    }
    return 0;
}

int64_t do_vcpu_write(struct syscall_args *args)
{
    unsigned n = (unsigned)args->raw[2];
    uint64_t value[MAX_STATE_PAIRS];
    int done;

    for (unsigned i = 0; i < n; i++)
        if (!user_copy_in(&value[i], args->pair[i].where, sizeof value[i]))
            return -ABI_EFAULT;
    vcpu_load(args->vcpu);
    for (unsigned i = 0; i < n; i += (unsigned)done) {
        done = write_pairs(args->vcpu, args->pair + i, value + i, n - i);
        if (done < 0)
            return done;
    }
    return 0;
}

int decode_vcpu_interrupt(struct syscall_args *args)
{
    uint64_t id = args->raw[0], vector = args->raw[1];
    const struct vm *vm = args->thread->task->vm;

    if (id >= vm->vcpus)
        return -ABI_ENOENT;
    args->vcpu = vm->vcpu[id];
    return vector >= 32 && vector <= 255 ? 0 : -ABI_EINVAL;
}

int64_t do_vcpu_interrupt(struct syscall_args *args)
{
    vcpu_interrupt(args->vcpu, (unsigned)args->raw[1]);
    return 0;
}

int decode_vcpu_start(struct syscall_args *args)
{
    const struct vm *vm = args->thread->task->vm;

    if (args->raw[0] >= vm->vcpus)
        return -ABI_ENOENT;
    args->vcpu = vm->vcpu[args->raw[0]];
    return 0;
}

int64_t do_vcpu_start(struct syscall_args *args)
{
    struct thread *thread = &args->vcpu->thread;

    if (thread->entity.state == SCHED_NEW || thread->parked)
        thread_wake(thread);
    else
        thread->woken = true;
    thread->parked = false;
    return 0;
}

int64_t do_vcpu_park(struct syscall_args *args)
{
    struct thread *thread = args->thread;

    if (!thread->woken) {
        thread->parked = true;
        thread_block_current();
    }
    thread->woken = false;
    return 0;
}
