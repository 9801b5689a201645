#include "vmm/root/difference.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/lib/args.h"
#include "vmm/lib/glob.h"

enum key { KEY_PLATFORM, KEY_ID, KEY_SEEN, KEY_MANUAL, KEY_WHY, KEY_RUN, KEYS, KEYS_NEEDED = KEY_RUN };

static const char *const key_names[KEYS] = {"platform", "id", "seen", "manual", "why", "run"};

/* What is read: the file, and the section that it is in. */
struct reader {
    const char *file, *platform;
    unsigned line, section_line; /* 0: in no section */
    char *value[KEYS];
    char *why;
};

/* An id, as it is listed. Each result is held against all of them: most are told apart by the last character that is as it
 * stands, as they begin alike. */
struct pattern {
    const char *text;
    size_t literal;    /* characters before the first * or ? */
    size_t difference; /* in the list */
};

static struct difference *list;
static struct pattern *patterns;
static size_t count, pattern_count;
static char not_run[ARGS_NOT_RUN_BYTES];
static size_t not_run_used;

static bool complain(const struct reader *r, unsigned line, const char *what, const char *word)
{
    snprintf(r->why, DIFFERENCE_WHY_BYTES, "%.40s:%u: %s%.60s", r->file, line, what, word);
    return false;
}

/* Whether text occurs in `in`, be letters small or capital. */
static bool occurs(const char *text, size_t bytes, const char *in)
{
    for (; strlen(in) >= bytes; in++) {
        size_t same = 0;

        while (same < bytes && tolower((unsigned char)text[same]) == tolower((unsigned char)in[same]))
            same++;
        if (same == bytes)
            return true;
        if (*in == 0)
            break;
    }
    return false;
}

static bool platform_fits(const char *words, const char *platform)
{
    while (*words) {
        size_t bytes = strcspn(words, " \t");

        if (bytes && !occurs(words, bytes, platform))
            return false;
        words += bytes + strspn(words + bytes, " \t");
    }
    return true;
}

/* One more pattern, and the empty one behind it. */
static bool keep_from_running(const char *id)
{
    size_t bytes = strlen(id) + 1;

    if (not_run_used + bytes + 1 > sizeof(not_run))
        return false;
    memcpy(not_run + not_run_used, id, bytes);
    not_run_used += bytes;
    not_run[not_run_used] = 0;
    return true;
}

static bool keep_pattern(char *text)
{
    struct pattern *grown = realloc(patterns, (pattern_count + 1) * sizeof(*patterns));

    if (!grown)
        return false;
    patterns = grown;
    patterns[pattern_count++] = (struct pattern){text, strcspn(text, "*?"), count};
    return true;
}

/* Keeps a difference of this platform. Its ids are the words of a value. */
static bool keep(struct reader *r)
{
    struct difference *grown = realloc(list, (count + 1) * sizeof(*list));
    bool runs = !r->value[KEY_RUN];

    if (!grown)
        return complain(r, r->section_line, "no memory for this difference", "");
    list = grown;
    list[count] = (struct difference){r->value[KEY_SEEN], runs, r->section_line};
    for (char *id = strtok(r->value[KEY_ID], " \t"); id; id = strtok(NULL, " \t")) {
        if (!keep_pattern(id))
            return complain(r, r->section_line, "no memory for the id ", id);
        if (!runs && !keep_from_running(id))
            return complain(r, r->section_line, "too many tests with `run = no`: no room for ", id);
    }
    count++;
    return true;
}

static bool finish_section(struct reader *r)
{
    if (r->section_line == 0)
        return true;
    for (enum key k = 0; k < KEYS_NEEDED; k++)
        if (!r->value[k] || !r->value[k][0])
            return complain(r, r->section_line, "this [difference] does not say its ", key_names[k]);
    if (r->value[KEY_RUN] && strcmp(r->value[KEY_RUN], "no") != 0)
        return complain(r, r->section_line, "`run` is `no` or not there, it is not ", r->value[KEY_RUN]);
    if (platform_fits(r->value[KEY_PLATFORM], r->platform) && !keep(r))
        return false;
    r->section_line = 0;
    memset(r->value, 0, sizeof(r->value));
    return true;
}

/* Takes the blanks off both ends, in place. */
static char *trim(char *text)
{
    char *end;

    text += strspn(text, " \t\r");
    end = text + strlen(text);
    while (end > text && strchr(" \t\r", end[-1]))
        *--end = 0;
    return text;
}

static bool read_header(struct reader *r, char *line)
{
    char *end = line + strlen(line) - 1;

    if (!finish_section(r))
        return false;
    if (strcmp(line, "[difference]") == 0) {
        r->section_line = r->line;
        return true;
    }
    if (strncmp(line, "[file ", 6) != 0 || *end != ']')
        return complain(r, r->line, "expected [difference], not ", line);
    *end = 0;
    r->file = trim(line + 6);
    r->line = 0;
    return true;
}

static bool read_value(struct reader *r, char *line)
{
    char *equals = strchr(line, '=');

    if (!equals)
        return complain(r, r->line, "expected `key = value`, not ", line);
    if (r->section_line == 0)
        return complain(r, r->line, "this stands before any [difference]: ", line);
    *equals = 0;
    for (enum key k = 0; k < KEYS; k++) {
        if (strcmp(trim(line), key_names[k]) != 0)
            continue;
        if (r->value[k])
            return complain(r, r->line, "a second ", key_names[k]);
        r->value[k] = trim(equals + 1);
        return true;
    }
    return complain(r, r->line, "expected platform, id, seen, manual, why or run, not ", trim(line));
}

static bool read_line(struct reader *r, char *line)
{
    r->line++;
    line = trim(line);
    if (line[0] == 0 || line[0] == '#')
        return true;
    return line[0] == '[' ? read_header(r, line) : read_value(r, line);
}

bool difference_read(const char *file, char *text, size_t bytes, const char *platform, char why[DIFFERENCE_WHY_BYTES])
{
    struct reader r = {.file = file, .platform = platform, .why = why};
    char *at = text, *end = text + bytes;

    count = pattern_count = not_run_used = 0;
    not_run[0] = 0;
    while (at < end) {
        char *newline = memchr(at, '\n', (size_t)(end - at));

        if (!newline)
            return complain(&r, r.line + 1, "the last line does not end", "");
        *newline = 0;
        if (strlen(at) != (size_t)(newline - at))
            return complain(&r, r.line + 1, "the line holds a 0 byte; expected text", "");
        if (!read_line(&r, at))
            return false;
        at = newline + 1;
    }
    return finish_section(&r);
}

static bool matches(const struct pattern *p, const char *id, size_t id_bytes)
{
    size_t n = p->literal;

    return (n == 0 || (n <= id_bytes && id[n - 1] == p->text[n - 1])) && glob_matches(p->text, id, id_bytes);
}

const struct difference *difference_find(const char *id, size_t id_bytes)
{
    for (const struct pattern *p = patterns; p < patterns + pattern_count; p++)
        if (matches(p, id, id_bytes))
            return &list[p->difference];
    return NULL;
}

size_t difference_count(void) { return count; }

const char *difference_not_run(void) { return not_run; }
