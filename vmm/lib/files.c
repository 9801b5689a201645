#include "vmm/lib/files.h"

#include <string.h>

char *files_trim(char *text)
{
    char *end;

    text += strspn(text, " \t\r");
    end = text + strlen(text);
    while (end > text && strchr(" \t\r", end[-1]))
        *--end = 0;
    return text;
}

static enum files_item bad_line(struct files *files, char *after, const char *what)
{
    files->at = after;
    files->bad = what;
    return FILES_BAD;
}

/* "[file NAME]": the lines behind it are NAME's. */
static enum files_item begin_file(struct files *files, char *line, char **name)
{
    line[strlen(line) - 1] = 0;
    *name = files_trim(line + strlen("[file "));
    files->file = *name;
    files->line = 0;
    return FILES_NAME;
}

enum files_item files_next(struct files *files, char **line)
{
    while (files->at < files->end) {
        char *text = files->at, *newline = memchr(text, '\n', (size_t)(files->end - text));

        files->line++;
        if (!newline)
            return bad_line(files, files->end, "the last line does not end");
        *newline = 0;
        if (strlen(text) != (size_t)(newline - text))
            return bad_line(files, newline + 1, "the line holds a 0 byte; expected text");
        files->at = newline + 1;
        *line = files_trim(text);
        if (strncmp(*line, "[file ", 6) == 0 && (*line)[strlen(*line) - 1] == ']')
            return begin_file(files, *line, line);
        if (**line && **line != '#')
            return FILES_LINE;
    }
    return FILES_END;
}
