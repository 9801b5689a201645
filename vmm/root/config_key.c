/* The keys of a machine description: one table a section. A key stands here and in docs/config.md, nowhere else. */
#include <string.h>

#include "vmm/root/config_parser.h"

/* A key: where its value goes in struct config or struct vm_config, and what is accepted. */
struct key {
    const char *name;
    value_reader *read;
    size_t offset, room;
    uint64_t low, high;
};

/* Keys without a reader may be repeated, and are for config_channel.c. */
#define CHANNEL(type) NULL, 0, 0, type, type

#define FIELD(type, member) offsetof(type, member), sizeof(((type *)0)->member)

static const struct key machine_keys[] = {
    {"name", value_read_text, FIELD(struct config, name), 0, 0},
    {"timeout", value_read_number, FIELD(struct config, timeout_s), 1, 86400},
    {"migrate", value_read_number, FIELD(struct config, migrate), 0, 1000000},
    {"pause", value_read_number, FIELD(struct config, pause), 0, 1000000},
    {"trace", value_read_yes, FIELD(struct config, trace), 0, 0},
    {"counters", value_read_yes, FIELD(struct config, counters), 0, 0},
    {"screen", value_read_screen, FIELD(struct config, screen), 0, 0},
    {"passport", value_read_passport, FIELD(struct config, passport_full), 0, 0},
    {"profile", value_read_text, FIELD(struct config, profile), 0, 0},
    {"queue", CHANNEL(CHANNEL_QUEUE)},
    {"ring", CHANNEL(CHANNEL_RING)},
};

static const struct key vm_keys[] = {
    [KEY_IMAGE] = {"image", value_read_text, FIELD(struct vm_config, image), 0, 0},
    [KEY_QUOTA] = {"quota", value_read_pages, FIELD(struct vm_config, quota_pages), 16, 1ull << 24},
    [KEY_PIN] = {"pin", value_read_number, FIELD(struct vm_config, pin), 0, MAX_PCPUS - 1},
    [KEY_OUTPUT] = {"output", value_read_output, FIELD(struct vm_config, output), 0, 0},
    [KEY_STATE] = {"state", value_read_text, FIELD(struct vm_config, state), 0, 0},
    {"save", value_read_number, FIELD(struct vm_config, save_ms), 1, 86400000},
    {"after", value_read_text, FIELD(struct vm_config, after), 0, 0},
    {"repeat", value_read_number, FIELD(struct vm_config, repeat), 1, 1000000},
    {"restart", value_read_restart, FIELD(struct vm_config, restarts), 0, 0},
    {"expect", value_read_end, FIELD(struct vm_config, expect), 0, 0},
    {"background", value_read_yes, FIELD(struct vm_config, background), 0, 0},
    {"kind", value_read_kind, FIELD(struct vm_config, kind), 0, 0},
    {"memory", value_read_size, FIELD(struct vm_config, memory_bytes), 4096, 1ull << 35},
    {"large-pages", value_read_yes, FIELD(struct vm_config, large_pages), 0, 0},
    {"vcpus", value_read_number, FIELD(struct vm_config, vcpus), 1, MAX_VCPUS_PER_VM},
    {"timeslice", value_read_number, FIELD(struct vm_config, timeslice_us), 10, 1000000},
    {"args", value_read_text, FIELD(struct vm_config, args), 0, 0},
    {"console", value_read_yes, FIELD(struct vm_config, console), 0, 0},
    {"lab", value_read_lab, FIELD(struct vm_config, lab), 0, 0},
    {"bad-hypercall", value_read_hypercall, FIELD(struct vm_config, bad_hypercall_kills), 0, 0},
};

struct key_table {
    const struct key *keys;
    size_t count;
    const char *section; /* as in messages */
};

static const struct key_table key_tables[] = {
    [SECTION_MACHINE] = {machine_keys, sizeof(machine_keys) / sizeof(machine_keys[0]), "[machine]"},
    [SECTION_VM] = {vm_keys, sizeof(vm_keys) / sizeof(vm_keys[0]), "[vm NAME]"},
};

static const struct key *key_find(const struct key_table *table, struct slice name)
{
    for (size_t i = 0; i < table->count; i++)
        if (slice_equal(name, table->keys[i].name))
            return &table->keys[i];
    return NULL;
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;

    return m < c ? m : c;
}

/* How many letters must be put in, taken out or changed to make `b` of `a` (Levenshtein's distance). */
static size_t edit_distance(struct slice a, const char *b)
{
    enum { LONGEST = 24 };
    size_t row[LONGEST + 1], length = strlen(b);

    if (a.bytes > LONGEST || length > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 0; i < a.bytes; i++) {
        size_t diagonal = row[0];

        row[0] = i + 1;
        for (size_t j = 0; j < length; j++) {
            size_t cost = min3(row[j] + 1, row[j + 1] + 1, diagonal + (a.text[i] != b[j]));

            diagonal = row[j + 1];
            row[j + 1] = cost;
        }
    }
    return row[length];
}

static void error_unknown_key(struct parser *p, const struct key_table *table, struct slice name)
{
    const struct key_table *other = &key_tables[p->section == SECTION_VM ? SECTION_MACHINE : SECTION_VM];
    const char *nearest = NULL;
    size_t best = 3; /* farther than two letters is no hint */
    char quote[QUOTE_BYTES];

    slice_quote(name, quote);
    if (key_find(other, name)) {
        config_error_at(p, p->line, "`%s` is a key of %s, not of %s", quote, other->section, table->section);
        return;
    }
    for (size_t i = 0; i < table->count; i++) {
        size_t distance = edit_distance(name, table->keys[i].name);

        if (distance < best) {
            best = distance;
            nearest = table->keys[i].name;
        }
    }
    if (nearest)
        config_error_at(p, p->line, "`%s` is not a key of %s; did you mean `%s`?", quote, table->section, nearest);
    else
        config_error_at(p, p->line, "`%s` is not a key of %s", quote, table->section);
}

void config_parse_key(struct parser *p, struct slice name, struct slice value)
{
    const struct key_table *table = &key_tables[p->section];
    const struct key *key = key_find(table, name);
    char *base = p->section == SECTION_VM ? (char *)p->vm : (char *)p->config;
    uint64_t *seen = p->section == SECTION_VM ? &p->vm->seen : &p->config->seen, bit;
    char why[WHY_BYTES];

    if (!key) {
        error_unknown_key(p, table, name);
        return;
    }
    if (!key->read) {
        config_parse_channel(p, (enum channel_type)key->low, value);
        return;
    }
    bit = 1ull << (key - table->keys);
    if (*seen & bit) {
        config_error_at(p, p->line, "%s: given twice in this section", key->name);
        return;
    }
    *seen |= bit;
    if (!key->read(value, &(struct value_field){base + key->offset, key->room, key->low, key->high}, why))
        config_error_at(p, p->line, "%s: %s", key->name, why);
}
