/* sources: drivers/acpi.c drivers/acpi_madt.c tests/lib_support.c */
#include <stdlib.h>
#include <string.h>

#include "tests/drivers_x86.h"
#include "tests/lib_support.h"

#include "drivers/acpi_fadt.c"

/*
 * Physical memory: some blocks with nothing in between. What is mapped is a copy of exactly that many bytes, so that
 * ASan sees each read behind its end.
 */
enum { MAX_BLOCKS = 12, MAX_MAPPINGS = 4000 };

static struct block {
    uint64_t physical, bytes;
    uint8_t *data;
} blocks[MAX_BLOCKS];
static unsigned block_count;

static void *mappings[MAX_MAPPINGS];
static unsigned mapping_count;

static const void *map(uint64_t physical, uint64_t bytes)
{
    for (unsigned i = 0; i < block_count; i++) {
        const struct block *b = &blocks[i];
        void *copy;

        if (physical < b->physical || bytes > b->bytes || physical - b->physical > b->bytes - bytes)
            continue;
        CHECK(mapping_count < MAX_MAPPINGS);
        copy = malloc(bytes);
        memcpy(copy, b->data + (physical - b->physical), bytes);
        mappings[mapping_count++] = copy;
        return copy;
    }
    return NULL;
}

static void unmap_all(void)
{
    while (mapping_count > 0)
        free(mappings[--mapping_count]);
}

static void clear(void)
{
    unmap_all();
    for (unsigned i = 0; i < block_count; i++)
        free(blocks[i].data);
    block_count = 0;
}

static struct block *add(uint64_t physical, const void *data, uint64_t bytes)
{
    struct block *b = &blocks[block_count++];

    CHECK(block_count <= MAX_BLOCKS);
    *b = (struct block){physical, bytes, malloc(bytes)};
    memcpy(b->data, data, bytes);
    return b;
}

static void fix_sum(uint8_t *at, size_t bytes, size_t checksum)
{
    uint8_t sum = 0;

    at[checksum] = 0;
    for (size_t i = 0; i < bytes; i++)
        sum = (uint8_t)(sum + at[i]);
    at[checksum] = (uint8_t)-sum;
}

/* A table with that body, as a block. */
static struct block *add_table(uint64_t physical, const char *signature, const void *body, uint32_t bytes)
{
    uint8_t table[512] = {0};
    struct acpi_header header = {.length = (uint32_t)sizeof(header) + bytes, .revision = 1, .oem_id = " ACME "};

    /* Before the first byte of a DSDT, what would make a definition out of it. */
    header.creator_revision = (uint32_t)AML_NAME << 24;
    CHECK(header.length <= sizeof(table));
    memcpy(header.signature, signature, 4);
    memcpy(table, &header, sizeof(header));
    memcpy(table + sizeof(header), body, bytes);
    fix_sum(table, header.length, 9);
    return add(physical, table, header.length);
}

/* A little machine: where its tables are, and what is in them. */
enum {
    RSDP = 0xf0040, XSDT = 0x10000, RSDT = 0x11000, FADT = 0x12000, MADT = 0x13000, DSDT = 0x14000, FADT2 = 0x15000,
};

static const uint8_t madt_body[] = {
    0x00, 0x00, 0xe0, 0xfe, 1, 0, 0, 0,                            /* local APICs at FEE00000H */
    0, 8, 0, 0, 1, 0, 0, 0,                                        /* CPU 0, enabled */
    0, 8, 1, 2, 0, 0, 0, 0,                                        /* CPU 2, disabled */
    0, 4, 9, 9,                                                    /* too short for its type */
    1, 12, 5, 0, 0x00, 0x00, 0xc0, 0xfe, 24, 0, 0, 0,              /* I/O APIC 5 */
    0x7f, 5, 1, 2, 3,                                              /* some type of the future */
    0, 8, 3, 255, 1, 0, 0, 0,                                      /* no processor */
    9, 16, 0, 0, 0x00, 0x01, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0,         /* x2APIC 256, enabled */
    9, 16, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 7, 0, 0, 0,   /* no processor */
    5, 12, 0, 0, 0x00, 0x00, 0xe0, 0xfe, 0x01, 0, 0, 0,            /* local APICs at 1FEE00000H */
};

static const uint8_t dsdt_body[] = {
    0x10, 0x05, '_', 'S', '5', '_',                                              /* only mentioned */
    0x08, '\\', '_', 'S', '5', '_', 0x12, 0x0a, 0x04, 0x0a, 0x05, 0x0b, 0x06, 0x00, 0x00, 0x00,
};

static void add_rsdp(uint64_t physical, uint8_t revision, uint64_t xsdt, uint32_t rsdt)
{
    uint8_t rsdp[36] = "RSD PTR ";
    uint32_t length = sizeof(rsdp);

    memcpy(rsdp + 9, "FIRM  ", 6);
    rsdp[15] = revision;
    memcpy(rsdp + 16, &rsdt, 4);
    memcpy(rsdp + 20, &length, 4);
    memcpy(rsdp + 24, &xsdt, 8);
    fix_sum(rsdp, 20, 8);
    fix_sum(rsdp, 36, 32);
    add(physical, rsdp, sizeof(rsdp));
}

static void put(uint8_t *fadt, unsigned offset, uint64_t v, unsigned bytes)
{
    memcpy(fadt + offset - sizeof(struct acpi_header), &v, bytes);
}

/* Old fields say 600H and more, extended ones 700H and more; the PM timer's is in memory, not a port. */
static void make_fadt(uint8_t body[244])
{
    memset(body, 0, 244);
    put(body, FADT_DSDT, DSDT, 4);
    put(body, FADT_SMI_CMD, 0xb2, 4);
    put(body, FADT_ACPI_ENABLE, 0xf1, 1);
    put(body, FADT_PM1A_CNT_BLK, 0x604, 4);
    put(body, FADT_PM1B_CNT_BLK, 0x614, 4);
    put(body, FADT_PM_TMR_BLK, 0x608, 4);
    put(body, FADT_X_PM1A_CNT_BLK, GAS_SYSTEM_IO, 1);
    put(body, FADT_X_PM1A_CNT_BLK + GAS_ADDRESS, 0x704, 8);
    put(body, FADT_X_PM_TMR_BLK + GAS_ADDRESS, 0x708, 8);
}

enum { FADT_OLD_BYTES = 116 - sizeof(struct acpi_header), FADT_NEW_BYTES = 244 - sizeof(struct acpi_header) };

static void add_machine(void)
{
    uint64_t wide[] = {0, 0xdead0000, MADT, FADT};
    uint32_t narrow[] = {FADT2, MADT};
    uint8_t fadt[244];

    clear();
    make_fadt(fadt);
    add_rsdp(RSDP, 2, XSDT, RSDT);
    add_table(XSDT, "XSDT", wide, sizeof(wide));
    add_table(RSDT, "RSDT", narrow, sizeof(narrow));
    add_table(FADT, "FACP", fadt, FADT_NEW_BYTES);
    add_table(FADT2, "FACP", fadt, FADT_OLD_BYTES);
    add_table(MADT, "APIC", madt_body, sizeof(madt_body));
    add_table(DSDT, "DSDT", dsdt_body, sizeof(dsdt_body));
}

static struct block *block_at(uint64_t physical)
{
    for (unsigned i = 0; i < block_count; i++)
        if (blocks[i].physical == physical)
            return &blocks[i];
    CHECK(!"a block");
    return NULL;
}

/* Changes a byte of a table; `fix`: so that its checksum still is right. */
static void poke(uint64_t physical, size_t offset, uint8_t v, bool fix)
{
    struct block *b = block_at(physical);

    b->data[offset] = v;
    if (fix)
        fix_sum(b->data, b->bytes, 9);
}

static void test_roots(void)
{
    add_machine();
    CHECK(acpi_init(map, RSDP));
    CHECK(strcmp(acpi_oem(), "ACME") == 0);
    CHECK(acpi_find("FACP")->length == 244);
    CHECK(acpi_find("NONE") == NULL);

    add_machine();
    poke(XSDT, 40, 1, false);
    CHECK(acpi_init(map, RSDP) && acpi_find("FACP")->length == 116);

    add_machine();
    poke(RSDP, 32, 1, false);
    CHECK(acpi_init(map, RSDP) && acpi_find("FACP")->length == 116);

    add_machine();
    poke(XSDT, 40, 1, false);
    poke(RSDT, 40, 1, false);
    CHECK(!acpi_init(map, RSDP) && acpi_find("FACP") == NULL && strcmp(acpi_oem(), "") == 0);

    add_machine();
    poke(RSDP, 16, 1, false);
    CHECK(!acpi_init(map, RSDP));

    clear();
    add_rsdp(RSDP, 0, XSDT, RSDT);
    add_table(XSDT, "XSDT", "", 0);
    memcpy(add_table(RSDT, "RSDT", "", 0)->data + 10, "\0 \0 \0 ", 6);
    fix_sum(block_at(RSDT)->data, sizeof(struct acpi_header), 9);
    CHECK(acpi_init(map, RSDP) && strcmp(acpi_oem(), "FIRM") == 0 && acpi_find("APIC") == NULL);
    test_passed("XSDT before RSDT before nothing, each only when it is valid");
}

static void test_search(void)
{
    static uint8_t bios[0x20000], ebda[1024];
    uint8_t segment[] = {0xc0, 0x9f};
    struct block rsdp;

    add_machine();
    rsdp = *block_at(RSDP);
    memcpy(ebda, "RSD PTR ", 8);
    memcpy(bios + 0x10, "RSD PTR ", 8);
    memcpy(bios + 0x1fff0, "RSD PTR ", 8);
    memcpy(bios + 0x10040 + 8, rsdp.data, rsdp.bytes);
    *block_at(RSDP) = (struct block){0xe0000, sizeof(bios), malloc(sizeof(bios))};
    memcpy(block_at(0xe0000)->data, bios, sizeof(bios));
    CHECK(!acpi_init(map, 0));
    memcpy(block_at(0xe0000)->data + 0x10040, rsdp.data, rsdp.bytes);
    CHECK(acpi_init(map, 0) && acpi_find("FACP"));

    memset(block_at(0xe0000)->data, 0, sizeof(bios));
    add(0x40e, segment, sizeof(segment));
    memcpy(add(0x9fc00, ebda, sizeof(ebda))->data + 1024 - 48, rsdp.data, rsdp.bytes);
    CHECK(acpi_init(map, 0) && acpi_find("FACP"));
    free(rsdp.data);

    clear();
    CHECK(!acpi_init(map, 0));
    CHECK(!acpi_init(map, UINT64_MAX - 8));
    test_passed("the RSDP is found in the BIOS area and in the EBDA, on a multiple of 16, by its checksum");
}

static void test_bad_lengths(void)
{
    static const uint32_t lengths[] = {0, 1, 35, 253, 0x01000001, 0x7fffffff, 0xffffffff};

    for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        add_machine();
        memcpy(block_at(FADT)->data + 4, &lengths[i], 4);
        fix_sum(block_at(FADT)->data, 244, 9);
        CHECK(acpi_init(map, RSDP) && acpi_find("FACP") == NULL && acpi_find("APIC") != NULL);
    }
    test_passed("a table with a length that cannot be is as good as absent");
}

static void test_madt(void)
{
    static const struct acpi_cpu expected[] = {{0, true}, {2, false}, {256, true}};
    static const uint8_t types[] = {0, 0, 1, 0x7f, 0, 9, 9, 5};
    struct acpi_cpu_iterator cpus = {0};
    struct acpi_madt_iterator entries = {0};
    const struct acpi_madt_entry *entry;
    struct acpi_cpu cpu;

    add_machine();
    CHECK(acpi_init(map, RSDP));
    for (unsigned i = 0; i < 3; i++) {
        CHECK(acpi_cpu_next(&cpus, &cpu));
        CHECK(cpu.apic_id == expected[i].apic_id && cpu.enabled == expected[i].enabled);
    }
    CHECK(!acpi_cpu_next(&cpus, &cpu) && !acpi_cpu_next(&cpus, &cpu));
    for (unsigned i = 0; i < sizeof(types); i++) {
        CHECK((entry = acpi_madt_next(&entries)) && entry->type == types[i]);
        if (entry->type == ACPI_MADT_IO_APIC)
            CHECK(entry->as.io_apic.id == 5 && entry->as.io_apic.address == 0xfec00000 &&
                  entry->as.io_apic.interrupt_base == 24);
    }
    CHECK(acpi_madt_next(&entries) == NULL && acpi_madt_next(&entries) == NULL);

    /* The second entry of length 0, 1, or longer than what is left. */
    for (unsigned i = 0; i < 3; i++) {
        poke(MADT, 36 + 8 + 8 + 1, (uint8_t[]){0, 1, 250}[i], true);
        cpus = (struct acpi_cpu_iterator){0};
        CHECK(acpi_cpu_next(&cpus, &cpu) && cpu.apic_id == 0);
        CHECK(!acpi_cpu_next(&cpus, &cpu));
    }
    clear();
    add_rsdp(RSDP, 0, 0, RSDT);
    add_table(RSDT, "RSDT", (uint32_t[]){MADT}, 4);
    add_table(MADT, "APIC", madt_body, 7);
    CHECK(acpi_init(map, RSDP) && acpi_find("APIC"));
    cpus = (struct acpi_cpu_iterator){0};
    CHECK(!acpi_cpu_next(&cpus, &cpu));
    test_passed("the MADT's entries, processors and addresses; a bad length ends the walk");
}

static void test_fadt(void)
{
    struct acpi_power power;

    add_machine();
    CHECK(acpi_init(map, RSDP) && acpi_power_off_registers(&power));
    CHECK(power.pm1a_control == 0x704 && power.pm1b_control == 0x614);
    CHECK(power.pm1a_sleep == 5 && power.pm1b_sleep == 6);
    CHECK(power.smi_command == 0xb2 && power.acpi_enable == 0xf1);
    CHECK(acpi_pm_timer_port() == 0x608);

    /* An old table, which ends before the extended fields. */
    poke(XSDT, 40, 1, false);
    CHECK(acpi_init(map, RSDP) && acpi_power_off_registers(&power));
    CHECK(power.pm1a_control == 0x604);
    test_passed("the FADT's registers, extended ones first, of tables old and new");
}

static void test_sleep_package(void)
{
    static const struct { uint8_t aml[16]; uint8_t bytes; int a, b; } cases[] = {
        {{0x08, '_', 'S', '5', '_', 0x12, 6, 4, 0x0a, 7, 0x0a, 7, 0, 0}, 14, 7, 7},
        {{0x08, '_', 'S', '5', '_', 0x12, 4, 2, 0, 0}, 10, 0, 0},
        {{0x08, '_', 'S', '5', '_', 0x12, 4, 2, 1, 0x0a, 3}, 11, 1, 3},
        {{0x08, '_', 'S', '5', '_', 0x12, 0x45, 0, 2, 0x0c, 3, 0, 0, 0, 1}, 15, 3, 1},
        {{0x08, '_', 'S', '5', '_', 0x12, 3, 1, 0, 0}, 10, -1, -1},          /* one element */
        {{0x08, '_', 'S', '5', '_', 0x11, 4, 2, 0, 0}, 10, -1, -1},          /* no package */
        {{0x09, '_', 'S', '5', '_', 0x12, 4, 2, 0, 0}, 10, -1, -1},          /* no definition */
        {{'_', 'S', '5', '_', 0x12, 4, 2, 0, 0}, 9, -1, -1},                 /* nothing before it */
        {{0x08, '_', 'S', '5', '_', 0x12, 4, 2, 0}, 9, -1, -1},              /* ends too early, here and below */
        {{0x08, '_', 'S', '5', '_', 0x12, 4, 2, 0, 0x0a}, 10, -1, -1},
        {{0x08, '_', 'S', '5', '_', 0x12, 0xc4, 2}, 8, -1, -1},
        {{0x08, '_', 'S', '5', '_', 0x12, 4, 2, 0x0c, 1, 2, 3}, 12, -1, -1},
        {{0x08, '_', 'S', '5', '_'}, 5, -1, -1},
        {{0x08, '_', 'S', '5'}, 4, -1, -1},
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct acpi_power power;
        bool found;

        add_machine();
        free(blocks[--block_count].data);
        add_table(DSDT, "DSDT", cases[i].aml, cases[i].bytes);
        CHECK(acpi_init(map, RSDP));
        found = acpi_power_off_registers(&power);
        CHECK(found == (cases[i].a >= 0));
        if (found)
            CHECK(power.pm1a_sleep == cases[i].a && power.pm1b_sleep == cases[i].b);
    }
    test_passed("SLP_TYP out of the bytes of _S5_, never behind their end");
}

/* Reads all that there is to read. */
static void use_everything(void)
{
    struct acpi_madt_iterator entries = {0};
    struct acpi_cpu_iterator cpus = {0};
    const struct acpi_madt_entry *entry;
    struct acpi_power power;
    struct acpi_cpu cpu;
    uint64_t sum = 0;

    while ((entry = acpi_madt_next(&entries)))
        for (unsigned i = 0; i < entry->length; i++)
            sum += ((const uint8_t *)entry)[i];
    while (acpi_cpu_next(&cpus, &cpu))
        sum += cpu.apic_id;
    sum += acpi_power_off_registers(&power) + acpi_pm_timer_port() + strlen(acpi_oem());
    CHECK(strlen(acpi_oem()) <= 6 && sum != 1);
}

/* Some bytes changed, some blocks cut short; checksums made right again most of the time, to get further. */
static void test_fuzz(void)
{
    unsigned valid = 0;

    for (uint64_t round = 0; round < 20000; round++) {
        unsigned changes = 1 + (unsigned)test_below(6);

        test_seed(round);
        add_machine();
        while (changes-- > 0) {
            struct block *b = &blocks[test_below(block_count)];

            if (test_below(6) == 0)
                b->bytes = test_below(b->bytes) + 1;
            else
                b->data[test_below(b->bytes)] = (uint8_t)(test_below(3) ? test_below(20) : test_random());
            if (b->physical == RSDP && b->bytes == 36) {
                fix_sum(b->data, 20, 8);
                fix_sum(b->data, 36, 32);
            } else if (b->physical != RSDP && b->bytes > 9 && test_below(8)) {
                uint32_t length = (uint32_t)b->bytes;

                if (length > 36 && test_below(2))
                    memcpy(b->data + 4, &length, 4);
                fix_sum(b->data, b->bytes, 9);
            }
        }
        valid += acpi_init(map, RSDP);
        use_everything();
    }
    clear();
    CHECK(valid > 10000 && valid < 20000);
    test_passed("20000 machines with broken tables: nothing is read outside of them");
}

int main(void)
{
    test_roots();
    test_search();
    test_bad_lengths();
    test_madt();
    test_fadt();
    test_sleep_package();
    test_fuzz();
    return test_done();
}
