#include "guests/lib/common/console.h"
#include "guests/lib/common/format.h"
#include "guests/lib/common/hypercall.h"

void console_print(const char *format, ...)
{
    char text[192];
    va_list args;

    va_start(args, format);
    size_t bytes = format_text(text, sizeof text, format, args);
    va_end(args);
    hypercall(HC_CONSOLE, (unsigned long)text, bytes, 0);
}
