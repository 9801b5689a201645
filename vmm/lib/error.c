/* The words for enum abi_error. */
#include "vmm/lib/error.h"

#include "config/abi.h"

static const char *const error_texts[] = {
    [ABI_EPERM] = "this kind of task may not do that",
    [ABI_ENOENT] = "there is no such VM, vCPU or module",
    [ABI_EAGAIN] = "not now, try again",
    [ABI_ENOMEM] = "no more memory pages in the machine or in the VM's quota",
    [ABI_EFAULT] = "a pointer outside the caller's memory",
    [ABI_EINVAL] = "an argument out of range",
    [ABI_EBUSY] = "it exists already, or runs",
    [ABI_ENOSYS] = "there is no such call",
    [ABI_ETIME] = "the deadline passed",
    [ABI_EACCES] = "the kernel keeps this field, or these bits, for itself",
    [ABI_ENTRY] = "the VM entry failed before any guest state was loaded",
    [ABI_EPIPE] = "the VM at the other end has ended",
    [ABI_EINTR] = "an interrupt came first",
};

const char *error_text(int64_t result)
{
    uint64_t error = -(uint64_t)result;

    if (error >= sizeof(error_texts) / sizeof(error_texts[0]) || !error_texts[error])
        return "an error that config/abi.h does not know";
    return error_texts[error];
}
