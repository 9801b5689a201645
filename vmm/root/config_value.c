/* The kinds of value in a machine description. */
#include "vmm/root/config_value.h"

#include <stdio.h>
#include <string.h>

#include "vmm/lib/args.h"
#include "vmm/lib/end.h"
#include "vmm/root/config.h"

bool slice_equal(struct slice slice, const char *word)
{
    return slice.bytes == strlen(word) && memcmp(slice.text, word, slice.bytes) == 0;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

struct slice slice_trim(struct slice slice)
{
    while (slice.bytes > 0 && is_blank(slice.text[slice.bytes - 1]))
        slice.bytes--;
    while (slice.bytes > 0 && is_blank(slice.text[0])) {
        slice.text++;
        slice.bytes--;
    }
    return slice;
}

const char *slice_quote(struct slice slice, char text[QUOTE_BYTES])
{
    const size_t last = QUOTE_BYTES - sizeof("\\xNN...");
    size_t used = 0;

    for (size_t i = 0; i < slice.bytes; i++) {
        unsigned char c = (unsigned char)slice.text[i];

        if (used > last) {
            strcpy(text + used, "...");
            return text;
        }
        if (c >= ' ' && c < 0x7f)
            text[used++] = (char)c;
        else
            used += (size_t)snprintf(text + used, QUOTE_BYTES - used, "\\x%02X", c);
    }
    text[used] = 0;
    return text;
}

static bool refuse(struct slice value, const char *what, char why[WHY_BYTES])
{
    char quote[QUOTE_BYTES];

    snprintf(why, WHY_BYTES, "`%s` %s", slice_quote(value, quote), what);
    return false;
}

/* The decimal number at the start of the slice, and how many digits it has; false if it has none or is too large. */
static bool number_parse(struct slice slice, uint64_t *number, size_t *digits)
{
    size_t i = 0;
    uint64_t n = 0;

    for (; i < slice.bytes && slice.text[i] >= '0' && slice.text[i] <= '9'; i++) {
        if (n > (UINT64_MAX - 9) / 10)
            return false;
        n = n * 10 + (uint64_t)(slice.text[i] - '0');
    }
    *number = n;
    *digits = i;
    return i > 0;
}

bool value_read_number(struct slice value, const struct value_field *field, char why[WHY_BYTES])
{
    char what[96];
    uint64_t n;
    size_t digits;

    if (!number_parse(value, &n, &digits) || digits != value.bytes || n < field->low || n > field->high) {
        snprintf(what, sizeof(what), "is not accepted; expected a number from %llu to %llu",
                 (unsigned long long)field->low, (unsigned long long)field->high);
        return refuse(value, what, why);
    }
    *(uint64_t *)field->to = n;
    return true;
}

/* A size as bytes, without limits. */
static bool size_parse(struct slice value, uint64_t *bytes)
{
    static const char units[] = "KMG";
    const char *unit;
    uint64_t n;
    size_t digits;
    unsigned shift;

    if (!number_parse(value, &n, &digits) || value.bytes != digits + 1)
        return false;
    unit = memchr(units, value.text[digits], strlen(units));
    if (!unit)
        return false;
    shift = 10 * (unsigned)(unit - units + 1);
    if (n > UINT64_MAX >> shift)
        return false;
    *bytes = n << shift;
    return *bytes % 4096 == 0;
}

bool value_read_size(struct slice value, const struct value_field *field, char why[WHY_BYTES])
{
    char what[96];
    uint64_t bytes;

    if (!size_parse(value, &bytes))
        return refuse(value, "is not a size; expected a number with K, M or G, a multiple of 4K", why);
    if (bytes < field->low || bytes > field->high) {
        snprintf(what, sizeof(what), "is out of range; expected a size from %lluK to %lluM",
                 (unsigned long long)field->low >> 10, (unsigned long long)field->high >> 20);
        return refuse(value, what, why);
    }
    *(uint64_t *)field->to = bytes;
    return true;
}

bool value_read_pages(struct slice value, const struct value_field *field, char why[WHY_BYTES])
{
    char what[112];
    uint64_t pages, bytes;
    size_t digits;

    if (size_parse(value, &bytes)) {
        pages = bytes / 4096;
    } else if (!number_parse(value, &pages, &digits) || digits != value.bytes) {
        return refuse(value, "is no amount of memory; expected a number of pages, or a size with K, M or G", why);
    }
    if (pages < field->low || pages > field->high) {
        snprintf(what, sizeof(what), "is %llu pages; expected from %llu to %llu", (unsigned long long)pages,
                 (unsigned long long)field->low, (unsigned long long)field->high);
        return refuse(value, what, why);
    }
    *(uint64_t *)field->to = pages;
    return true;
}

bool value_read_text(struct slice value, const struct value_field *field, char why[WHY_BYTES])
{
    char what[64];

    if (value.bytes >= field->room) {
        snprintf(what, sizeof(what), "is %zu bytes long; expected at most %zu", value.bytes, field->room - 1);
        return refuse(value, what, why);
    }
    memcpy(field->to, value.text, value.bytes);
    ((char *)field->to)[value.bytes] = 0;
    return true;
}

/* The character that a backslash and `c` stand for, 0 if none. */
static char escape_meaning(char c)
{
    static const char from[] = "nt\\", to[] = "\n\t\\";
    const char *found = memchr(from, c, strlen(from));

    return found ? to[found - from] : 0;
}

bool value_read_output(struct slice value, const struct value_field *field, char why[WHY_BYTES])
{
    char *to = field->to;
    size_t used = 0;

    for (size_t i = 0; i < value.bytes; i++) {
        char c = value.text[i];

        if (c == '\\') {
            c = i + 1 < value.bytes ? escape_meaning(value.text[++i]) : 0;
            if (c == 0)
                return refuse(value, "has an unknown escape; expected \\n, \\t or \\\\", why);
        }
        if (used + 1 >= field->room)
            return refuse(value, "is too long; expected at most 511 bytes", why);
        to[used++] = c;
    }
    to[used] = 0;
    return true;
}

bool value_read_end(struct slice value, const struct value_field *field, char why[WHY_BYTES])
{
    size_t used = 0;
    char what[WHY_BYTES - QUOTE_BYTES];

    if (end_parse(value.text, value.bytes, field->to))
        return true;
    used = (size_t)snprintf(what, sizeof(what), "is not an end; expected exit N");
    for (enum end_kind k = END_HALT; k < END_KINDS && used < sizeof(what); k++)
        used += (size_t)snprintf(what + used, sizeof(what) - used, ", %s", end_word(k));
    return refuse(value, what, why);
}

/* ---- One word out of a few ---------------------------------------------------------------------------------- */

/* A list of them ends with one that is NULL. */
struct word {
    const char *word;
    unsigned value;
};

static bool read_word(struct slice value, const struct word *words, unsigned *to, char why[WHY_BYTES])
{
    char what[WHY_BYTES - QUOTE_BYTES];
    size_t used = (size_t)snprintf(what, sizeof(what), "is not accepted; expected");

    for (const struct word *w = words; w->word && used < sizeof(what); w++) {
        if (slice_equal(value, w->word)) {
            *to = w->value;
            return true;
        }
        used += (size_t)snprintf(what + used, sizeof(what) - used, "%s %s", w == words ? "" : w[1].word ? "," : " or",
                                 w->word);
    }
    return refuse(value, what, why);
}

static bool read_bool(struct slice value, const struct word *words, bool *to, char why[WHY_BYTES])
{
    unsigned n;

    if (!read_word(value, words, &n, why))
        return false;
    *to = n;
    return true;
}

bool value_read_yes(struct slice value, const struct value_field *field, char why[WHY_BYTES])
{
    static const struct word words[] = {{"yes", true}, {"no", false}, {NULL, 0}};

    return read_bool(value, words, field->to, why);
}

bool value_read_hypercall(struct slice value, const struct value_field *field, char why[WHY_BYTES])
{
    static const struct word words[] = {{"error", false}, {"kill", true}, {NULL, 0}};

    return read_bool(value, words, field->to, why);
}

bool value_read_passport(struct slice value, const struct value_field *field, char why[WHY_BYTES])
{
    static const struct word words[] = {{"short", false}, {"full", true}, {NULL, 0}};

    return read_bool(value, words, field->to, why);
}

bool value_read_restart(struct slice value, const struct value_field *field, char why[WHY_BYTES])
{
    enum { RESTARTS = 3 };
    static const struct word words[] = {{"never", 0}, {"on-failure", RESTARTS}, {NULL, 0}};
    unsigned restarts;

    if (!read_word(value, words, &restarts, why))
        return false;
    *(uint64_t *)field->to = restarts;
    return true;
}

/* To the compiler an enum without negative values is an unsigned. */

bool value_read_lab(struct slice value, const struct value_field *field, char why[WHY_BYTES])
{
    static const struct word words[] = {{"yes", LAB_YES}, {"no", LAB_NONE}, {"full", LAB_FULL}, {NULL, 0}};

    return read_word(value, words, field->to, why);
}

bool value_read_kind(struct slice value, const struct value_field *field, char why[WHY_BYTES])
{
    static const struct word words[] = {{"nestor", GUEST_NESTOR}, {"flat16", GUEST_FLAT16}, {NULL, 0}};

    return read_word(value, words, field->to, why);
}

bool value_read_screen(struct slice value, const struct value_field *field, char why[WHY_BYTES])
{
    static const struct word words[] = {
        {"live", CONFIG_SCREEN_LIVE}, {"table", CONFIG_SCREEN_TABLE}, {"log", CONFIG_SCREEN_LOG}, {NULL, 0}};

    return read_word(value, words, field->to, why);
}
