#include "drivers/power.h"

#include "drivers/acpi.h"
#include "drivers/uart.h"
#include "lib/hypervisor.h"
#include "lib/print.h"
#include "lib/string.h"
#include "lib/x86.h"

enum {
    ISA_DEBUG_EXIT = 0xf4,
    BOCHS_IODEBUG = 0x8a00,
    BOCHS_IODEBUG_ENABLE = 0x8a00,
    BOCHS_IODEBUG_BREAK = 0x8ae0,
    PM1_SCI_EN = 1 << 0,
    PM1_SLP_TYP = 7 << 10,
    PM1_SLP_TYP_SHIFT = 10,
    PM1_SLP_EN = 1 << 13,
    KEYBOARD_STATUS = 0x64, /* when read; else for commands */
    KEYBOARD_INPUT_FULL = 1 << 1,
    KEYBOARD_PULSE_RESET = 0xfe,
    POST_PORT = 0x80,
    WAIT_READS = 1000000, /* a second or so on hardware */
};

static void wait_a_moment(void)
{
    for (unsigned i = 0; i < WAIT_READS; i++)
        x86_inb(POST_PORT);
}

static void end_by_reboot(bool pass)
{
    uint16_t port;
    uint8_t value;

    (void)pass;
    if (acpi_reset_register(&port, &value)) {
        x86_outb(port, value);
        wait_a_moment();
    }
    for (unsigned i = 0; i < WAIT_READS && (x86_inb(KEYBOARD_STATUS) & KEYBOARD_INPUT_FULL); i++)
        __builtin_ia32_pause();
    x86_outb(KEYBOARD_STATUS, KEYBOARD_PULSE_RESET);
    wait_a_moment();
    x86_triple_fault();
}

static void end_by_qemu(bool pass) { x86_outl(ISA_DEBUG_EXIT, pass ? 0 : 1); }

static void end_by_bochs(bool pass)
{
    (void)pass;
    x86_outw(BOCHS_IODEBUG, BOCHS_IODEBUG_ENABLE);
    x86_outw(BOCHS_IODEBUG, BOCHS_IODEBUG_BREAK);
}

/* Hands the power management registers over from the firmware, where it still has them. */
static void enable_acpi(const struct acpi_power *power)
{
    if (power->smi_command == 0 || (x86_inw(power->pm1a_control) & PM1_SCI_EN))
        return;
    x86_outb(power->smi_command, power->acpi_enable);
    for (unsigned i = 0; i < WAIT_READS && !(x86_inw(power->pm1a_control) & PM1_SCI_EN); i++)
        __builtin_ia32_pause();
}

static void write_pm1(uint16_t port, uint8_t sleep)
{
    uint16_t kept = x86_inw(port) & (uint16_t)~(PM1_SLP_TYP | PM1_SLP_EN);

    x86_outw(port, (uint16_t)(kept | (sleep << PM1_SLP_TYP_SHIFT & PM1_SLP_TYP) | PM1_SLP_EN));
}

static void end_by_acpi(bool pass)
{
    struct acpi_power power;

    (void)pass;
    if (!acpi_power_off_registers(&power))
        return;
    enable_acpi(&power);
    write_pm1(power.pm1a_control, power.pm1a_sleep);
    if (power.pm1b_control)
        write_pm1(power.pm1b_control, power.pm1b_sleep);
    /* The power goes some time after the write. */
    wait_a_moment();
}

static void end_by_halt(bool pass)
{
    (void)pass;
    print("It is safe to switch this machine off.\n");
    uart_flush();
    x86_halt();
}

static const struct {
    const char *name;
    void (*end)(bool pass);
} ways[POWER_WAYS] = {
    [POWER_AUTO] = {"auto", NULL},
    [POWER_REBOOT] = {"reboot", end_by_reboot},
    [POWER_QEMU] = {"qemu", end_by_qemu},
    [POWER_BOCHS] = {"bochs", end_by_bochs},
    [POWER_ACPI] = {"acpi", end_by_acpi},
    [POWER_HALT] = {"halt", end_by_halt},
};

enum power_way power_way_by_name(const char *name)
{
    enum power_way way = POWER_AUTO;

    while (way < POWER_WAYS && !(name && strcmp(name, ways[way].name) == 0))
        way++;
    return way;
}

const char *power_way_name(enum power_way way) { return way < POWER_WAYS ? ways[way].name : "unknown"; }

enum power_way power_detect(void)
{
    if (hypervisor_is(HYPERVISOR_TCG) || hypervisor_is(HYPERVISOR_KVM))
        return POWER_QEMU;
    return !hypervisor_is_present() && strcmp(acpi_oem(), "BOCHS") == 0 ? POWER_BOCHS : POWER_ACPI;
}

_Noreturn void power_end(enum power_way way, bool pass)
{
    if (way == POWER_AUTO || way >= POWER_WAYS)
        way = power_detect();
    uart_flush();
    for (; way < POWER_WAYS; way++)
        ways[way].end(pass);
    x86_halt();
}
