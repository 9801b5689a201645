/* What is different about a machine. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/passport/profile.h"

/* ---- Words ------------------------------------------------------------------------------------------------ */

/* In the order in which their differences are told; registers count where nothing in them tells the difference. */
enum word_kind { WORD_NAME, WORD_NUMBER, WORD_REGISTER };

struct word {
    enum word_kind kind;
    const char *name; /* EPT, cr3-targets, 48BH */
    int bytes;        /* of it */
    bool must;        /* NAME!: it can only be 1 */
    const char *value; /* of a number or a register */
    int value_bytes;
};

struct words {
    size_t count;
    struct word word[PROFILE_WORDS];
};

/* "48BH", "8000000AH.EDX". */
static bool is_register(const char *name, size_t bytes)
{
    size_t digits = 0;

    while (digits < bytes && (isdigit((unsigned char)name[digits]) || (name[digits] >= 'A' && name[digits] <= 'F')))
        digits++;
    return digits > 0 && digits < bytes && name[digits] == 'H' && (bytes == digits + 1 || name[digits + 1] == '.');
}

static struct word read_word(const char *text, size_t bytes)
{
    const char *equals = memchr(text, '=', bytes);
    struct word word = {.kind = WORD_NAME, .name = text, .bytes = (int)bytes};

    if (equals) {
        word.bytes = (int)(equals - text);
        word.kind = is_register(text, (size_t)word.bytes) ? WORD_REGISTER : WORD_NUMBER;
        word.value = equals + 1;
        word.value_bytes = (int)bytes - word.bytes - 1;
    } else if (bytes > 1 && text[bytes - 1] == '!') {
        word.must = true;
        word.bytes--;
    }
    return word;
}

static int compare_words(const void *left, const void *right)
{
    const struct word *a = left, *b = right;
    int shorter = a->bytes < b->bytes ? a->bytes : b->bytes, order = memcmp(a->name, b->name, (size_t)shorter);

    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return order ? order : (a->bytes > b->bytes) - (a->bytes < b->bytes);
}

static void read_words(const char *text, struct words *words)
{
    words->count = 0;
    for (text += strspn(text, " \t"); *text && words->count < PROFILE_WORDS; text += strspn(text, " \t")) {
        size_t bytes = strcspn(text, " \t");

        words->word[words->count++] = read_word(text, bytes);
        text += bytes;
    }
    qsort(words->word, words->count, sizeof(words->word[0]), compare_words);
}

static const struct word *find_word(const struct words *words, const struct word *word)
{
    return words->count ? bsearch(word, words->word, words->count, sizeof(*word), compare_words) : NULL;
}

/* ---- Telling ---------------------------------------------------------------------------------------------- */

/* The differences of one line: texts with ", " between them. */
struct teller {
    char text[PROFILE_TELLS_BYTES];
    size_t used;
    unsigned texts;
    unsigned blanks; /* how many are in the texts and between them: the measure of a distance */
    bool full;
};

static void put(struct teller *t, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        t->blanks += text[i] == ' ';
    if (t->full || bytes >= sizeof(t->text) - t->used) {
        t->full = true;
        return;
    }
    memcpy(t->text + t->used, text, bytes);
    t->used += bytes;
    t->text[t->used] = 0;
}

static void put_text(struct teller *t, const char *text) { put(t, text, strlen(text)); }

static void begin_text(struct teller *t)
{
    if (t->texts++)
        put_text(t, ", ");
}

static void put_name(struct teller *t, const struct word *word) { put(t, word->name, (size_t)word->bytes); }

/* Names that are here and not there. */
static void tell_missing(struct teller *t, const char *what, const struct words *here, const struct words *there)
{
    bool any = false;

    for (const struct word *word = here->word; word < here->word + here->count && word->kind == WORD_NAME; word++) {
        if (find_word(there, word))
            continue;
        if (!any) {
            begin_text(t);
            put_text(t, what);
        }
        any = true;
        put_text(t, " ");
        put_name(t, word);
    }
}

static void tell_must(struct teller *t, const struct words *mine, const struct words *theirs)
{
    for (const struct word *word = theirs->word; word < theirs->word + theirs->count && word->kind == WORD_NAME; word++) {
        const struct word *own = find_word(mine, word);

        if (!own || own->must == word->must)
            continue;
        begin_text(t);
        put_name(t, word);
        put_text(t, own->must ? " must be 1" : " need not be 1");
    }
}

static void tell_values(struct teller *t, enum word_kind kind, const struct words *mine, const struct words *theirs)
{
    for (const struct word *word = mine->word; word < mine->word + mine->count; word++) {
        const struct word *other = word->kind == kind ? find_word(theirs, word) : NULL;

        if (!other || (word->value_bytes == other->value_bytes &&
                       memcmp(word->value, other->value, (size_t)word->value_bytes) == 0))
            continue;
        begin_text(t);
        put_name(t, word);
        put_text(t, "=");
        put(t, word->value, (size_t)word->value_bytes);
        put_text(t, " instead of ");
        put(t, other->value, (size_t)other->value_bytes);
    }
}

static void tell_register(struct teller *t, const char *my_words, const char *their_words)
{
    struct words mine, theirs;

    if (!my_words) {
        begin_text(t);
        put_text(t, "missing");
        return;
    }
    if (strcmp(my_words, their_words) == 0)
        return;
    read_words(my_words, &mine);
    read_words(their_words, &theirs);
    tell_missing(t, "without", &theirs, &mine);
    tell_missing(t, "also", &mine, &theirs);
    tell_must(t, &mine, &theirs);
    tell_values(t, WORD_NUMBER, &mine, &theirs);
    if (t->texts == 0)
        tell_values(t, WORD_REGISTER, &mine, &theirs);
}

/* Adds "KEY " and what the teller has to the difference, if there is anything and as long as there is room. */
static void add_key(struct profile_difference *d, const char *key, const struct teller *t, unsigned weight)
{
    size_t room = sizeof(d->tells) - d->used;

    if (t->texts == 0)
        return;
    d->distance += weight ? weight : t->blanks;
    d->keys++;
    if (d->left_out || t->full || strlen(key) + t->used + sizeof("; ") + 1 > room)
        d->left_out++;
    else
        d->used += (size_t)snprintf(d->tells + d->used, room, "%s%s %s", d->used ? "; " : "", key, t->text);
}

/* ---- Comparing -------------------------------------------------------------------------------------------- */

/* The lines for people, whose words are one text; the other back end is another world, another CPU only a name. */
static const struct text_key {
    const char *key;
    unsigned weight; /* 0: by its words */
    bool is_last;    /* what follows has nothing in common */
} text_keys[] = {{"CPU", 0, false}, {"Hypervisor", 10, false}, {"Back end", 1000, true}};

enum { TEXT_KEYS = sizeof(text_keys) / sizeof(text_keys[0]) };

static bool is_text_key(const char *key)
{
    for (size_t i = 0; i < TEXT_KEYS; i++)
        if (strcmp(key, text_keys[i].key) == 0)
            return true;
    return false;
}

/* False where the registers need not be looked at. */
static bool compare_text(const struct profile *passport, const struct profile *profile, const struct text_key *text,
                         struct profile_difference *d)
{
    const char *mine = profile_words(passport, text->key), *theirs = profile_words(profile, text->key);
    struct teller t = {.used = 0};

    if (!theirs || (mine && strcmp(mine, theirs) == 0))
        return true;
    begin_text(&t);
    put_text(&t, mine ? mine : "missing");
    if (mine) {
        put_text(&t, " instead of ");
        put_text(&t, theirs);
    }
    add_key(d, text->key, &t, text->weight);
    return !text->is_last;
}

static void compare_registers(const struct profile *passport, const struct profile *profile, struct profile_difference *d)
{
    bool all = profile_words(profile, "Passport");

    for (const struct profile_line *line = profile->line; line < profile->line + profile->lines; line++) {
        struct teller t = {.used = 0};

        if (strcmp(line->key, "Passport") == 0 || is_text_key(line->key))
            continue;
        tell_register(&t, profile_words(passport, line->key), line->words);
        add_key(d, line->key, &t, 0);
    }
    for (const struct profile_line *line = passport->line; all && line < passport->line + passport->lines; line++) {
        struct teller t = {.used = 0};

        if (profile_words(profile, line->key))
            continue;
        begin_text(&t);
        put_text(&t, "also there");
        add_key(d, line->key, &t, 0);
    }
}

void profile_compare(const struct profile *passport, const struct profile *profile, struct profile_difference *difference)
{
    *difference = (struct profile_difference){.distance = 0};
    for (size_t i = 0; i < TEXT_KEYS; i++)
        if (!compare_text(passport, profile, &text_keys[i], difference))
            return;
    compare_registers(passport, profile, difference);
}

/* By the id, the same machine; there is nothing nearer. */
static bool is_same(const struct profile *passport, const struct profile *profile)
{
    const char *mine = profile_words(passport, "Passport"), *theirs = profile_words(profile, "Passport");

    return mine && theirs && strcmp(mine, theirs) == 0;
}

const struct profile *profile_nearest(const struct profile *passport, const struct profile *list, size_t count)
{
    const struct profile *nearest = NULL;
    struct profile_difference d;
    unsigned least = 0;

    for (size_t i = 0; i < count; i++)
        if (is_same(passport, &list[i]))
            return &list[i];
    for (size_t i = 0; i < count; i++) {
        profile_compare(passport, &list[i], &d);
        if (!nearest || d.distance < least) {
            nearest = &list[i];
            least = d.distance;
        }
    }
    return nearest;
}
