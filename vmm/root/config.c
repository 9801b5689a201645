/* The parser of the machine description: lines and sections. docs/config.md is its manual. */
#include "vmm/root/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/root/config_parser.h"

/* What a VM may own beyond its guest memory if there is no `quota`: monitor, tables, control block. */
enum { QUOTA_OVERHEAD_PAGES = 256 };

void config_error_at(struct parser *p, unsigned line, const char *format, ...)
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

/* ---- Sections --------------------------------------------------------------------------------------------- */

/* What can be said about a VM only once all its keys are known. */
static void finish_vm(struct parser *p, struct vm_config *vm)
{
    bool has_state = config_vm_has(vm, KEY_STATE);

    if (vm->lab && (has_state || vm->save_ms))
        config_error_at(p, vm->line, "[vm %s] is a lab, and what a lab has set is not saved; expected no `save` and no `state`",
                        vm->name);
    if (has_state && vm->state[0] == 0)
        config_error_at(p, vm->line, "[vm %s] has an empty state; expected the name of a module", vm->name);
    if (has_state && config_vm_has(vm, KEY_IMAGE))
        config_error_at(p, vm->line, "[vm %s] has an image and a state; expected one of them", vm->name);
    else if (!has_state && !config_vm_has(vm, KEY_IMAGE))
        config_error_at(p, vm->line, "[vm %s] has no image; expected `image = MODULE`", vm->name);
    else if (!has_state && vm->image[0] == 0)
        config_error_at(p, vm->line, "[vm %s] has an empty image; expected the name of a module", vm->name);
    if (!config_vm_has(vm, KEY_QUOTA))
        vm->quota_pages = vm->memory_bytes / 4096 + QUOTA_OVERHEAD_PAGES;
    vm->pinned = config_vm_has(vm, KEY_PIN);
    vm->has_output = config_vm_has(vm, KEY_OUTPUT);
    if (vm->background && vm->expect.kind != END_NONE && vm->expect.kind != END_RUNNING)
        config_error_at(p, vm->line, "[vm %s] is in the background, so it can't be expected to end with %s", vm->name,
                        end_word(vm->expect.kind));
    if (vm->background)
        vm->expect = (struct end){END_RUNNING, 0};
    else if (vm->expect.kind == END_NONE)
        vm->expect = (struct end){END_EXIT, 0};
    vm->background = vm->expect.kind == END_RUNNING;
}

/* At the next header, and at the end of the file. */
static void finish_section(struct parser *p)
{
    if (p->section == SECTION_VM)
        finish_vm(p, p->vm);
    p->section = SECTION_NONE;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
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
        config_error_at(p, p->line, "`%s` is not a name for a VM; expected letters, digits, '-', '_' or '.'", quote);
    else if (name.bytes >= VM_NAME_BYTES)
        config_error_at(p, p->line, "`%s` is a name of %zu bytes; expected at most %d", quote, name.bytes,
                        VM_NAME_BYTES - 1);
    for (struct vm_config *other = p->config->vm; good && other < vm; other++) {
        if (strcmp(other->name, vm->name) == 0) {
            config_error_at(p, p->line, "a second VM `%s`; the first is in line %u", quote, other->line);
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

    if (config->vms == MAX_VMS) {
        config_error_at(p, p->line, "one VM too many; expected at most %d", MAX_VMS);
        return;
    }
    if (!vm_array_grow(config)) {
        config_error_at(p, p->line, "no memory for VM number %zu", config->vms + 1);
        return;
    }
    p->section = SECTION_VM;
    p->vm = &config->vm[config->vms];
    *p->vm = (struct vm_config){
        .memory_bytes = 1ull << 20,
        .vcpus = 1,
        .repeat = 1,
        .console = true,
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
    finish_section(p);
    if (line.text[line.bytes - 1] != ']') {
        config_error_at(p, p->line, "`%s` has no `]` at its end; expected [machine] or [vm NAME]",
                        slice_quote(line, quote));
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
            config_error_at(p, p->line, "a second [machine] section; expected one");
        p->machine_seen = true;
        p->section = SECTION_MACHINE;
    } else {
        config_error_at(p, p->line, "`%s` is not a section; expected [machine] or [vm NAME]", slice_quote(line, quote));
    }
}

/* ---- Lines ------------------------------------------------------------------------------------------------ */

static void parse_assignment(struct parser *p, struct slice line)
{
    const char *equals = memchr(line.text, '=', line.bytes);
    struct slice name, value;
    char quote[QUOTE_BYTES];

    if (!equals) {
        config_error_at(p, p->line, "`%s` is neither a [section] nor `key = value`", slice_quote(line, quote));
        return;
    }
    name = slice_trim((struct slice){line.text, (size_t)(equals - line.text)});
    value = slice_trim((struct slice){equals + 1, (size_t)(line.text + line.bytes - (equals + 1))});
    if (name.bytes == 0)
        config_error_at(p, p->line, "there is no key before `=`; expected `key = value`");
    else if (p->before_section)
        config_error_at(p, p->line, "`%s` stands before any section; expected [machine] or [vm NAME] first",
                        slice_quote(name, quote));
    else if (p->section != SECTION_NONE)
        config_parse_key(p, name, value);
}

static void parse_line(struct parser *p, struct slice line)
{
    if (memchr(line.text, 0, line.bytes)) {
        config_error_at(p, p->line, "the line holds a 0 byte; expected text");
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

struct vm_config *config_vm(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->vms; i++)
        if (strcmp(config->vm[i].name, name) == 0)
            return &config->vm[i];
    return NULL;
}

/* A VM that waits for another must be able to begin: the other exists, ends, and does not wait for it in turn. */
static void check_after(struct parser *p, const struct vm_config *vm)
{
    const struct vm_config *other = vm;
    size_t steps = 0;

    while (other && other->after[0] && steps++ <= p->config->vms) {
        const struct vm_config *next = config_vm(p->config, other->after);

        if (other == vm && !next)
            config_error_at(p, vm->line, "[vm %s] begins after `%s`; there is no such VM", vm->name, vm->after);
        else if (other == vm && next->background)
            config_error_at(p, vm->line, "[vm %s] begins after `%s`, which is in the background and never done", vm->name,
                            vm->after);
        other = next;
    }
    if (steps > p->config->vms)
        config_error_at(p, vm->line, "[vm %s] begins after `%s`, which waits for it in turn", vm->name, vm->after);
}

/* What can be said only once all VMs are known. */
static void finish_config(struct parser *p)
{
    bool foreground = false;

    finish_section(p);
    config_finish_channels(p);
    for (size_t i = 0; i < p->config->vms; i++)
        foreground = foreground || !p->config->vm[i].background;
    for (size_t i = 0; i < p->config->vms; i++)
        check_after(p, &p->config->vm[i]);
    if (p->config->vms == 0)
        config_error_at(p, p->line, "there is no VM; expected at least one section [vm NAME]");
    else if (!foreground)
        config_error_at(p, p->line, "every VM is in the background; expected at least one to wait for");
}

bool config_parse(const char *file, const char *text, size_t bytes, struct config *config)
{
    struct parser p = {.file = file, .config = config, .before_section = true};
    size_t at = 0;

    *config = (struct config){.timeout_s = 60, .screen = CONFIG_SCREEN_LIVE};
    while (at < bytes) {
        const char *start = text + at, *newline = memchr(start, '\n', bytes - at);
        size_t length = newline ? (size_t)(newline - start) : bytes - at;

        p.line++;
        parse_line(&p, (struct slice){start, length});
        at += length + 1;
    }
    if (bytes == 0) {
        p.line = 1;
        config_error_at(&p, 1, "the file is empty; expected at least one section [vm NAME]");
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
    free(config->channel);
    config->channel = NULL;
    config->channels = 0;
}
