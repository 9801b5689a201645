/*
 * The system calls that newlib asks its platform for ("System Calls" in its manual). A task has a console and a heap,
 * no files and no processes.
 */
#define _DEFAULT_SOURCE /* newlib declares sbrk and kill only then */

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/lib/syscall.h"
#include "vmm/lib/task.h"

/* From the linker script: the first page behind the image. */
extern char task_image_end[];

/* Takes from the range between the image and TASK_HEAP_END; the kernel backs it with zeroed pages on touch. */
void *sbrk(ptrdiff_t increment)
{
    static uintptr_t heap_end;
    uintptr_t start = (uintptr_t)task_image_end;

    if (heap_end == 0)
        heap_end = start;
    if (increment > (ptrdiff_t)(TASK_HEAP_END - heap_end) || increment < -(ptrdiff_t)(heap_end - start)) {
        errno = ENOMEM;
        return (void *)-1;
    }
    heap_end += (uintptr_t)increment;
    return (void *)(heap_end - (uintptr_t)increment);
}

int write(int fd, const void *bytes, size_t count)
{
    if (fd != STDOUT_FILENO && fd != STDERR_FILENO) {
        errno = EBADF;
        return -1;
    }
    task_print(bytes, count);
    return (int)count;
}

int read(int fd, void *bytes, size_t count)
{
    (void)fd, (void)bytes, (void)count;
    return 0; /* there is no input: end of file */
}

int isatty(int fd) { return fd <= STDERR_FILENO; /* so that stdio buffers by lines */ }

int fstat(int fd, struct stat *status)
{
    (void)fd;
    status->st_mode = S_IFCHR;
    status->st_blksize = 256; /* a line: stdio takes this for the size of its buffer */
    return 0;
}

off_t lseek(int fd, off_t offset, int whence)
{
    (void)fd, (void)offset, (void)whence;
    errno = ESPIPE;
    return -1;
}

int close(int fd)
{
    (void)fd;
    return 0;
}

pid_t getpid(void) { return 1; }

int kill(pid_t pid, int signal_number)
{
    (void)pid;
    _exit(128 + signal_number); /* abort() comes this way */
}

void _exit(int status) { sys_task_exit(status); }
