#include "kernel/ipc/transfer.h"

#include "kernel/vm/vm.h"
#include "mm/direct.h"

_Static_assert(GPR_R13 - GPR_RSI + 1 == MESSAGE_WORDS, "the message registers are next to each other");
_Static_assert(sizeof(struct message) == MESSAGE_BYTES, "by config/abi.h");

/* Where the kernel sees the message at `gpa`. It does not cross a page. */
static int find(struct vm *vm, gpa_t gpa, struct message **message)
{
    struct mm_mapping m;
    hpa_t frame;
    int error;

    if (gpa.value % MESSAGE_BYTES)
        return -ABI_EINVAL;
    if (gpa.value >= vm->memory_bytes)
        return -ABI_EFAULT;
    if (mm_table_lookup(&vm->memory, gpa.value, &m)) {
        *message = mm_direct(m.hpa);
        return 0;
    }
    error = vm_memory_back(vm, gpa, &frame);
    if (!error)
        *message = (struct message *)((char *)mm_direct(frame) + gpa.value % PAGE_BYTES);
    return error;
}

/* A word is read once, whatever the guest's other vCPUs write meanwhile. */
int transfer_from_memory(struct vm *vm, gpa_t gpa, struct message *message)
{
    struct message *from;
    int error = find(vm, gpa, &from);

    for (unsigned i = 0; i < MESSAGE_WORDS && !error; i++)
        message->word[i] = *(volatile uint64_t *)&from->word[i];
    return error;
}

int transfer_to_memory(struct vm *vm, gpa_t gpa, const struct message *message)
{
    struct message *to;
    int error = find(vm, gpa, &to);

    if (!error)
        *to = *message;
    return error;
}
