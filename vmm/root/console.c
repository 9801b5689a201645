/* The root task's printing. */
#include "vmm/root/console.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vmm/lib/syscall.h"
#include "vmm/lib/task.h"

void task_print(const char *text, size_t bytes) { sys_console_write(text, bytes); }

void console_line(const char *format, ...)
{
    char text[CONSOLE_LINE + 2];
    va_list list;
    int used;

    va_start(list, format);
    used = vsnprintf(text, sizeof(text) - 1, format, list);
    va_end(list);
    if (used < 0)
        return;
    used = used < CONSOLE_LINE ? used : CONSOLE_LINE;
    text[used++] = '\n';
    task_print(text, (size_t)used);
}
