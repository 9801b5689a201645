#include "guests/lib/common/args.h"
#include "guests/lib/common/hypercall.h"

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

int args_split(char *text, char *argv[ARGS_MAX])
{
    static char guest[] = "guest";
    int argc = 0;

    argv[argc++] = guest;
    while (argc < ARGS_MAX - 1) {
        while (is_blank(*text))
            text++;
        if (!*text)
            break;
        argv[argc++] = text;
        while (*text && !is_blank(*text))
            text++;
        if (*text)
            *text++ = 0;
    }
    argv[argc] = 0;
    return argc;
}

int args_fetch(char *argv[ARGS_MAX])
{
    static char text[COMMAND_LINE_BYTES];

    if (hypercall(HC_ARGS, (unsigned long)text, sizeof text, 0) < 0)
        text[0] = 0;
    return args_split(text, argv);
}

unsigned args_number(int argc, char **argv, int i, unsigned otherwise)
{
    unsigned value = 0;

    if (i >= argc)
        return otherwise;
    for (const char *s = argv[i]; *s; s++) {
        if (*s < '0' || *s > '9')
            return otherwise;
        value = value * 10 + (unsigned)(*s - '0');
    }
    return value;
}
