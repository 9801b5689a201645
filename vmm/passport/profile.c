#include "vmm/passport/profile.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/lib/files.h"

const char *profile_words(const struct profile *profile, const char *key)
{
    for (size_t i = 0; i < profile->lines; i++)
        if (strcmp(profile->line[i].key, key) == 0)
            return profile->line[i].words;
    return NULL;
}

void profile_add(struct profile *passport, const char *key, const char *words)
{
    if (passport->lines < PROFILE_LINES)
        passport->line[passport->lines++] = (struct profile_line){key, words};
}

/* ---- Reading ---------------------------------------------------------------------------------------------- */

struct reader {
    struct files files;
    profile_complaint *complain;
    struct profile *list;
    size_t count;
    struct profile now; /* the one that is being read */
    bool bad;           /* and will be left out */
};

static void complain(struct reader *r, const char *what, const char *word)
{
    char why[PROFILE_WHY_BYTES];

    snprintf(why, sizeof(why), "%.40s:%u: %s%.80s", r->files.file, r->files.line, what, word);
    r->complain(why);
    r->bad = true;
}

static bool is_key(const char *text, size_t bytes)
{
    bool good = bytes > 0 && isalpha((unsigned char)*text);

    for (size_t i = 1; i < bytes; i++)
        good = good && (isalnum((unsigned char)text[i]) || text[i] == '_' || text[i] == ' ');
    return good;
}

static bool is_plain(const char *text)
{
    while (isprint((unsigned char)*text) || *text == '\t')
        text++;
    return *text == 0;
}

static size_t count_words(const char *text)
{
    size_t n = 0;

    for (text += strspn(text, " \t"); *text; text += strspn(text, " \t"), n++)
        text += strcspn(text, " \t");
    return n;
}

static void read_value(struct reader *r, char *key, char *words)
{
    if (profile_words(&r->now, key))
        complain(r, "a second ", key);
    else if (r->now.lines == PROFILE_LINES)
        complain(r, "a passport has not so many lines: ", key);
    else if (count_words(words) > PROFILE_WORDS)
        complain(r, "too many words: ", key);
    else
        profile_add(&r->now, key, words);
}

/* "key = words". */
static void read_line(struct reader *r, char *line)
{
    char *equals = strchr(line, '=');
    size_t bytes = equals ? (size_t)(equals - line) : 0;

    while (bytes > 0 && strchr(" \t", line[bytes - 1]))
        bytes--;
    if (!is_plain(line)) {
        complain(r, "this line holds what is no text", "");
    } else if (!is_key(line, bytes)) {
        complain(r, "expected `key = words`, not ", line);
    } else {
        line[bytes] = 0;
        read_value(r, line, files_trim(equals + 1));
    }
}

/* The one that was read is whole. */
static void finish(struct reader *r)
{
    struct profile *grown = NULL;

    if (!r->bad && r->now.lines > 0 && !(grown = realloc(r->list, (r->count + 1) * sizeof(*grown))))
        complain(r, "no memory for the profile before this", "");
    if (grown) {
        r->list = grown;
        r->list[r->count++] = r->now;
    }
}

static void begin(struct reader *r)
{
    const char *name = r->files.file, *suffix = strstr(name, ".conf");

    r->now = (struct profile){.name = name, .name_bytes = suffix && !suffix[5] ? (size_t)(suffix - name) : strlen(name)};
    r->bad = false;
}

size_t profile_read(const char *file, char *text, size_t bytes, struct profile **list, profile_complaint *say)
{
    struct reader r = {.files = {.at = text, .end = text + bytes, .file = file}, .complain = say};
    enum files_item item;
    char *line;

    begin(&r);
    while ((item = files_next(&r.files, &line)) != FILES_END) {
        if (item == FILES_BAD) {
            complain(&r, r.files.bad, "");
        } else if (item == FILES_LINE) {
            read_line(&r, line);
        } else {
            finish(&r);
            begin(&r);
        }
    }
    finish(&r);
    *list = r.list;
    return r.count;
}

const struct profile *profile_find(const struct profile *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(name) == list[i].name_bytes && memcmp(name, list[i].name, list[i].name_bytes) == 0)
            return &list[i];
    return NULL;
}
