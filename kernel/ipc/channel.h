/*
 * Channels: queues and rings between two VMs, made by root. A channel outlives its first VM, for the other may still
 * have messages to take and must be told: it goes when the second VM is destroyed. So neither VM pays for it; its pages
 * are the kernel's account's, and how many there are is for root, that is for the config, to say. All under the kernel
 * lock.
 */
#ifndef KERNEL_IPC_CHANNEL_H
#define KERNEL_IPC_CHANNEL_H

#include "config/abi.h"
#include "kernel/ipc/queue.h"
#include "lib/addr.h"

struct vcpu;
struct vm;

/* One way of a channel. */
struct channel_way {
    struct queue queue;
    struct vcpu *listener; /* the receiver's vCPU that HC_CHANNEL_VECTOR named */
    unsigned vector;       /* for it */
};

enum { CHANNEL_FORTH, CHANNEL_BACK, CHANNEL_WAYS };

/* The memory of a ring. */
struct ring {
    hpa_t receiver, sender, data; /* enum ring_page */
    uint32_t pages;               /* of data; 0: the channel is no ring */
};

struct channel {
    struct channel_way way[CHANNEL_WAYS];
    struct message bell[CHANNEL_WAYS]; /* a ring's slots */
    hpa_t slots;                       /* a queue's */
    unsigned slots_order;
    struct ring ring;
    unsigned vms;                      /* at its ends, not yet destroyed */
};

/* A VM's end of a channel. */
struct channel_end {
    struct channel *channel;
    enum channel_kind kind;
    struct channel_way *send, *receive; /* NULL: not from this end */
};

/* Once, before the others. */
void channel_init(void);

/* Makes a queue or a ring from one VM to another, the next channel of both. 0; -ABI_EINVAL: the size is no power of two,
 * or out of range, or both VMs are the same; -ABI_EBUSY: one has been started; -ABI_EAGAIN: one has MAX_VM_CHANNELS;
 * -ABI_ENOMEM. */
int channel_create_queue(struct vm *from, struct vm *to, uint64_t slots);
int channel_create_ring(struct vm *from, struct vm *to, uint64_t pages);

/* The VM has ended: tells those at the other ends of its channels. */
void channel_end_all(struct vm *vm);

/* The VM is about to be freed: leaves its channels. */
void channel_leave_all(struct vm *vm);

/* Raises `vector` of the vCPU from now on when it should receive, and at once if there is something; 0: no more. */
void channel_listen(struct channel_way *way, struct vcpu *vcpu, unsigned vector);

/* ring.c: allocates a ring's memory, `pages` data pages; maps it into the VM's memory at a side's rights as its channel
 * `number`; frees it. 0 or -ABI_ENOMEM, with nothing left behind but empty page tables of the VM. */
int ring_alloc(struct ring *ring, uint32_t pages);
int ring_map(const struct ring *ring, struct vm *vm, unsigned number, enum queue_side side);
void ring_unmap(const struct ring *ring, struct vm *vm, unsigned number);
void ring_free(struct ring *ring);

#endif
