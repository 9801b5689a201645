#include "kernel/vm/vcpu.h"

#include "kernel/cpu/pcpu.h"
#include "kernel/cpu/trace.h"
#include "kernel/lock.h"
#include "kernel/vm/exit.h"
#include "kernel/vm/lab.h"
#include "kernel/vm/virt_ops.h"
#include "kernel/vm/vm.h"
#include "lib/x86.h"
#include "mm/direct.h"

uint64_t vcpu_first_entry_tsc;

_Static_assert(sizeof(struct vcpu) <= PAGE_BYTES, "a vCPU is one page");
_Static_assert(sizeof(struct vcpu_page) <= PAGE_BYTES, "one page, by config/abi.h");

static void guest_timer_expired(struct timer *timer)
{
    struct vcpu *vcpu = container_of(timer, struct vcpu, timer);

    vcpu_interrupt(vcpu, vcpu->timer_vector);
}

/* Stacks of threads are lazily backed; the first one's is near the image to save page tables. */
static uint64_t stack_top(unsigned id)
{
    return (id == 0 ? TASK_STACK : TASK_STACKS + id * 2 * TASK_STACK_BYTES) + TASK_STACK_BYTES - 8;
}

struct vcpu *vcpu_create(struct vm *vm, unsigned id)
{
    hpa_t block = mm_page_alloc(&vm->account, 0);
    struct vcpu *vcpu;

    if (hpa_is_none(block))
        return NULL;
    vcpu = mm_direct(block);
    thread_init(&vcpu->thread, &vm->task, vcpu, vm->task.entry, stack_top(id), id, vm->slice_ticks);
    vcpu->thread.who = TRACE_WHO(vm->id, id);
    context_init(&vcpu->guest_context);
    if (vm->pin) {
        vcpu->thread.entity.home = &vm->pin->queue;
        vcpu->thread.entity.pinned = true;
    }
    vcpu->vm = vm;
    vcpu->id = id;
    vcpu->timer.expire = guest_timer_expired;
    wait_init(&vcpu->wait);
    vcpu->npt_generation = UINT64_MAX;
    vcpu->attention = vm->has_lab ? ATTENTION_LAB : 0;
    if (task_page(&vm->task, TASK_VCPUS + id * PAGE_BYTES, MM_READ | MM_WRITE, &vcpu->page_hpa)) {
        mm_page_free(&vm->account, block, 0);
        return NULL;
    }
    vcpu->page = mm_direct(vcpu->page_hpa);
    if ((vm->has_lab && !lab_create(vcpu)) || !virt->vcpu_init(vcpu)) {
        lab_destroy(vcpu);
        mm_page_free(&vm->account, block, 0);
        return NULL;
    }
    vcpu_unload(vcpu);
    return vcpu;
}

void vcpu_unload(struct vcpu *vcpu)
{
    struct pcpu *pcpu = pcpu_this();

    context_unload(&vcpu->guest_context);
    if (vcpu->loaded_on != pcpu)
        return;
    virt->vcpu_unload(vcpu);
    vcpu->loaded_on = NULL;
    if (pcpu->vcpu_loaded == vcpu)
        pcpu->vcpu_loaded = NULL;
}

void vcpu_destroy(struct vcpu *vcpu)
{
    timer_disarm(&vcpu->timer);
    lab_destroy(vcpu);
    virt->vcpu_free(vcpu);
    mm_page_free(&vcpu->vm->account, mm_direct_hpa(vcpu), 0);
}

void vcpu_make_current(struct vcpu *vcpu)
{
    struct pcpu *pcpu = pcpu_this();

    virt->vcpu_load(vcpu);
    *pcpu_exit_slots(pcpu) = (struct exit_slots){vcpu->page->gpr, vcpu};
    pcpu->vcpu_loaded = vcpu;
    vcpu->loaded_on = pcpu;
    if (vcpu->flushed_on != pcpu) {
        vcpu->flushed_on = pcpu;
        vcpu->npt_generation = UINT64_MAX;
    }
}

/* Invalidates this pCPU's translations of guest memory if they may be older than the tables. */
static void flush_if_stale(struct vcpu *vcpu)
{
    uint64_t generation = vcpu->vm->memory.generation;

    if (vcpu->npt_generation == generation)
        return;
    vcpu->npt_generation = generation;
    virt->flush(vcpu);
}

/* Back to ring 3: vcpu_run gives `error`. */
static _Noreturn void leave_with(struct vcpu *vcpu, enum abi_error error)
{
    trace(TRACE_MONITOR, vcpu->thread.who, 0, 0);
    context_save_cr2(&vcpu->guest_context);
    vcpu->thread.in_guest = false;
    vcpu->thread.regs.rax = (uint64_t)-(int64_t)error;
    thread_return();
}

/*
 * What can keep a guest from going on. A vCPU in HLT sleeps until something is pending: other pCPUs pend under the kernel
 * lock, so none comes between the look and the sleep. One that is recalled stays in HLT; a lab's deadline ends it.
 */
static __attribute__((noinline)) void hold_back(struct vcpu *vcpu)
{
    if (vcpu->attention & ATTENTION_RECALL) {
        vcpu->attention &= ~(unsigned)(ATTENTION_RECALL | ATTENTION_BARE); /* the monitor may change what is entered */
        vcpu->attention |= ATTENTION_EVENT;
        leave_with(vcpu, ABI_EINTR);
    }
    kernel_lock_enter();
    vcpu->halted = !vcpu_has_pending(vcpu) && !(vcpu->lab && vcpu->lab->due);
    if (vcpu->halted) {
        thread_block_current();
        thread_return();
    }
}

_Noreturn void vcpu_exit_switch_context(struct vcpu *vcpu)
{
    context_load_lazily(&vcpu->thread.user_context);
    kernel_lock_leave();
    regs_return_syscall(&vcpu->thread.regs);
}

/* Goes on in ring 3: the monitor's vcpu_run returns 0 and finds the exit in the vCPU's page. */
static _Noreturn void to_monitor(struct vcpu *vcpu, const struct exit_row *row)
{
    struct exit_record *record;

    if (row->handler)
        trace(TRACE_MONITOR, vcpu->thread.who, 0, 0);
    record = vcpu_exit_record(vcpu, row);
    if (row->groups & EXIT_GROUP_COUNT)
        record->count = vcpu->exits;
    virt->exit_record(vcpu, record, row->groups);
    vcpu_exit_to_monitor(vcpu, false);
}

/* The time that the lab's monitor gave its guest is over: it gets the pCPU, not the guest. */
static _Noreturn void stop_for_lab(struct vcpu *vcpu)
{
    static const struct exit_row row = {"lab deadline", NULL, 0};

    vcpu->lab->due = false;
    vcpu->exit_reason = LAB_TIME_OVER;
    to_monitor(vcpu, &row);
}

static void set_slice(struct vcpu *vcpu)
{
    if (vcpu->lab && vcpu->lab->due)
        stop_for_lab(vcpu);
    if (vcpu_first_entry_tsc == 0)
        vcpu_first_entry_tsc = x86_rdtsc();
    vcpu->attention &= ~(unsigned)ATTENTION_SLICE;
    virt->slice(vcpu, pcpu_this()->tick_deadline);
}

_Noreturn void vcpu_enter(struct vcpu *vcpu)
{
    vcpu_load(vcpu);
    context_load(&vcpu->guest_context);
    if (vcpu->attention & (ATTENTION_EVENT | ATTENTION_RECALL)) {
        if (vcpu->halted || vcpu->attention & ATTENTION_RECALL)
            hold_back(vcpu);
        virt->inject(vcpu);
    }
    flush_if_stale(vcpu);
    if (vcpu->attention & ATTENTION_SLICE)
        set_slice(vcpu);
    kernel_lock_leave();
    if (vcpu->attention & ATTENTION_BARE) {
        vcpu->attention &= ~(unsigned)ATTENTION_BARE;
        virt->enter_bare(vcpu);
    }
    virt->enter(vcpu);
}

/* Handlers and verdicts that touch what pCPUs share take the kernel lock; the others never do. */
_Noreturn void vcpu_exit_finish(struct vcpu *vcpu, const struct exit_row *row, enum verdict verdict)
{
    if (verdict == VERDICT_MONITOR)
        to_monitor(vcpu, row);
    if (verdict == VERDICT_KILL) {
        kernel_lock_enter();
        vm_end(vcpu->vm, VM_END_KERNEL, (int64_t)vcpu->exit_reason, vcpu->rip);
    } else if (verdict != VERDICT_RESUME && verdict != VERDICT_AGAIN) {
        virt->skip(vcpu);
    }
    if (verdict == VERDICT_BLOCK)
        vcpu_halt(vcpu);
    if (verdict == VERDICT_PASS)
        pcpu_this()->current->vcpu->attention |= ATTENTION_SLICE;
    if (verdict == VERDICT_YIELD)
        pcpu_this()->resched = true;
    thread_return();
}

_Noreturn void vcpu_entry_failed(struct vcpu *vcpu, uint64_t error)
{
    vcpu->exit_reason = LAB_VMFAIL | error;
    vcpu->page->exit.qualification = error;
    leave_with(vcpu, ABI_ENTRY);
}

/* It comes to vcpu_enter soon, if it was about to stay in guest mode or blocked. */
static void back_to_kernel(struct thread *thread)
{
    thread_wake(thread);
    if (thread->entity.running)
        pcpu_kick(thread_pcpu(thread));
}

void vcpu_interrupt(struct vcpu *vcpu, unsigned vector)
{
    vcpu->pending[vector / 64] |= 1ull << vector % 64;
    vcpu->attention |= ATTENTION_EVENT;
    trace(TRACE_INTERRUPT, vcpu->thread.who, vector, 0);
    if (!vcpu->thread.in_guest || !wait_interrupt(&vcpu->wait))
        return;
    back_to_kernel(&vcpu->thread);
}

void vcpu_recall(struct vcpu *vcpu)
{
    vcpu->attention |= ATTENTION_RECALL;
    if (!vcpu->thread.in_guest)
        return;
    wait_cancel(&vcpu->wait);
    back_to_kernel(&vcpu->thread);
}

void vcpu_timer_set(struct vcpu *vcpu, uint64_t deadline, unsigned vector)
{
    uint64_t now, left;

    kernel_lock_enter();
    timer_disarm(&vcpu->timer);
    if (deadline == 0)
        return;
    vcpu->timer_vector = (uint8_t)vector;
    now = x86_rdtsc();
    left = deadline - (now + vcpu->tsc_offset);
    if (deadline <= now + vcpu->tsc_offset)
        vcpu_interrupt(vcpu, vector);
    else
        timer_arm(&vcpu->timer, left < UINT64_MAX - now ? now + left : UINT64_MAX);
}

int vcpu_interrupt_pending(const struct vcpu *vcpu)
{
    for (int i = 3; i >= 0; i--)
        if (vcpu->pending[i])
            return i * 64 + 63 - __builtin_clzll(vcpu->pending[i]);
    return -1;
}

void vcpu_interrupt_taken(struct vcpu *vcpu, unsigned vector)
{
    vcpu->pending[vector / 64] &= ~(1ull << vector % 64);
}
