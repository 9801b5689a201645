#include "vmm/root/list.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "vmm/root/console.h"

void list_start(struct list_line *line, const char *heading)
{
    line->used = (size_t)snprintf(line->text, line->columns + 1, "%-*s", (int)line->key, heading);
}

void list_add(struct list_line *line, const char *item)
{
    bool first = line->used <= line->key;

    if (!first && line->used + strlen(item) + 2 * strlen(line->between) + 1 > line->columns) {
        console_line("%s%s", line->text, line->between);
        list_start(line, line->again);
        first = true;
    }
    line->used += (size_t)snprintf(line->text + line->used, sizeof(line->text) - line->used, "%s%s%s",
                                   first ? "" : line->between, first ? "" : " ", item);
    if (line->used > line->columns)
        line->used = line->columns; /* it was cut */
}

void list_add_words(struct list_line *line, const char *words)
{
    char word[LIST_COLUMNS];

    for (; *words; words += strspn(words, " ")) {
        size_t length = strcspn(words, " ");

        snprintf(word, sizeof(word), "%.*s", (int)length, words);
        list_add(line, word);
        words += length;
    }
}
