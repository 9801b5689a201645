/* The boot modules, by name. */
#include "vmm/root/module.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "vmm/lib/error.h"
#include "vmm/lib/syscall.h"
#include "vmm/root/console.h"
#include "vmm/root/option.h"

bool module_find(const char *name, uint32_t *number)
{
    const char *slash = strrchr(name, '/'), *wanted = slash ? slash + 1 : name;
    struct module_info info;

    for (uint32_t i = 0; sys_module_info(i, &info) >= 0; i++) {
        if (strcmp(info.name, wanted) == 0) {
            *number = i;
            return true;
        }
    }
    return false;
}

static void print_modules(void)
{
    struct module_info info;

    for (uint32_t i = 0; sys_module_info(i, &info) >= 0; i++)
        console_line("Boot module %" PRIu32 ": %s, %" PRIu64 " bytes", i, info.name, info.bytes);
}

static bool is_config(const char *name)
{
    size_t length = strlen(name), suffix = strlen(".conf");

    return length > suffix && strcmp(name + length - suffix, ".conf") == 0;
}

bool module_find_config(const char *command_line, uint32_t *number)
{
    char wanted[sizeof(((struct module_info *)0)->name)];
    struct module_info info;
    uint32_t first = 0, found = 0;
    unsigned configs = 0;
    bool is_there = false;

    option_find(command_line, "config", wanted, sizeof(wanted));
    for (uint32_t i = 0; sys_module_info(i, &info) >= 0; i++) {
        if (!is_config(info.name))
            continue;
        if (configs++ == 0)
            first = i;
        if (!is_there && strcmp(info.name, wanted) == 0) {
            is_there = true;
            found = i;
        }
    }
    if (configs == 0 || (wanted[0] && !is_there)) {
        if (configs == 0)
            console_line("No machine description: none of the boot modules has a name that ends in `.conf`.");
        else
            console_line("No machine description: the command line says config=%s, and no boot module has that name.",
                         wanted);
        print_modules();
        return false;
    }
    *number = is_there ? found : first;
    if (configs > 1 && !is_there && sys_module_info(first, &info) >= 0)
        console_line(
            "%u machine descriptions among the boot modules, and no config=NAME on the command line: the first, "
            "%s, counts.",
            configs, info.name);
    return true;
}

bool module_map(uint32_t number, struct module_info *info, const char **text)
{
    int64_t result = sys_module_info(number, info);

    *text = NULL;
    if (result >= 0 && info->bytes > 0) {
        result = sys_module_map(number);
        *text = (const char *)result;
    }
    if (result < 0)
        console_line("Boot module %" PRIu32 " can't be read: %s.", number, error_text(result));
    return result >= 0;
}
