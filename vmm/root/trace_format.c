/* The text of a trace record. Pure C. */
#include <inttypes.h>
#include <stdio.h>

#include "vmm/root/trace.h"

size_t trace_format(char text[TRACE_TEXT_BYTES], const struct trace_record *record, const struct trace_record *before)
{
    char who[9] = "", words[36] = "";

    if (!before || before->who != record->who)
        snprintf(who, sizeof(who), "%" PRIx32, record->who);
    if (record->b)
        snprintf(words, sizeof(words), ":%" PRIx64 ":%" PRIx64, record->a, record->b);
    else if (record->a)
        snprintf(words, sizeof(words), ":%" PRIx64, record->a);
    return (size_t)snprintf(text, TRACE_TEXT_BYTES, "%" PRIx64 "%c%s%s", before ? record->tsc - before->tsc : 0,
                            (char)record->kind, who, words);
}
