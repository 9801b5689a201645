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

/* From one's registers to the other's. */
static inline void transfer_directly(const struct vcpu *from, struct vcpu *to)
{
    const uint64_t *f = &from->page->gpr[GPR_RSI];
    uint64_t *t = &to->page->gpr[GPR_RSI];

    t[0] = f[0], t[1] = f[1], t[2] = f[2], t[3] = f[3];
    t[4] = f[4], t[5] = f[5], t[6] = f[6], t[7] = f[7];
}

static inline int transfer_to_registers(struct vcpu *vcpu, const struct message *message)
{
    const uint64_t *w = message->word;
    uint64_t *r = &vcpu->page->gpr[GPR_RSI];

    r[0] = w[0], r[1] = w[1], r[2] = w[2], r[3] = w[3];
    r[4] = w[4], r[5] = w[5], r[6] = w[6], r[7] = w[7];
    return 0;
}

/* Copies from or to guest memory at a multiple of 64, backing it if it has never been touched. 0; -ABI_EINVAL: no such
 * multiple; -ABI_EFAULT: no memory of the guest's own; -ABI_ENOMEM. */
int transfer_from_memory(struct vm *vm, gpa_t gpa, struct message *message);
int transfer_to_memory(struct vm *vm, gpa_t gpa, const struct message *message);

#endif
