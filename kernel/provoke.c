#include "kernel/provoke.h"

#include "kernel/cpu/panic.h"
#include "kernel/machine.h"
#include "lib/print.h"
#include "lib/string.h"

extern char kernel_text_start[], kernel_rodata_end[];

static void provoke_panic(void) { panic("provoked, with number %d", 42); }

static void provoke_undefined(void) { __asm__ volatile("ud2"); }

static void provoke_write_to_text(void) { *(volatile char *)kernel_text_start = 0; }

static void provoke_execute_data(void)
{
    void (*data)(void) = (void (*)(void))(unsigned long)kernel_rodata_end;

    data();
}

/* Walks off the end of the kernel stack into its guard page. Not a tail call: the compiler must keep the frames. */
__attribute__((noinline, optimize("no-optimize-sibling-calls"))) static int provoke_stack_overflow_by(volatile int depth)
{
    volatile char frame[512];

    frame[0] = (char)depth;
    return depth < 0 ? 0 : provoke_stack_overflow_by(depth + 1) + frame[0];
}

static void provoke_stack_overflow(void) { provoke_stack_overflow_by(0); }

enum provoked_cpu provoked_cpu;

static void provoke_silent_cpu(void) { provoked_cpu = PROVOKED_SILENT; }

static void provoke_late_cpu(void) { provoked_cpu = PROVOKED_LATE; }

static const struct {
    const char *name;
    void (*act)(void);
} rows[] = {
    {"panic", provoke_panic},
    {"undefined", provoke_undefined},
    {"write-to-text", provoke_write_to_text},
    {"execute-data", provoke_execute_data},
    {"stack-overflow", provoke_stack_overflow},
    {"silent-cpu", provoke_silent_cpu},
    {"late-cpu", provoke_late_cpu},
};

void provoke(void)
{
    char name[24];

    if (!boot_option(&machine_boot, "provoke", name, sizeof name))
        return;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, name) == 0) {
            rows[i].act();
            return;
        }
    print("Nestor: provoke=%s on the command line: expected one of", name);
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        print(" %s", rows[i].name);
    print("\n");
}
