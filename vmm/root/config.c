/* The parser of the machine description. docs/config.md is its manual. */
#include "vmm/root/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/root/config_value.h"

/* What a VM may own beyond its guest memory if there is no `quota`: monitor, tables, control block. */
enum { QUOTA_OVERHEAD_PAGES = 256 };

enum section { SECTION_NONE, SECTION_MACHINE, SECTION_VM };

struct parser {
    const char *file;
    struct config *config;
    unsigned line;         /* where the parser is, from 1 */
    enum section section;  /* what keys belong to; NONE before the first header and behind a wrong one */
    bool before_section;   /* no header yet */
    bool machine_seen;
    struct vm_config *vm;  /* of SECTION_VM */
};

/* A key: where its value goes in struct config or struct vm_config, and what is accepted. */
struct key {
    const char *name;
    value_reader *read;
    size_t offset, room;
    uint64_t low, high;
};

#define FIELD(type, member) offsetof(type, member), sizeof(((type *)0)->member)

static const struct key machine_keys[] = {
    {"name", value_read_text, FIELD(struct config, name), 0, 0},
    {"timeout", value_read_number, FIELD(struct config, timeout_s), 1, 86400},
};

/* The keys of a VM whose presence matters after parsing, by their place in vm_keys. */
enum vm_key { KEY_IMAGE, KEY_QUOTA, KEY_PIN, KEY_OUTPUT, KEY_EXPECT, KEY_BACKGROUND };

static const struct key vm_keys[] = {
    [KEY_IMAGE] = {"image", value_read_text, FIELD(struct vm_config, image), 0, 0},
    [KEY_QUOTA] = {"quota", value_read_pages, FIELD(struct vm_config, quota_pages), 16, 1ull << 24},
    [KEY_PIN] = {"pin", value_read_number, FIELD(struct vm_config, pin), 0, MAX_PCPUS - 1},
    [KEY_OUTPUT] = {"output", value_read_output, FIELD(struct vm_config, output), 0, 0},
    [KEY_EXPECT] = {"expect", value_read_end, FIELD(struct vm_config, expect), 0, 0},
    [KEY_BACKGROUND] = {"background", value_read_yes, FIELD(struct vm_config, background), 0, 0},
    {"kind", value_read_kind, FIELD(struct vm_config, kind), 0, 0},
    {"memory", value_read_size, FIELD(struct vm_config, memory_bytes), 4096, 1ull << 35},
    {"vcpus", value_read_vcpus, FIELD(struct vm_config, vcpus), 1, MAX_VCPUS_PER_VM},
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

__attribute__((format(printf, 3, 4))) static void error_at(struct parser *p, unsigned line, const char *format, ...)
{
    struct config *config = p->config;
    va_list list;
    int used;

    if (config->errors < CONFIG_ERRORS) {
        char *text = config->error[config->errors];

        used = snprintf(text, CONFIG_ERROR_BYTES, "%.60s:%u: ", p->file, line);
        va_start(list, format);
        vsnprintf(text + used, CONFIG_ERROR_BYTES - (size_t)used, format, list);
        va_end(list);
    }
    config->errors++;
}

static bool vm_has(const struct vm_config *vm, enum vm_key key)
{
    return (vm->seen >> key & 1) != 0;
}

/* ---- Keys ------------------------------------------------------------------------------------------------- */

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
        error_at(p, p->line, "`%s` is a key of %s, not of %s", quote, other->section, table->section);
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
        error_at(p, p->line, "`%s` is not a key of %s; did you mean `%s`?", quote, table->section, nearest);
    else
        error_at(p, p->line, "`%s` is not a key of %s", quote, table->section);
}

static void parse_key(struct parser *p, struct slice name, struct slice value)
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
    bit = 1ull << (key - table->keys);
    if (*seen & bit) {
        error_at(p, p->line, "%s: given twice in this section", key->name);
        return;
    }
    *seen |= bit;
    if (!key->read(value, &(struct value_field){base + key->offset, key->room, key->low, key->high}, why))
        error_at(p, p->line, "%s: %s", key->name, why);
}

static void parse_assignment(struct parser *p, struct slice line)
{
    const char *equals = memchr(line.text, '=', line.bytes);
    struct slice name, value;
    char quote[QUOTE_BYTES];

    if (!equals) {
        error_at(p, p->line, "`%s` is neither a [section] nor `key = value`", slice_quote(line, quote));
        return;
    }
    name = slice_trim((struct slice){line.text, (size_t)(equals - line.text)});
    value = slice_trim((struct slice){equals + 1, (size_t)(line.text + line.bytes - (equals + 1))});
    if (name.bytes == 0)
        error_at(p, p->line, "there is no key before `=`; expected `key = value`");
    else if (p->before_section)
        error_at(p, p->line, "`%s` stands before any section; expected [machine] or [vm NAME] first",
                 slice_quote(name, quote));
    else if (p->section != SECTION_NONE)
        parse_key(p, name, value);
}

/* ---- Sections --------------------------------------------------------------------------------------------- */

/* What can be said about a VM only once all its keys are known. */
static void finish_vm(struct parser *p, struct vm_config *vm)
{
    if (!vm_has(vm, KEY_IMAGE))
        error_at(p, vm->line, "[vm %s] has no image; expected `image = MODULE`", vm->name);
    else if (vm->image[0] == 0)
        error_at(p, vm->line, "[vm %s] has an empty image; expected the name of a module", vm->name);
    if (!vm_has(vm, KEY_QUOTA))
        vm->quota_pages = vm->memory_bytes / 4096 + QUOTA_OVERHEAD_PAGES;
    vm->pinned = vm_has(vm, KEY_PIN);
    vm->has_output = vm_has(vm, KEY_OUTPUT);
    if (!vm->background)
        vm->background = vm_has(vm, KEY_EXPECT) && vm->expect.kind == END_RUNNING;
    else if (vm_has(vm, KEY_EXPECT) && vm->expect.kind != END_RUNNING)
        error_at(p, vm->line, "[vm %s] is in the background and expects %s; a VM in the background is ended while it runs",
                 vm->name, end_word(vm->expect.kind));
    if (vm->background)
        vm->expect = (struct end){END_RUNNING, 0};
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

/* Writes the VM's name; a wrong one is reported and still gives the VM a name, so that its keys are checked too. */
static void parse_vm_name(struct parser *p, struct slice name, struct vm_config *vm)
{
    bool good = name.bytes > 0;
    char quote[QUOTE_BYTES];

    slice_quote(name, quote);
    for (size_t i = 0; i < name.bytes; i++)
        good = good && is_name_char(name.text[i]);
    snprintf(vm->name, sizeof(vm->name), "%.*s", good ? (int)name.bytes : 1, good ? name.text : "?");
    if (!good)
        error_at(p, p->line, "`%s` is not a name for a VM; expected letters, digits, '-', '_' or '.'", quote);
    else if (name.bytes >= VM_NAME_BYTES)
        error_at(p, p->line, "`%s` is a name of %zu bytes; expected at most %d", quote, name.bytes, VM_NAME_BYTES - 1);
    for (struct vm_config *other = p->config->vm; good && other < vm; other++) {
        if (strcmp(other->name, vm->name) == 0) {
            error_at(p, p->line, "a second VM `%s`; the first is in line %u", quote, other->line);
            return;
        }
    }
}

/* Makes room for one more VM: the array doubles. */
static bool vm_array_grow(struct config *config)
{
    size_t n = config->vms;
    struct vm_config *vm = config->vm;

    if ((n & (n - 1)) == 0)
        vm = realloc(config->vm, (n ? 2 * n : 1) * sizeof(*vm));
    if (vm)
        config->vm = vm;
    return vm != NULL;
}

static void begin_vm(struct parser *p, struct slice name)
{
    struct config *config = p->config;

    p->section = SECTION_NONE;
    if (config->vms == MAX_VMS) {
        error_at(p, p->line, "one VM too many; expected at most %d", MAX_VMS);
        return;
    }
    if (!vm_array_grow(config)) {
        error_at(p, p->line, "no memory for VM number %zu", config->vms + 1);
        return;
    }
    p->section = SECTION_VM;
    p->vm = &config->vm[config->vms];
    *p->vm = (struct vm_config){
        .memory_bytes = 1ull << 20,
        .vcpus = 1,
        .console = true,
        .expect = {END_EXIT, 0},
        .line = p->line,
    };
    parse_vm_name(p, name, p->vm);
    config->vms++;
}

static void parse_section(struct parser *p, struct slice line)
{
    struct slice inner, word;
    char quote[QUOTE_BYTES];

    p->before_section = false;
    p->section = SECTION_NONE;
    if (line.text[line.bytes - 1] != ']') {
        error_at(p, p->line, "`%s` has no `]` at its end; expected [machine] or [vm NAME]", slice_quote(line, quote));
        return;
    }
    inner = slice_trim((struct slice){line.text + 1, line.bytes - 2});
    word = inner;
    for (size_t i = 0; i < inner.bytes; i++) {
        if (inner.text[i] == ' ' || inner.text[i] == '\t') {
            word.bytes = i;
            break;
        }
    }
    if (slice_equal(word, "vm")) {
        begin_vm(p, slice_trim((struct slice){word.text + word.bytes, inner.bytes - word.bytes}));
    } else if (slice_equal(inner, "machine")) {
        if (p->machine_seen)
            error_at(p, p->line, "a second [machine] section; expected one");
        p->machine_seen = true;
        p->section = SECTION_MACHINE;
    } else {
        error_at(p, p->line, "`%s` is not a section; expected [machine] or [vm NAME]", slice_quote(line, quote));
    }
}

/* ---- The file --------------------------------------------------------------------------------------------- */

static void parse_line(struct parser *p, struct slice line)
{
    if (memchr(line.text, 0, line.bytes)) {
        error_at(p, p->line, "the line holds a 0 byte; expected text");
        return;
    }
    line = slice_trim(line);
    if (line.bytes == 0 || line.text[0] == '#')
        return;
    if (line.text[0] == '[')
        parse_section(p, line);
    else
        parse_assignment(p, line);
}

/* What can be said only once all VMs are known. */
static void finish_config(struct parser *p)
{
    bool foreground = false;

    for (size_t i = 0; i < p->config->vms; i++) {
        finish_vm(p, &p->config->vm[i]);
        foreground = foreground || !p->config->vm[i].background;
    }
    if (p->config->vms == 0)
        error_at(p, p->line, "there is no VM; expected at least one section [vm NAME]");
    else if (!foreground)
        error_at(p, p->line, "every VM is in the background; expected at least one to wait for");
}

bool config_parse(const char *file, const char *text, size_t bytes, struct config *config)
{
    struct parser p = {.file = file, .config = config, .before_section = true};
    size_t at = 0;

    *config = (struct config){.timeout_s = 60};
    while (at < bytes) {
        const char *start = text + at, *newline = memchr(start, '\n', bytes - at);
        size_t length = newline ? (size_t)(newline - start) : bytes - at;

        p.line++;
        parse_line(&p, (struct slice){start, length});
        at += length + 1;
    }
    if (bytes == 0) {
        p.line = 1;
        error_at(&p, 1, "the file is empty; expected at least one section [vm NAME]");
    } else {
        finish_config(&p);
    }
    return config->errors == 0;
}

void config_free(struct config *config)
{
    free(config->vm);
    config->vm = NULL;
    config->vms = 0;
}
