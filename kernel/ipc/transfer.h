/* Messages from and to a guest, in registers or in its memory. */
#ifndef KERNEL_IPC_TRANSFER_H
#define KERNEL_IPC_TRANSFER_H

#include "kernel/ipc/queue.h"
#include "kernel/vm/vcpu.h"

/* RSI, RDI, R8 to R13; they are next to each other in vcpu_page.gpr. 0, for a message that arrives. */
static inline struct message transfer_from_registers(const struct vcpu *vcpu)
{
    const uint64_t *r = &vcpu->page->gpr[GPR_RSI];

    return (struct message){{r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7]}};
}

static inline int transfer_to_registers(struct vcpu *vcpu, const struct message *message)
{
    for (unsigned i = 0; i < MESSAGE_WORDS; i++)
        vcpu->page->gpr[GPR_RSI + i] = message->word[i];
    return 0;
}

/* Copies from or to guest memory at a multiple of 64, backing it if it has never been touched. 0; -ABI_EINVAL: no such
 * multiple; -ABI_EFAULT: no memory of the guest's own; -ABI_ENOMEM. */
int transfer_from_memory(struct vm *vm, gpa_t gpa, struct message *message);
int transfer_to_memory(struct vm *vm, gpa_t gpa, const struct message *message);

#endif
