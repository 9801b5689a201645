/* FADT: ACPI Specification, "Fixed ACPI Description Table (FADT)", and "\_Sx (System States)" for the way off. */
#include "drivers/acpi.h"

#include "lib/string.h"
#include "lib/x86.h"

/* Offsets of fields. Older tables end before the later ones. */
enum {
    FADT_DSDT = 40,
    FADT_SMI_CMD = 48,
    FADT_ACPI_ENABLE = 52,
    FADT_PM1A_CNT_BLK = 64,
    FADT_PM1B_CNT_BLK = 68,
    FADT_PM_TMR_BLK = 76,
    FADT_FLAGS = 112,
    FADT_RESET_REG = 116,
    FADT_RESET_VALUE = 128,
    FADT_X_DSDT = 140,
    FADT_X_PM1A_CNT_BLK = 172,
    FADT_X_PM1B_CNT_BLK = 184,
    FADT_X_PM_TMR_BLK = 208,
};

enum { FLAG_RESET_REG_SUP = 1 << 10 };

/* Generic Address Structure. */
enum { GAS_SPACE = 0, GAS_ADDRESS = 4, GAS_BYTES = 12, GAS_SYSTEM_IO = 1 };


/* A field of up to 8 bytes; 0 where the table ends before its end. */
static uint64_t read_field(const struct acpi_header *table, uint32_t offset, uint32_t bytes)
{
    uint64_t v = 0;

    if (offset + bytes <= table->length)
        memcpy(&v, (const char *)table + offset, bytes);
    return v;
}

/* The I/O port of a Generic Address Structure; 0: there is none, or it is no port. */
static uint16_t read_gas_port(const struct acpi_header *fadt, uint32_t offset)
{
    uint64_t address = read_field(fadt, offset + GAS_ADDRESS, 8);

    if (offset + GAS_BYTES > fadt->length || read_field(fadt, offset + GAS_SPACE, 1) != GAS_SYSTEM_IO)
        return 0;
    return address <= UINT16_MAX ? (uint16_t)address : 0;
}

/* The I/O port of a register block, by its extended field or else by its old one; 0: there is none. */
static uint16_t read_port(const struct acpi_header *fadt, uint32_t extended, uint32_t old)
{
    uint16_t port = read_gas_port(fadt, extended);
    uint64_t address = read_field(fadt, old, 4);

    if (port)
        return port;
    return address <= UINT16_MAX ? (uint16_t)address : 0;
}

/* AML as it is read: all that is not at the end yet. ACPI Specification, "AML Byte Stream Byte Values". */
struct aml {
    const uint8_t *at, *end;
};

enum {
    AML_ZERO = 0x00,
    AML_ONE = 0x01,
    AML_NAME = 0x08,
    AML_BYTE_PREFIX = 0x0a,
    AML_WORD_PREFIX = 0x0b,
    AML_DWORD_PREFIX = 0x0c,
    AML_PACKAGE = 0x12,
    AML_ROOT_CHAR = '\\',
};

static bool read_byte(struct aml *aml, uint8_t *out)
{
    if (aml->at == aml->end)
        return false;
    *out = *aml->at++;
    return true;
}

/* Reads one constant integer; only its low byte matters here. */
static bool read_integer(struct aml *aml, uint8_t *out)
{
    uint8_t prefix;
    int more;

    if (!read_byte(aml, &prefix))
        return false;
    if (prefix == AML_ZERO || prefix == AML_ONE) {
        *out = prefix;
        return true;
    }
    if (prefix < AML_BYTE_PREFIX || prefix > AML_DWORD_PREFIX || !read_byte(aml, out))
        return false;
    more = (1 << (prefix - AML_BYTE_PREFIX)) - 1;
    if (aml->end - aml->at < more)
        return false;
    aml->at += more;
    return true;
}

/* Reads PackageOp PkgLength NumElements and the first two elements: SLP_TYPa and SLP_TYPb. */
static bool read_sleep_package(struct aml aml, struct acpi_power *out)
{
    uint8_t byte;

    if (!read_byte(&aml, &byte) || byte != AML_PACKAGE || !read_byte(&aml, &byte))
        return false;
    /* The upper two bits of the first byte of PkgLength tell how many follow it. */
    if (aml.end - aml.at < byte >> 6)
        return false;
    aml.at += byte >> 6;
    if (!read_byte(&aml, &byte) || byte < 2)
        return false;
    return read_integer(&aml, &out->pm1a_sleep) && read_integer(&aml, &out->pm1b_sleep);
}

/* Whether a name that begins at `name` is being defined there, as _S5_ or \_S5_. */
static bool is_definition(const uint8_t *start, const uint8_t *name)
{
    if (name > start && name[-1] == AML_ROOT_CHAR)
        name--;
    return name > start && name[-1] == AML_NAME;
}

/* Looks for Name(_S5, Package(){...}) without an interpreter: by its bytes. */
static bool find_sleep_types(const struct acpi_header *dsdt, struct acpi_power *out)
{
    const uint8_t *start = (const uint8_t *)(dsdt + 1), *end = (const uint8_t *)dsdt + dsdt->length;

    for (const uint8_t *at = start; end - at >= 4; at++)
        if (memcmp(at, "_S5_", 4) == 0 && is_definition(start, at) &&
            read_sleep_package((struct aml){at + 4, end}, out))
            return true;
    return false;
}

static const struct acpi_header *load_dsdt(const struct acpi_header *fadt)
{
    const struct acpi_header *dsdt = acpi_load(read_field(fadt, FADT_X_DSDT, 8), "DSDT");

    return dsdt ? dsdt : acpi_load(read_field(fadt, FADT_DSDT, 4), "DSDT");
}

bool acpi_power_off_registers(struct acpi_power *out)
{
    const struct acpi_header *fadt = acpi_find("FACP"), *dsdt = fadt ? load_dsdt(fadt) : NULL;
    uint64_t smi_command;

    memset(out, 0, sizeof(*out));
    if (!dsdt)
        return false;
    smi_command = read_field(fadt, FADT_SMI_CMD, 4);
    out->pm1a_control = read_port(fadt, FADT_X_PM1A_CNT_BLK, FADT_PM1A_CNT_BLK);
    out->pm1b_control = read_port(fadt, FADT_X_PM1B_CNT_BLK, FADT_PM1B_CNT_BLK);
    out->acpi_enable = (uint8_t)read_field(fadt, FADT_ACPI_ENABLE, 1);
    out->smi_command = out->acpi_enable && smi_command <= UINT16_MAX ? (uint16_t)smi_command : 0;
    return out->pm1a_control != 0 && find_sleep_types(dsdt, out);
}

bool acpi_reset_register(uint16_t *port, uint8_t *value)
{
    const struct acpi_header *fadt = acpi_find("FACP");

    *port = fadt && read_field(fadt, FADT_FLAGS, 4) & FLAG_RESET_REG_SUP ? read_gas_port(fadt, FADT_RESET_REG) : 0;
    *value = *port ? (uint8_t)read_field(fadt, FADT_RESET_VALUE, 1) : 0;
    return *port;
}

uint16_t acpi_pm_timer_port(void)
{
    const struct acpi_header *fadt = acpi_find("FACP");

    return fadt ? read_port(fadt, FADT_X_PM_TMR_BLK, FADT_PM_TMR_BLK) : 0;
}

