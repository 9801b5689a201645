#include "drivers/acpi.h"

#include "lib/string.h"

/* Root System Description Pointer. */
struct rsdp {
    char signature[8];
    uint8_t checksum; /* over the first RSDP_V1_BYTES */
    char oem_id[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length; /* from here on: revision 2 and later */
    uint64_t xsdt;
    uint8_t extended_checksum;
    uint8_t reserved[3];
} __attribute__((packed));

enum {
    RSDP_V1_BYTES = offsetof(struct rsdp, length),
    RSDP_ALIGN = 16,
    RSDP_MAX = 4096,
    TABLE_MAX = 16 << 20, /* a longer table is taken for garbage */
    EBDA_SEGMENT = 0x40e, /* where the BIOS keeps the real-mode segment of the EBDA */
    EBDA_BYTES = 1024,
    BIOS_AREA = 0xe0000,
    BIOS_AREA_BYTES = 0x20000,
    OEM_BYTES = 6,
};

static const void *(*map_memory)(uint64_t physical, uint64_t bytes);
static const struct acpi_header *root; /* XSDT or RSDT */
static unsigned root_entry_bytes;
static char oem[OEM_BYTES + 1];

static bool sums_to_zero(const void *bytes, size_t n)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum = (uint8_t)(sum + ((const uint8_t *)bytes)[i]);
    return sum == 0;
}

static bool is_rsdp(const void *at) { return memcmp(at, "RSD PTR ", 8) == 0 && sums_to_zero(at, RSDP_V1_BYTES); }

const struct acpi_header *acpi_load(uint64_t physical, const char signature[4])
{
    const struct acpi_header *header;
    uint32_t length;

    if (!map_memory || physical == 0 || physical > UINT64_MAX - TABLE_MAX)
        return NULL;
    header = map_memory(physical, sizeof(*header));
    if (!header || memcmp(header->signature, signature, 4) != 0)
        return NULL;
    length = header->length;
    if (length < sizeof(*header) || length > TABLE_MAX)
        return NULL;
    header = map_memory(physical, length);
    return header && sums_to_zero(header, length) ? header : NULL;
}

/* The physical address of the first valid RSDP in an area, or 0. */
static uint64_t search_area(uint64_t physical, uint64_t bytes)
{
    const char *area = map_memory(physical, bytes);

    for (uint64_t at = 0; area && at + RSDP_V1_BYTES <= bytes; at += RSDP_ALIGN)
        if (is_rsdp(area + at))
            return physical + at;
    return 0;
}

static uint64_t search_rsdp(void)
{
    const uint8_t *segment = map_memory(EBDA_SEGMENT, 2);
    uint64_t ebda = segment ? (uint64_t)(segment[0] | segment[1] << 8) << 4 : 0, found = 0;

    if (ebda != 0)
        found = search_area(ebda, EBDA_BYTES);
    return found ? found : search_area(BIOS_AREA, BIOS_AREA_BYTES);
}

/* The address of the XSDT; 0 where the RSDP is of the first revision or its second part is not valid. */
static uint64_t read_xsdt(uint64_t physical, const struct rsdp *v1)
{
    const struct rsdp *v2;
    uint32_t length;

    if (v1->revision < 2)
        return 0;
    v2 = map_memory(physical, sizeof(*v2));
    if (!v2)
        return 0;
    length = v2->length;
    if (length < sizeof(*v2) || length > RSDP_MAX)
        return 0;
    v2 = map_memory(physical, length);
    return v2 && sums_to_zero(v2, length) ? v2->xsdt : 0;
}

/* Keeps an OEM id without the spaces and zeros around it; false when nothing is left. */
static bool keep_oem(const char id[OEM_BYTES])
{
    size_t start = 0, end = OEM_BYTES;

    while (start < end && (id[start] == ' ' || id[start] == 0))
        start++;
    while (end > start && (id[end - 1] == ' ' || id[end - 1] == 0))
        end--;
    memset(oem, 0, sizeof(oem));
    for (size_t i = start; i < end; i++)
        oem[i - start] = id[i] > ' ' && id[i] <= '~' ? id[i] : '?';
    return end > start;
}

bool acpi_init(const void *(*map)(uint64_t physical, uint64_t bytes), uint64_t rsdp)
{
    const struct rsdp *v1;

    map_memory = map;
    root = NULL;
    oem[0] = 0;
    if (rsdp == 0)
        rsdp = search_rsdp();
    if (rsdp == 0 || rsdp > UINT64_MAX - RSDP_MAX)
        return false;
    v1 = map_memory(rsdp, RSDP_V1_BYTES);
    if (!v1 || !is_rsdp(v1))
        return false;
    root = acpi_load(read_xsdt(rsdp, v1), "XSDT");
    root_entry_bytes = sizeof(uint64_t);
    if (!root) {
        root = acpi_load(v1->rsdt, "RSDT");
        root_entry_bytes = sizeof(uint32_t);
    }
    if (root && !keep_oem(root->oem_id))
        keep_oem(v1->oem_id);
    return root != NULL;
}

const struct acpi_header *acpi_find(const char signature[4])
{
    size_t entries = root ? (root->length - sizeof(*root)) / root_entry_bytes : 0;

    for (size_t i = 0; i < entries; i++) {
        const struct acpi_header *table;
        uint64_t physical = 0;

        memcpy(&physical, (const char *)(root + 1) + i * root_entry_bytes, root_entry_bytes);
        table = acpi_load(physical, signature);
        if (table)
            return table;
    }
    return NULL;
}

const char *acpi_oem(void) { return oem; }
