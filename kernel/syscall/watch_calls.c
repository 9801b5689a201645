/* Calls of root to see what goes on, and to show it: the screen, traces, counters. */
#include "drivers/terminal.h"
#include "kernel/cpu/trace.h"
#include "kernel/cpu/user.h"
#include "kernel/syscall/syscall.h"

enum { TRACE_PIECE = 32 };

_Static_assert((int)TERMINAL_COLUMNS == SCREEN_COLUMNS && (int)TERMINAL_ROWS == SCREEN_ROWS, "the ABI's screen is this one");

int decode_screen_write(struct syscall_args *args)
{
    return args->raw[0] >= TERMINAL_ROWS - 1 || args->raw[2] > TERMINAL_COLUMNS ? -ABI_EINVAL : 0;
}

int64_t do_screen_write(struct syscall_args *args)
{
    uint16_t cells[TERMINAL_COLUMNS];

    if (!user_copy_in(cells, args->raw[1], args->raw[2] * sizeof *cells))
        return -ABI_EFAULT;
    terminal_draw((unsigned)args->raw[0], cells, args->raw[2]);
    return 0;
}

int decode_trace_start(struct syscall_args *args)
{
    (void)args;
    return vm_is_any() ? -ABI_EBUSY : 0;
}

int64_t do_trace_start(struct syscall_args *args)
{
    (void)args;
    return trace_start();
}

int decode_trace_read(struct syscall_args *args) { return args->raw[0] < pcpu_count ? 0 : -ABI_ENOENT; }

int64_t do_trace_read(struct syscall_args *args)
{
    struct trace_record piece[TRACE_PIECE];
    uint64_t from, n = args->raw[3] < TRACE_PIECE ? args->raw[3] : TRACE_PIECE;

    if (!user_copy_in(&from, args->raw[1], sizeof from))
        return -ABI_EFAULT;
    n = trace_ring_read(&pcpus[args->raw[0]]->trace, &from, piece, n);
    if (!user_copy_out(args->raw[2], piece, n * sizeof *piece) || !user_copy_out(args->raw[1], &from, sizeof from))
        return -ABI_EFAULT;
    return (int64_t)n;
}

int64_t do_vm_counters(struct syscall_args *args)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < EXIT_COUNTERS && n < args->raw[2]; i++) {
        struct exit_counter counter;

        if (!vm_exit_counter(args->vm, i, &counter))
            continue;
        if (!user_copy_out(args->raw[1] + n * sizeof counter, &counter, sizeof counter))
            return -ABI_EFAULT;
        n++;
    }
    return (int64_t)n;
}
