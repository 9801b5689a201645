/* The words for how a guest can end. */
#include "vmm/lib/end.h"

#include <stdio.h>
#include <string.h>

static const char *const end_words[END_KINDS] = {
    [END_NONE] = "none",           [END_EXIT] = "exit",
    [END_HALT] = "halt",           [END_TRIPLE_FAULT] = "triple-fault",
    [END_HOLE] = "hole",           [END_READ_ONLY] = "read-only",
    [END_BAD_HYPERCALL] = "bad-hypercall",
    [END_BAD_IMAGE] = "bad-image", [END_BAD_STATE] = "bad-state",
    [END_MONITOR_FAULT] = "monitor-fault",
    [END_NO_MEMORY] = "no-memory", [END_ENTRY_FAILURE] = "entry-failure",
    [END_UNHANDLED] = "unhandled", [END_RUNNING] = "running",
};

const char *end_word(enum end_kind kind) { return end_words[kind]; }

void end_format(const struct end *end, char text[END_TEXT_BYTES])
{
    if (end->kind == END_EXIT)
        snprintf(text, END_TEXT_BYTES, "exit %d", (int)end->status);
    else
        snprintf(text, END_TEXT_BYTES, "%s", end_words[end->kind]);
}

/* A decimal int32_t that is all of the text. */
static bool status_parse(const char *text, size_t bytes, int32_t *status)
{
    bool negative = bytes > 0 && text[0] == '-';
    int64_t value = 0;
    size_t i = negative ? 1 : 0;

    if (i == bytes)
        return false;
    for (; i < bytes; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (text[i] - '0');
        if (value > (int64_t)INT32_MAX + 1)
            return false;
    }
    if (negative)
        value = -value;
    if (value > INT32_MAX)
        return false;
    *status = (int32_t)value;
    return true;
}

bool end_parse(const char *text, size_t bytes, struct end *end)
{
    const size_t word = strlen("exit ");
    int32_t status;

    if (bytes > word && memcmp(text, "exit ", word) == 0) {
        if (!status_parse(text + word, bytes - word, &status))
            return false;
        *end = (struct end){END_EXIT, status};
        return true;
    }
    for (enum end_kind k = END_HALT; k < END_KINDS; k++) {
        if (bytes == strlen(end_words[k]) && memcmp(text, end_words[k], bytes) == 0) {
            *end = (struct end){k, 0};
            return true;
        }
    }
    return false;
}
