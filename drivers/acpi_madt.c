/* MADT: ACPI Specification, "Multiple APIC Description Table (MADT)". */
#include "drivers/acpi.h"

#include "lib/string.h"

struct madt {
    struct acpi_header header;
    uint32_t local_apic_address, flags;
} __attribute__((packed));

enum {
    ENTRY_HEADER_BYTES = 2,
    FLAG_ENABLED = 1 << 0,
    LOCAL_APIC_NONE = 0xff, /* the APIC id of an entry that is no processor */
};
#define LOCAL_X2APIC_NONE 0xffffffffu

/* Bytes that an entry of a type must have; 2 for the types that nobody here looks into. */
static unsigned least_bytes(uint8_t type)
{
    static const uint8_t bytes[] = {
        [ACPI_MADT_LOCAL_APIC] = 8,
        [ACPI_MADT_IO_APIC] = 12,
        [ACPI_MADT_LOCAL_APIC_ADDRESS] = 12,
        [ACPI_MADT_LOCAL_X2APIC] = 16,
    };

    return type < sizeof(bytes) && bytes[type] ? bytes[type] : ENTRY_HEADER_BYTES;
}

static const struct madt *find_madt(void)
{
    const struct madt *madt = (const struct madt *)acpi_find("APIC");

    return madt && madt->header.length >= sizeof(*madt) ? madt : NULL;
}

const struct acpi_madt_entry *acpi_madt_next(struct acpi_madt_iterator *iterator)
{
    if (!iterator->at) {
        const struct madt *madt = find_madt();

        if (!madt)
            return NULL;
        iterator->at = (const uint8_t *)(madt + 1);
        iterator->end = (const uint8_t *)madt + madt->header.length;
    }
    while (iterator->end - iterator->at >= ENTRY_HEADER_BYTES) {
        const uint8_t *entry = iterator->at;
        uint8_t type = entry[0], length = entry[1];

        if (length < ENTRY_HEADER_BYTES || length > iterator->end - entry)
            break;
        iterator->at += length;
        if (length >= least_bytes(type))
            return (const struct acpi_madt_entry *)entry;
    }
    iterator->at = iterator->end;
    return NULL;
}

bool acpi_cpu_next(struct acpi_cpu_iterator *iterator, struct acpi_cpu *out)
{
    const struct acpi_madt_entry *entry;

    while ((entry = acpi_madt_next(&iterator->madt))) {
        if (entry->type == ACPI_MADT_LOCAL_APIC && entry->as.local_apic.apic_id != LOCAL_APIC_NONE) {
            *out = (struct acpi_cpu){entry->as.local_apic.apic_id, entry->as.local_apic.flags & FLAG_ENABLED};
            return true;
        }
        if (entry->type == ACPI_MADT_LOCAL_X2APIC && entry->as.local_x2apic.apic_id != LOCAL_X2APIC_NONE) {
            *out = (struct acpi_cpu){entry->as.local_x2apic.apic_id, entry->as.local_x2apic.flags & FLAG_ENABLED};
            return true;
        }
    }
    return false;
}
