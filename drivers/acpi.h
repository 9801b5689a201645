/*
 * The firmware's description of the machine: finds and checks ACPI tables (ACPI Specification, "ACPI Software
 * Programming Model"). Nothing is believed: signatures, lengths and checksums are checked before a byte behind them is
 * used, and a table that fails is as good as absent.
 */
#ifndef DRIVERS_ACPI_H
#define DRIVERS_ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* System Description Table Header: what each table but the RSDP begins with. */
struct acpi_header {
    char signature[4];
    uint32_t length; /* bytes of the whole table */
    uint8_t revision;
    uint8_t checksum;
    char oem_id[6];
    char oem_table_id[8];
    uint32_t oem_revision;
    uint32_t creator_id;
    uint32_t creator_revision;
} __attribute__((packed));

/*
 * Finds the RSDP and the XSDT, or where that is not there or not valid the RSDT. rsdp: physical address of the RSDP, if
 * the boot loader gave one, else 0: it is then looked for in the EBDA and from E0000H to FFFFFH (ACPI Specification,
 * "Finding the RSDP on IA-PC Systems"). map gives readable memory of that many bytes for a physical address, for good,
 * or NULL. false: no usable ACPI tables; all other functions here then find nothing.
 */
bool acpi_init(const void *(*map)(uint64_t physical, uint64_t bytes), uint64_t rsdp);

/* The first table with that signature whose length and checksum are right, all of it mapped; or NULL. */
const struct acpi_header *acpi_find(const char signature[4]);

/* The table at a physical address, on the same terms. */
const struct acpi_header *acpi_load(uint64_t physical, const char signature[4]);

/* The OEM id of the root table (of the RSDP where that is empty) without spaces around it; "" before acpi_init. */
const char *acpi_oem(void);

/* ---- MADT: Multiple APIC Description Table ---------------------------------------------------------------- */

enum acpi_madt_type {
    ACPI_MADT_LOCAL_APIC = 0,
    ACPI_MADT_IO_APIC = 1,
    ACPI_MADT_LOCAL_APIC_ADDRESS = 5, /* Local APIC Address Override */
    ACPI_MADT_LOCAL_X2APIC = 9,
};

/* An Interrupt Controller Structure. The member of `as` is the one that belongs to the type. */
struct acpi_madt_entry {
    uint8_t type;
    uint8_t length;
    union {
        struct {
            uint8_t processor_uid, apic_id;
            uint32_t flags;
        } __attribute__((packed)) local_apic;
        struct {
            uint8_t id, reserved;
            uint32_t address, interrupt_base;
        } __attribute__((packed)) io_apic;
        struct {
            uint16_t reserved;
            uint64_t address;
        } __attribute__((packed)) local_apic_address;
        struct {
            uint16_t reserved;
            uint32_t apic_id, flags, processor_uid;
        } __attribute__((packed)) local_x2apic;
    } as;
} __attribute__((packed));

/* Begins as all zeros. */
struct acpi_madt_iterator {
    const uint8_t *at, *end;
};

/*
 * The next entry, or NULL behind the last one. An entry of a type above is at least as long as its structure; one that
 * is too short is passed over, and one of length 0 or that leaves the table ends the walk.
 */
const struct acpi_madt_entry *acpi_madt_next(struct acpi_madt_iterator *iterator);

struct acpi_cpu {
    uint32_t apic_id;
    bool enabled; /* false: not there, or not to be used */
};

/* Begins as all zeros. */
struct acpi_cpu_iterator {
    struct acpi_madt_iterator madt;
};

/* The next processor, by its local APIC or x2APIC entry; false behind the last one. */
bool acpi_cpu_next(struct acpi_cpu_iterator *iterator, struct acpi_cpu *out);

/* ---- FADT: Fixed ACPI Description Table ------------------------------------------------------------------- */

struct acpi_power {
    uint16_t pm1a_control, pm1b_control; /* I/O ports of PM1 Control; pm1b_control is 0 where there is none */
    uint8_t pm1a_sleep, pm1b_sleep;      /* SLP_TYPa and SLP_TYPb of _S5: soft off */
    uint16_t smi_command;                /* I/O port to write acpi_enable to, while SCI_EN is clear; 0: none needed */
    uint8_t acpi_enable;
};

/* What soft off needs, out of the FADT and of the DSDT's _S5 package; false when one of these is not there. */
bool acpi_power_off_registers(struct acpi_power *out);

/* The reset register, where it is an I/O port, and what to write there to start the machine anew; false: there is none. */
bool acpi_reset_register(uint16_t *port, uint8_t *value);

/* I/O port of the 3.579545 MHz power management timer, whose low 24 bits count; 0 where there is none. */
uint16_t acpi_pm_timer_port(void);

#endif
