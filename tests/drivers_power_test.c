/* sources: tests/lib_support.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "tests/drivers_x86.h"
#include "tests/lib_support.h"

#include "drivers/power.c"

/* ---- A machine that notes what is done to it, and ends by one way -------------------------------------------- */

static char notes[1000];
static size_t notes_bytes;
static jmp_buf end;
static uint16_t fatal_port; /* a write there ends the machine */

static const char *oem;
static bool has_acpi, has_reset, keyboard_is_full, sci_enabled, is_hypervisor;
static const char *vendor;

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void note(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    notes_bytes += (size_t)vsnprintf(notes + notes_bytes, sizeof(notes) - notes_bytes, format, arguments);
    va_end(arguments);
    CHECK(notes_bytes < sizeof(notes));
}

static void write_port(uint16_t port, uint32_t v)
{
    note("%x=%x ", port, v);
    sci_enabled |= port == 0xb2;
    keyboard_is_full &= port != 0x64;
    if (port == fatal_port)
        longjmp(end, 1);
}

void x86_outb(uint16_t port, uint8_t v) { write_port(port, v); }
void x86_outw(uint16_t port, uint16_t v) { write_port(port, v); }
void x86_outl(uint16_t port, uint32_t v) { write_port(port, v); }

static unsigned keyboard_reads;

uint8_t x86_inb(uint16_t port)
{
    if (port != 0x64)
        return (uint8_t)port;
    keyboard_reads++;
    return keyboard_is_full ? 0xff : 0xfd;
}
uint16_t x86_inw(uint16_t port) { return port == 0x604 ? (uint16_t)(0xfc02 | sci_enabled) : 0; }

void x86_halt(void)
{
    note("halt");
    longjmp(end, 1);
}

void x86_triple_fault(void)
{
    note("triple fault");
    longjmp(end, 1);
}

struct cpuid_result x86_cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_result r = {0};

    (void)subleaf;
    if (leaf == 1)
        r.ecx = is_hypervisor ? 1u << 31 : 0;
    if (leaf == 0x40000000) {
        memcpy(&r.ebx, vendor, 4);
        memcpy(&r.ecx, vendor + 4, 4);
        memcpy(&r.edx, vendor + 8, 4);
    }
    return r;
}

void uart_flush(void) { note("flush "); }

const char *acpi_oem(void) { return oem; }

bool acpi_power_off_registers(struct acpi_power *out)
{
    *out = (struct acpi_power){0x604, 0x614, 5, 6, 0xb2, 0xf1};
    return has_acpi;
}

bool acpi_reset_register(uint16_t *port, uint8_t *value)
{
    *port = 0xcf9;
    *value = 0xe;
    return has_reset;
}

void print(const char *format, ...) { note("'%s' ", format); }

static void set_machine(bool hypervisor, const char *hypervisor_vendor, const char *acpi_oem_id, bool acpi)
{
    is_hypervisor = hypervisor;
    vendor = hypervisor_vendor;
    oem = acpi_oem_id;
    has_acpi = acpi;
    sci_enabled = false;
}

/* ---- Tests --------------------------------------------------------------------------------------------------- */

static const char *noted_at_end(enum power_way way, bool pass, uint16_t port)
{
    fatal_port = port;
    notes_bytes = 0;
    if (setjmp(end) == 0)
        power_end(way, pass);
    return notes;
}

static bool ends(enum power_way way, bool pass, uint16_t port, const char *expected)
{
    const char *got = noted_at_end(way, pass, port);

    if (strcmp(got, expected) != 0)
        printf("# '%s' instead of '%s'\n", got, expected);
    return strcmp(got, expected) == 0;
}

static void test_names(void)
{
    static const char *const names[] = {"auto", "reboot", "qemu", "bochs", "acpi", "halt"};

    for (enum power_way way = POWER_AUTO; way < POWER_WAYS; way++) {
        CHECK(power_way_by_name(names[way]) == way);
        CHECK(strcmp(power_way_name(way), names[way]) == 0);
    }
    CHECK(power_way_by_name("") == POWER_WAYS && power_way_by_name("qem") == POWER_WAYS);
    CHECK(power_way_by_name("qemux") == POWER_WAYS && power_way_by_name(NULL) == POWER_WAYS);
    test_passed("ways and their names");
}

static void test_detect(void)
{
    static const struct { bool hypervisor; const char *vendor, *oem; enum power_way way; } cases[] = {
        {true, "TCGTCGTCGTCG", "BOCHS", POWER_QEMU},  {true, "KVMKVMKVM\0\0\0", "BOCHS", POWER_QEMU},
        {true, "VMwareVMware", "PTLTD", POWER_ACPI},  {false, "TCGTCGTCGTCG", "BOCHS", POWER_BOCHS},
        {false, "            ", "DELL", POWER_ACPI},  {false, "            ", "", POWER_ACPI},
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set_machine(cases[i].hypervisor, cases[i].vendor, cases[i].oem, true);
        CHECK(power_detect() == cases[i].way);
    }
    test_passed("the platform's way");
}

static void test_end(void)
{
    set_machine(true, "TCGTCGTCGTCG", "BOCHS", false);
    CHECK(ends(POWER_QEMU, true, 0xf4, "flush f4=0 "));
    CHECK(ends(POWER_QEMU, false, 0xf4, "flush f4=1 "));
    CHECK(ends(POWER_AUTO, false, 0xf4, "flush f4=1 "));
    CHECK(ends(POWER_WAYS, true, 0xf4, "flush f4=0 "));
    CHECK(ends(POWER_HALT, true, 0, "flush 'It is safe to switch this machine off.\n' flush halt"));
    CHECK(ends(POWER_QEMU, true, 0,
               "flush f4=0 8a00=8a00 8a00=8ae0 'It is safe to switch this machine off.\n' flush halt"));
    set_machine(false, "", "BOCHS", true);
    CHECK(ends(POWER_AUTO, false, 0x614, "flush 8a00=8a00 8a00=8ae0 b2=f1 604=f403 614=3800 "));
    set_machine(false, "", "DELL", true);
    sci_enabled = true;
    CHECK(ends(POWER_ACPI, false, 0x614, "flush 604=f403 614=3800 "));
    CHECK(ends(POWER_ACPI, false, 0,
               "flush 604=f403 614=3800 'It is safe to switch this machine off.\n' flush halt"));
    test_passed("each way does its writes after a flush, and is followed by the next one");
}

static void test_reboot(void)
{
    set_machine(true, "TCGTCGTCGTCG", "BOCHS", true);
    CHECK(ends(POWER_REBOOT, true, 0, "flush 64=fe triple fault"));
    has_reset = true;
    CHECK(ends(POWER_REBOOT, false, 0, "flush cf9=e 64=fe triple fault"));
    CHECK(ends(POWER_REBOOT, true, 0xcf9, "flush cf9=e "));
    CHECK(keyboard_reads == 2);
    keyboard_is_full = true;
    CHECK(ends(POWER_REBOOT, true, 0x64, "flush cf9=e 64=fe "));
    CHECK(keyboard_reads > 1000);
    test_passed("a reboot: ACPI, the keyboard controller even if it does not answer, a triple fault");
}

int main(void)
{
    test_names();
    test_detect();
    test_end();
    test_reboot();
    return test_done();
}
