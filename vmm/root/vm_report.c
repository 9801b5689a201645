/* What a VM's monitor reports: lines of the guest, results, notes, and how it ended. */
#include <stdlib.h>
#include <string.h>

#include "vmm/root/console.h"
#include "vmm/root/vm.h"

static void vm_print(struct vm *vm, const struct report_record *record)
{
    char text[4 * REPORT_LINE + 1];

    console_line("# %s: %s", vm->config->name, console_escape(text, sizeof(text), record->text, record->bytes, false));
}

/* Keeps what the guest prints as far as it can be compared with the config's `output`. */
static void vm_keep_output(struct vm *vm, const struct report_record *record)
{
    bool whole = record->kind == REPORT_CONSOLE;

    if (vm->config->has_output && !vm->printed)
        vm->printed = malloc(CONFIG_OUTPUT_BYTES);
    for (size_t i = 0; i < record->bytes + whole; i++) {
        char c = i < record->bytes ? record->text[i] : '\n';

        if (vm->printed && vm->printed_bytes < CONFIG_OUTPUT_BYTES)
            vm->printed[vm->printed_bytes] = c;
        vm->printed_bytes++;
    }
}

static void vm_take_console(struct vm *vm, const struct report_record *record)
{
    vm_keep_output(vm, record);
    vm->lines += record->kind == REPORT_CONSOLE;
    if (vm->config->console)
        vm_print(vm, record);
}

/* The array of kept lines doubles; a line for which there is no memory is only counted. */
static void vm_take_test(struct vm *vm, const struct report_record *record)
{
    size_t n = vm->tests;
    char text[4 * REPORT_LINE + 1];

    if (n < VM_TESTS_MAX) {
        const char **grown = vm->test;
        char *copy;

        if ((n & (n - 1)) == 0)
            grown = realloc(vm->test, (n ? 2 * n : 1) * sizeof(*grown));
        if (!grown)
            return;
        vm->test = grown;
        console_escape(text, sizeof(text), record->text, record->bytes, false);
        copy = malloc(strlen(text) + 1);
        if (!copy)
            return;
        vm->test[n] = strcpy(copy, text);
    }
    vm->tests++;
}

/* "WORD: reason". What is no such word is no end. */
static void vm_take_end(struct vm *vm, const struct report_record *record)
{
    const char *colon = strchr(record->text, ':');
    size_t word = colon ? (size_t)(colon - record->text) : record->bytes;

    if (!end_parse(record->text, word, &vm->end))
        return;
    console_escape(vm->reason, sizeof(vm->reason), record->text, record->bytes, true);
}

/* A size that can't be is as if nothing had been said. */
static void vm_take_state(struct vm *vm, const struct report_record *record)
{
    unsigned long long bytes = strtoull(record->text, NULL, 10);

    if (vm->saved.asked && bytes > 0 && bytes <= vm->saved.room)
        vm->saved.bytes = bytes;
}

/* The name of a test that begins is printed even if the VM's console is not: if the machine dies, it tells of what. */
static void vm_take_begin(struct vm *vm, const struct report_record *record)
{
    char text[4 * REPORT_LINE + 1];

    console_serial_line("# %s> %s", vm->config->name,
                        console_escape(text, sizeof(text), record->text, record->bytes, false));
}

static const struct taker {
    char kind;
    void (*take)(struct vm *vm, const struct report_record *record);
} takers[] = {
    {REPORT_CONSOLE, vm_take_console}, {REPORT_PART, vm_take_console}, {REPORT_TEST, vm_take_test},
    {REPORT_NOTE, vm_print},       {REPORT_END, vm_take_end},     {REPORT_BEGIN, vm_take_begin},
    {REPORT_STATE, vm_take_state},
};

void vm_drain(struct vm *vm)
{
    uint32_t records = 0; /* one ring full at most: a monitor that never stops must not hold us */
    struct report_record record;

    while (records++ < REPORT_BYTES / 2 && report_take(&vm->reader, &record))
        for (const struct taker *t = takers; t < takers + sizeof(takers) / sizeof(takers[0]); t++)
            if (t->kind == record.kind)
                t->take(vm, &record);
    if (vm->reader.broken && !vm->report_broken) {
        vm->report_broken = true;
        console_line("# %s: its monitor's report ring is corrupt: nothing more is read from it", vm->config->name);
    }
}
