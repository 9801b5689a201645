/* The monitor of one VM: loads its image, and answers the exits that the kernel hands on. */
#include "vmm/lab/lab.h"
#include "vmm/lib/error.h"
#include "vmm/lib/syscall.h"
#include "vmm/lib/task.h"
#include "vmm/monitor/dump.h"
#include "vmm/monitor/exit.h"
#include "vmm/monitor/explain.h"
#include "vmm/monitor/handle.h"
#include "vmm/monitor/image.h"
#include "vmm/monitor/lock.h"
#include "vmm/monitor/state.h"
#include "vmm/state/restore.h"
#include "vmm/state/save.h"

typedef void exit_decoder(const struct exit_record *record, struct guest_exit *out);

static exit_decoder *const decoders[] = {[BACKEND_VMX] = vmx_exit_decode, [BACKEND_SVM] = svm_exit_decode};

static image_loader *const loaders[GUEST_KINDS] = {
    [GUEST_NESTOR] = image_load_elf,
    [GUEST_FLAT16] = image_load_flat16,
};

atomic_flag monitor_lock = ATOMIC_FLAG_INIT;

void lock_wait(void)
{
    do {
        sys_yield();
    } while (atomic_flag_test_and_set_explicit(&monitor_lock, memory_order_acquire));
}

static struct vm vm = {
    .args = (const struct monitor_args *)TASK_ARGS,
    .console = {.emit = guest_console_line},
    .uart = {.output = &vm.console},
};

static struct guest guests[MAX_VCPUS_PER_VM];

static void vm_init(struct guest *guest)
{
    struct machine_info machine;
    int64_t result = sys_machine_info(&machine);

    if (result < 0)
        guest_end(guest, END_UNHANDLED, "the monitor can't learn what machine this is: %s", error_text(result));
    vm.memory = (struct guest_memory){(uint8_t *)TASK_GUEST, vm.args->memory_bytes};
    vm.backend = (enum backend)machine.backend;
}

/* Loads the VM's first module into its memory, and returns where the guest starts. */
static uint64_t vm_load(struct guest *guest)
{
    struct module_info module;
    struct image image = {.name = module.name};
    char why[IMAGE_WHY_BYTES];
    uint64_t entry;
    int64_t result = sys_module_info(0, &module);

    if (result >= 0 && module.bytes > 0)
        result = sys_module_map(0);
    if (result < 0)
        guest_end(guest, result == -ABI_ENOMEM ? END_NO_MEMORY : END_BAD_IMAGE, "the monitor can't read its image: %s",
                  error_text(result));
    image.bytes = (const uint8_t *)result;
    image.size = module.bytes;
    if (!loaders[vm.args->kind](&image, &vm.memory, &entry, why))
        guest_end(guest, END_BAD_IMAGE, "%s", why);
    return entry;
}

static _Noreturn void end_by_vmfail(struct guest *guest)
{
    uint64_t error = guest->vcpu.page->exit.qualification;
    struct entry_verdict seen = explain_vmfail(error);

    explain_entry(guest, &seen);
    guest_end(guest, END_ENTRY_FAILURE, "the CPU refuses the control block: VMfailValid, VM-instruction error %llu",
              (unsigned long long)error);
}

/* Root wants something. Without a place to save the VM to, it goes on. */
static void recalled(struct guest *guest)
{
    struct guest_exit last;

    if (guest_is_wanted(WANTED_REGISTERS(guest->vcpu.number))) {
        decoders[vm.backend](&guest->vcpu.page->exit, &last);
        dump_vcpu(guest, &last);
    }
    vm.saving.wanted = vm.saving.wanted || guest_is_wanted(WANTED_SAVE);
    if (vm.args->save_bytes && vm.saving.wanted)
        save_recalled(guest);
}

/* vcpu_run did not enter the guest. */
static enum vcpu_action not_entered(struct guest *guest, int64_t error)
{
    if (error == -ABI_ENTRY)
        end_by_vmfail(guest);
    if (error != -ABI_EINTR)
        guest_end(guest, END_UNHANDLED, "the kernel can't run the guest: %s (after the exit %llu)", error_text(error),
                  (unsigned long long)guest->vcpu.page->exit.reason);
    recalled(guest);
    return VCPU_RUN_RESUME;
}

/* Enters the guest and answers its exits, until the VM ends. Not inline: setjmp() would keep its variables in memory. */
static _Noreturn __attribute__((noinline)) void run(struct guest *guest)
{
    enum vcpu_action action = VCPU_RUN_RESUME, labs;

    for (;;) {
        struct guest_exit e;
        int64_t result;

        lock_release();
        result = sys_vcpu_run(guest->vcpu.number, guest->in_lab ? action | lab_run_flags(guest) : action);
        lock_take();
        if (guest->in_lab && lab_exit(guest, result, &labs)) {
            action = labs;
            continue;
        }
        if (result < 0) {
            action = not_entered(guest, result);
            continue;
        }
        decoders[vm.backend](&guest->vcpu.page->exit, &e);
        action = handle_exit(guest, &e);
    }
}

/* Each vCPU has a thread of its own, which starts here: the first when the VM does, the others by HC_VCPU_START. */
int main(unsigned number)
{
    struct guest *guest = &guests[number];

    lock_take();
    guest->vm = &vm;
    if (number == 0) {
        vm_init(guest);
        if (vm.args->state_bytes)
            restore_vm(guest);
        else
            vm.start[0] = (struct vcpu_start){.taken = true, .entry = vm_load(guest)};
    }
    guest->vcpu = (struct vcpu){number, vm.backend, (struct vcpu_page *)(TASK_VCPUS + number * 4096ull)};
    if (vm.start[number].from_state)
        restore_vcpu(guest);
    else
        state_start(guest, &vm.start[number]);
    setjmp(guest->again);
    run(&guests[number]);
}
