#include "vmm/root/difference.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/lib/args.h"
#include "vmm/lib/files.h"
#include "vmm/lib/glob.h"

enum key { KEY_PLATFORM, KEY_ID, KEY_SEEN, KEY_MANUAL, KEY_WHY, KEY_RUN, KEYS, KEYS_NEEDED = KEY_RUN };

static const char *const key_names[KEYS] = {"platform", "id", "seen", "manual", "why", "run"};

/* What is read: the file, and the section that it is in. */
struct reader {
    struct files files;
    const char *file, *platform;
    unsigned section_line; /* 0: in no section */
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

static bool read_value(struct reader *r, char *line)
{
    char *equals = strchr(line, '=');

    if (!equals)
        return complain(r, r->files.line, "expected `key = value`, not ", line);
    if (r->section_line == 0)
        return complain(r, r->files.line, "this stands before any [difference]: ", line);
    *equals = 0;
    for (enum key k = 0; k < KEYS; k++) {
        if (strcmp(files_trim(line), key_names[k]) != 0)
            continue;
        if (r->value[k])
            return complain(r, r->files.line, "a second ", key_names[k]);
        r->value[k] = files_trim(equals + 1);
        return true;
    }
    return complain(r, r->files.line, "expected platform, id, seen, manual, why or run, not ", files_trim(line));
}

static bool read_line(struct reader *r, char *line)
{
    if (line[0] != '[')
        return read_value(r, line);
    if (!finish_section(r))
        return false;
    if (strcmp(line, "[difference]") != 0)
        return complain(r, r->files.line, "expected [difference], not ", line);
    r->section_line = r->files.line;
    return true;
}

/* What the section before it lacks is told with the name of its own file. */
static bool begin_file(struct reader *r)
{
    bool whole = finish_section(r);

    r->file = r->files.file;
    return whole;
}

bool difference_read(const char *file, char *text, size_t bytes, const char *platform, char why[DIFFERENCE_WHY_BYTES])
{
    struct reader r = {.files = {.at = text, .end = text + bytes, .file = file}, .file = file, .platform = platform, .why = why};
    bool good = true;
    char *line;

    count = pattern_count = not_run_used = 0;
    not_run[0] = 0;
    while (good) {
        switch (files_next(&r.files, &line)) {
        case FILES_END:
            return finish_section(&r);
        case FILES_NAME:
            good = begin_file(&r);
            break;
        case FILES_LINE:
            good = read_line(&r, line);
            break;
        case FILES_BAD:
            good = complain(&r, r.files.line, r.files.bad, "");
            break;
        }
    }
    return false;
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
