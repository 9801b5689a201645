/* The root task: reads the machine description, runs it, ends the machine. */
#include "vmm/lib/syscall.h"
#include "vmm/lib/task.h"
#include "vmm/root/config.h"
#include "vmm/root/console.h"
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
    console_line("Config      %s%s%s: %zu VM%s", module.name, config.name[0] ? ", " : "", config.name, config.vms,
                 config.vms == 1 ? "" : "s");
    return true;
}

int main(unsigned thread)
{
    static struct machine_info info;

    (void)thread; /* root has one */
    if (sys_machine_info(&info) < 0)
        return 1;
    passport_print(&info);
    if (!read_config(&info)) {
        machine_refuse("config");
        return 1;
    }
    return machine_run(&config, &info) ? 0 : 1;
}
