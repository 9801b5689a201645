/* What the two kinds of ring-3 task share at their edges: the entry point, and where their printing goes. */
#ifndef VMM_LIB_TASK_H
#define VMM_LIB_TASK_H

#include <stddef.h>
#include <stdint.h>

/*
 * Where the kernel starts a thread: RDI is its vCPU number, 0 for a task's first thread. The stack is as after a call.
 * Runs main() and ends the task with its result.
 */
_Noreturn void _start(uint64_t vcpu);

/* The program, entered by each thread with its number. Its result is the task's exit status. */
int main(unsigned thread);

/* Prints what a program wrote to file descriptor 1 or 2. Root and monitor each have their own. */
void task_print(const char *text, size_t bytes);

#endif
