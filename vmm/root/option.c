#include "vmm/root/option.h"

#include <stdio.h>
#include <string.h>

#include "config/limits.h"
#include "vmm/root/config.h"
#include "vmm/root/config_value.h"
#include "vmm/root/console.h"

bool option_find(const char *command_line, const char *key, char *value, size_t room)
{
    size_t length = strlen(key);

    value[0] = 0;
    for (const char *word = command_line; *word; word += strcspn(word, " ")) {
        word += strspn(word, " ");
        if (strncmp(word, key, length) == 0 && word[length] == '=') {
            word += length + 1;
            snprintf(value, room, "%.*s", (int)strcspn(word, " "), word);
            return true;
        }
    }
    return false;
}

/* Which tests a lab runs, and in which order: a word more in its args, where the last one counts. */
static void lab_word(const char *key, const char *value, struct vm_config *vm)
{
    size_t used = strlen(vm->args);
    int more = snprintf(vm->args + used, sizeof(vm->args) - used, " %s=%s", key, value);

    if (more < 0 || used + (size_t)more >= sizeof(vm->args)) {
        vm->args[used] = 0;
        console_line("%s= on the command line: no room for it in the args of %s", key, vm->name);
    }
}

void option_override(const char *command_line, struct config *config)
{
    const struct {
        const char *key;
        value_reader *read;
        struct value_field field;
    } options[] = {
        {"trace", value_read_yes, {.to = &config->trace}},
        {"counters", value_read_yes, {.to = &config->counters}},
        {"screen", value_read_screen, {.to = &config->screen}},
        {"passport", value_read_passport, {.to = &config->passport_full}},
        {"profile", value_read_text, {.to = config->profile, .room = sizeof(config->profile)}},
    };
    static const char *const lab_words[] = {"tests", "shuffle"};

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        char value[QUOTE_BYTES], why[WHY_BYTES];

        if (option_find(command_line, options[i].key, value, sizeof(value)) &&
            !options[i].read((struct slice){value, strlen(value)}, &options[i].field, why))
            console_line("%s= on the command line: %s", options[i].key, why);
    }
    for (size_t i = 0; i < sizeof(lab_words) / sizeof(lab_words[0]); i++) {
        char value[COMMAND_LINE_BYTES];

        if (!option_find(command_line, lab_words[i], value, sizeof(value)))
            continue;
        for (size_t vm = 0; vm < config->vms; vm++)
            if (config->vm[vm].lab)
                lab_word(lab_words[i], value, &config->vm[vm]);
    }
}
