/* The root task: reads the machine description, runs it, ends the machine. */
#include <stdlib.h>
#include <string.h>

#include "vmm/lib/syscall.h"
#include "vmm/lib/task.h"
#include "vmm/root/config.h"
#include "vmm/root/difference.h"
#include "vmm/root/console.h"
#include "vmm/root/likeness.h"
#include "vmm/root/machine.h"
#include "vmm/root/module.h"
#include "vmm/root/option.h"
#include "vmm/root/passport.h"

static struct config config;

static void print_errors(void)
{
    for (size_t i = 0; i < config.errors && i < CONFIG_ERRORS; i++)
        console_line("%s", config.error[i]);
    if (config.errors > CONFIG_ERRORS)
        console_line("... and %zu more", config.errors - CONFIG_ERRORS);
}

/* Finds, reads and checks the machine description; says what is wrong with it. */
static bool read_config(const struct machine_info *info)
{
    struct module_info module;
    uint32_t number;
    const char *text;

    if (!module_find_config(info->command_line, &number) || !module_map(number, &module, &text))
        return false;
    if (!config_parse(module.name, text, module.bytes, &config)) {
        print_errors();
        return false;
    }
    option_override(info->command_line, &config);
    if (config.passport_full)
        passport_print_registers(info);
    likeness_print(info, config.profile);
    console_line("Config      %s%s%s: %zu VM%s", module.name, config.name[0] ? ", " : "", config.name, config.vms,
                 config.vms == 1 ? "" : "s");
    return true;
}

/* Known differences are a module of their own, where there are any. */
static bool read_differences(const struct machine_info *info)
{
    char platform[512], why[DIFFERENCE_WHY_BYTES];
    struct module_info module;
    uint32_t number;
    const char *text;
    char *copy;

    if (!module_find("known-differences", &number))
        return true;
    if (!module_map(number, &module, &text) || !(copy = malloc(module.bytes + 1)))
        return false;
    memcpy(copy, text, module.bytes);
    passport_platform(info, platform, sizeof(platform));
    if (difference_read(module.name, copy, module.bytes, platform, why)) {
        console_line("Known       %zu difference%s of this platform from the manual", difference_count(),
                     difference_count() == 1 ? "" : "s");
        return true;
    }
    console_line("%s", why);
    return false;
}

int main(unsigned thread)
{
    static struct machine_info info;

    (void)thread; /* root has one */
    if (sys_machine_info(&info) < 0)
        return 1;
    passport_print(&info);
    if (!read_config(&info) || !read_differences(&info)) {
        machine_refuse("config");
        return 1;
    }
    return machine_run(&config, &info) ? 0 : 1;
}
