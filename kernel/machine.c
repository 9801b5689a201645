#include "kernel/machine.h"

#include "drivers/power.h"
#include "drivers/uart.h"
#include "kernel/cpu/features.h"
#include "kernel/cpu/timer.h"
#include "kernel/vm/virt_ops.h"
#include "lib/print.h"
#include "lib/string.h"
#include "lib/x86.h"
#include "mm/buddy.h"

extern const uint64_t boot_tsc;

struct boot_info machine_boot;

static enum power_way way = POWER_AUTO;

static void refuse_end(const char *name)
{
    print("Nestor: end=%s on the command line: expected one of", name);
    for (enum power_way i = POWER_AUTO; i < POWER_WAYS; i++)
        print(" %s", power_way_name(i));
    print("; auto is used\n");
}

void machine_choose_end(void)
{
    char name[16] = "auto";
    enum power_way wanted;

    boot_option(&machine_boot, "end", name, sizeof name);
    wanted = power_way_by_name(name);
    if (wanted == POWER_WAYS)
        refuse_end(name);
    way = wanted == POWER_WAYS ? POWER_AUTO : wanted;
}

_Noreturn void machine_end(bool pass)
{
    char hold[4];

    if (boot_option(&machine_boot, "hold", hold, sizeof hold) && strcmp(hold, "1") == 0) {
        uart_flush();
        x86_halt();
    }
    /* Where no serial line has carried the verdict away, it has to stay on the screen. */
    power_end(way == POWER_AUTO && power_detect() == POWER_ACPI && !uart_exists() ? POWER_HALT : way, pass);
}

void machine_describe(struct machine_info *info)
{
    memset(info, 0, sizeof *info);
    info->backend = virt->backend;
    info->pcpus = pcpu_count;
    info->tsc_hz = timer_tsc_hz();
    info->memory_bytes = mm_buddy_total_pages() * PAGE_BYTES;
    info->memory_free = mm_buddy_free_pages() * PAGE_BYTES;
    info->boot_tsc = boot_tsc;
    info->first_entry_tsc = vcpu_first_entry_tsc;
    info->microcode = cpu_features.microcode;
    info->modules = machine_boot.modules;
    virt->capabilities(info);
    lib_string_copy(info->command_line, machine_boot.command_line, sizeof info->command_line);
    lib_string_copy(info->platform, power_way_name(way == POWER_AUTO ? power_detect() : way),
                    sizeof info->platform);
}
