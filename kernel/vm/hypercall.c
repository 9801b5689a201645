/* The hypercalls that the kernel answers itself; config/abi.h lists them. */
#include "kernel/ipc/calls.h"
#include "kernel/lock.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/virt_ops.h"
#include "kernel/vm/vm.h"

static enum verdict do_null(struct vcpu *vcpu)
{
    vcpu->page->gpr[GPR_RAX] = 0;
    return VERDICT_ANSWERED;
}

static enum verdict do_yield(struct vcpu *vcpu)
{
    vcpu->page->gpr[GPR_RAX] = 0;
    return VERDICT_YIELD;
}

static enum verdict do_timer(struct vcpu *vcpu)
{
    uint64_t deadline = vcpu->page->gpr[GPR_RBX], vector = vcpu->page->gpr[GPR_RCX];
    bool good = deadline == 0 || (vector >= 32 && vector <= 255);

    vcpu->page->gpr[GPR_RAX] = good ? 0 : (uint64_t)-ABI_EINVAL;
    vcpu_timer_set(vcpu, good ? deadline : 0, (unsigned)vector);
    return VERDICT_SKIP;
}

static enum verdict do_interrupt(struct vcpu *vcpu)
{
    uint64_t target = vcpu->page->gpr[GPR_RBX], vector = vcpu->page->gpr[GPR_RCX];
    int64_t result = 0;

    kernel_lock_enter();
    if (target >= vcpu->vm->vcpus)
        result = -ABI_ENOENT;
    else if (vector < 32 || vector > 255)
        result = -ABI_EINVAL;
    else
        vcpu_interrupt(vcpu->vm->vcpu[target], (unsigned)vector);
    vcpu->page->gpr[GPR_RAX] = (uint64_t)result;
    return VERDICT_SKIP;
}

static enum verdict do_stolen(struct vcpu *vcpu)
{
    vcpu->page->gpr[GPR_RAX] = vcpu->thread.entity.wait_ticks;
    return VERDICT_SKIP;
}

/* Made again by the same instruction until RBX is 0: virt_ops.enter_bare has counted it down, or an interrupt came first. With
 * interrupts on, the guest's handlers might make calls meanwhile, which would be taken for this one. */
static enum verdict do_round_trips(struct vcpu *vcpu)
{
    const uint64_t most = 10000;
    uint64_t left = vcpu->page->gpr[GPR_RBX];
    int64_t result = vcpu->lab || virt->interrupts_on(vcpu) ? -ABI_EBUSY : left > most ? -ABI_EINVAL : 0;

    if (left != 0 && result == 0) {
        vcpu->attention |= ATTENTION_BARE;
        return VERDICT_RESUME;
    }
    vcpu->page->gpr[GPR_RAX] = (uint64_t)result;
    return VERDICT_SKIP;
}

static exit_handler *const calls[] = {
    [HC_NULL] = do_null,
    [HC_YIELD] = do_yield,
    [HC_INTERRUPT] = do_interrupt,
    [HC_STOLEN] = do_stolen,
    [HC_TIMER] = do_timer,
    [HC_CHANNEL] = ipc_call_channel,
    [HC_SEND] = ipc_call_send,
    [HC_RECEIVE] = ipc_call_receive,
    [HC_EXCHANGE] = ipc_call_exchange,
    [HC_SEND_MEMORY] = ipc_call_send_memory,
    [HC_RECEIVE_MEMORY] = ipc_call_receive_memory,
    [HC_CHANNEL_VECTOR] = ipc_call_vector,
    [HC_ROUND_TRIPS] = do_round_trips,
};

enum verdict vcpu_refuse_hypercall(struct vcpu *vcpu)
{
    vcpu->page->gpr[GPR_RAX] = (uint64_t)-ABI_EPERM;
    return VERDICT_SKIP;
}

enum verdict vcpu_handle_hypercall(struct vcpu *vcpu)
{
    uint64_t number = vcpu->page->gpr[GPR_RAX];

    return number < sizeof calls / sizeof *calls ? calls[number](vcpu) : VERDICT_MONITOR;
}
