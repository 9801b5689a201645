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

bool value_read_yes(struct slice value, const struct value_field *field, char why[WHY_BYTES])
{
    bool yes = slice_equal(value, "yes");

    if (!yes && !slice_equal(value, "no"))
        return refuse(value, "is not accepted; expected yes or no", why);
    *(bool *)field->to = yes;
    return true;
}

bool value_read_lab(struct slice value, const struct value_field *field, char why[WHY_BYTES])
{
    static const char *const labs[] = {[LAB_NONE] = "no", [LAB_YES] = "yes", [LAB_FULL] = "full"};

    for (enum vm_lab l = LAB_NONE; l <= LAB_FULL; l++)
        if (slice_equal(value, labs[l])) {
            *(enum vm_lab *)field->to = l;
            return true;
        }
    return refuse(value, "is not accepted; expected yes, no or full", why);
}

bool value_read_restart(struct slice value, const struct value_field *field, char why[WHY_BYTES])
{
    enum { RESTARTS = 3 };
    bool restart = slice_equal(value, "on-failure");

    if (!restart && !slice_equal(value, "never"))
        return refuse(value, "is not accepted; expected never or on-failure", why);
    *(uint64_t *)field->to = restart ? RESTARTS : 0;
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

bool value_read_kind(struct slice value, const struct value_field *field, char why[WHY_BYTES])
{
    static const char *const kinds[GUEST_KINDS] = {[GUEST_NESTOR] = "nestor", [GUEST_FLAT16] = "flat16"};

    for (enum guest_kind k = 0; k < GUEST_KINDS; k++) {
        if (slice_equal(value, kinds[k])) {
            *(enum guest_kind *)field->to = k;
            return true;
        }
    }
    return refuse(value, "is not a kind of guest; expected nestor or flat16", why);
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

bool value_read_hypercall(struct slice value, const struct value_field *field, char why[WHY_BYTES])
{
    bool kill = slice_equal(value, "kill");

    if (!kill && !slice_equal(value, "error"))
        return refuse(value, "is not accepted; expected error or kill", why);
    *(bool *)field->to = kill;
    return true;
}

bool value_read_screen(struct slice value, const struct value_field *field, char why[WHY_BYTES])
{
    static const char *const names[] = {
        [CONFIG_SCREEN_LOG] = "log", [CONFIG_SCREEN_TABLE] = "table", [CONFIG_SCREEN_LIVE] = "live"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (slice_equal(value, names[i])) {
            *(enum config_screen *)field->to = i;
            return true;
        }
    return refuse(value, "is not accepted; expected live, table or log", why);
}

bool value_read_passport(struct slice value, const struct value_field *field, char why[WHY_BYTES])
{
    bool full = slice_equal(value, "full");

    if (!full && !slice_equal(value, "short"))
        return refuse(value, "is not accepted; expected short or full", why);
    *(bool *)field->to = full;
    return true;
}
