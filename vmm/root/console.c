/* The root task's printing. */
#include "vmm/root/console.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vmm/lib/syscall.h"
#include "vmm/lib/task.h"

void task_print(const char *text, size_t bytes) { sys_console_write(text, bytes); }

/* One line and its '\n'; -> its bytes. */
static size_t format_line(char text[CONSOLE_LINE + 2], const char *format, va_list list)
{
    int used = vsnprintf(text, CONSOLE_LINE + 1, format, list);

    if (used < 0)
        return 0;
    used = used < CONSOLE_LINE ? used : CONSOLE_LINE;
    text[used++] = '\n';
    return (size_t)used;
}

void console_line(const char *format, ...)
{
    char text[CONSOLE_LINE + 2];
    va_list list;

    va_start(list, format);
    task_print(text, format_line(text, format, list));
    va_end(list);
}

void console_serial_line(const char *format, ...)
{
    char text[CONSOLE_LINE + 2];
    va_list list;

    va_start(list, format);
    sys_serial_write(text, format_line(text, format, list));
    va_end(list);
}
