/* Copies between the kernel and the current task's memory. Lazily backed pages get backed on the way. */
#ifndef KERNEL_CPU_USER_H
#define KERNEL_CPU_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies `bytes` from or to user address `user`. False if any of it is no user memory of the task with these rights; then
 * a part may have been copied. */
bool user_copy_in(void *to, uint64_t user, size_t bytes);
bool user_copy_out(uint64_t user, const void *from, size_t bytes);

#endif
