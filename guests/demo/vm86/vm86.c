/* guest: bare32 */
/*
 * A protected-mode guest with a task in virtual-8086 mode: paging, a TSS with an I/O permission bitmap, an LDT, and a
 * monitor behind #GP that does for the task what it may not do itself.
 */
#include "guests/demo/vm86/vm86.h"
#include "guests/lib/common/test.h"

int main(void)
{
    const struct task_header *task = (const struct task_header *)task_segment;
    const unsigned *faults = monitor_counts.faults;

    task_state_enable_paging();
    ldt_load();
    ldt_test("before the task", 0x11);
    monitor_run_task(task, task_state_load_tss());

    test_result(faults[OPCODE_CLI] == 1, "cli in v86 mode faults to the monitor's #GP handler");
    test_result(faults[OPCODE_STI] == 1, "sti faults as well");
    test_result(faults[OPCODE_PUSHF] == 4 && faults[OPCODE_POPF] == 1, "pushf and popf fault, %u and %u times",
                faults[OPCODE_PUSHF], faults[OPCODE_POPF]);
    test_result(!(task->flags_after_cli & EFLAGS_IF) && (task->flags_after_sti & EFLAGS_IF) &&
                    !(task->flags_after_popf & EFLAGS_IF),
                "the task sees the interrupt flag that it set");
    test_result(faults[OPCODE_INT] == 2 && faults[OPCODE_IRET] == 1,
                "int n faults and is reflected to the task's own handler, iret comes back");
    test_result(!(task->flags_in_int21 & EFLAGS_IF), "the reflected interrupt clears the task's interrupt flag");
    test_result(task->printed == task->message_bytes && faults[OPCODE_OUT_DX] == 0 && faults[OPCODE_IN_DX] == 0,
                "message printed, %u bytes, by OUT that the I/O bitmap allows", task->printed);
    test_result(faults[OPCODE_IN_IMM8] == 1 && task->from_port21 == 0x5aff,
                "the I/O bitmap refuses port 21h, the monitor answers ffh");
    test_result(faults[OPCODE_OUT_IMM8] == 1, "the I/O bitmap refuses OUT to port 21h");
    test_result(monitor_counts.pokes == 1, "paging keeps the task out of the monitor's memory");
    ldt_test("after the task", 0x22);
    return test_status();
}
