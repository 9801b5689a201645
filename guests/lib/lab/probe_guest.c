#include "guests/lib/lab/probe_guest.h"

#include <string.h>

#include "config/fields.h"
#include "guests/lib/common/hypercall.h"
#include "guests/lib/feature/outcome.h"
#include "guests/lib/lab/control.h"
#include "guests/lib/lab/page.h"
#include "guests/lib/lab/probe_block.h"
#include "guests/lib/lab/root.h"
#include "guests/lib/lab/svm.h"
#include "guests/lib/lab/vmx.h"

/* Page n is at gpa and linear address n * 4 KiB; page 0 is nowhere. */
enum page { NOTHING, STACK_AREA, CODE, SPARE, DATA, STACK, TABLES_4, TABLES_3, TABLES_2, TABLES_1, PAGES };
_Static_assert(CODE *PAGE_BYTES == PROBE_GUEST_CODE && DATA * PAGE_BYTES == PROBE_GUEST_DATA, "as the header says");
_Static_assert((STACK + 1) * PAGE_BYTES == PROBE_GUEST_STACK_END, "as the header says");
static _Alignas(PAGE_BYTES) uint8_t pages[PAGES][PAGE_BYTES];

/* The root, and what probe_guest_map() has needed. */
enum { NESTED_TABLES = 12 };
static _Alignas(PAGE_BYTES) uint64_t nested[NESTED_TABLES][PAGE_SLOTS];
static unsigned nested_used;

static uint64_t host_address(const void *page)
{
    uint64_t address;

    if (!lab_try_read(PROBE(LAB_PROBE_ADDRESS | (uintptr_t)page), &address))
        SKIP("needs a VM with `lab = full`");
    return address;
}

/* Read, write, execute, which is present, write, user for SVM. For EPT, execute in user mode as well, and write-back. */
static uint64_t all_rights(void) { return hypercall_is_svm ? 0x007 : 0x407; }
static uint64_t leaf_flags(void) { return hypercall_is_svm ? 0x007 : 0x437; }

static uint64_t *next_table(uint64_t *entry)
{
    const uint64_t address_mask = 0x000ffffffffff000;

    if (!*entry) {
        if (nested_used == NESTED_TABLES)
            ERROR("probe_guest.c: NESTED_TABLES is too small");
        *entry = host_address(nested[nested_used++]) | all_rights();
    }
    for (unsigned i = 0; i < nested_used; i++)
        if (host_address(nested[i]) == (*entry & address_mask))
            return nested[i];
    ERROR("the nested tables of the probe's guest are not as they should be");
}

uint64_t *probe_guest_entry(uint64_t gpa, unsigned level)
{
    uint64_t *table = nested[0];

    for (unsigned at = 4;; at--) {
        uint64_t *entry = &table[gpa >> (12 + 9 * (at - 1)) & (PAGE_SLOTS - 1)];

        if (at == level)
            return entry;
        table = next_table(entry);
    }
}

uint64_t *probe_guest_map(uint64_t gpa, uint64_t address, unsigned level)
{
    uint64_t *entry = probe_guest_entry(gpa, level);

    *entry = address | leaf_flags() | (level > 1 ? PAGE_LARGE : 0);
    return entry;
}

static void make_nested_tables(void)
{
    memset(nested, 0, sizeof nested);
    nested_used = 1;
    for (unsigned i = NOTHING + 1; i < PAGES; i++)
        probe_guest_map((uint64_t)i * PAGE_BYTES, host_address(pages[i]), 1);
}

static void put_entry(enum page table, unsigned slot, uint64_t gpa, uint64_t flags)
{
    uint64_t entry = gpa | PAGE_PRESENT | PAGE_WRITE | flags;

    memcpy(pages[table] + slot * sizeof entry, &entry, sizeof entry);
}

static void make_tables(void)
{
    put_entry(TABLES_4, 0, TABLES_3 * PAGE_BYTES, PAGE_USER);
    put_entry(TABLES_3, 0, TABLES_2 * PAGE_BYTES, PAGE_USER);
    put_entry(TABLES_2, 0, TABLES_1 * PAGE_BYTES, PAGE_USER);
    for (unsigned i = NOTHING + 1; i < PAGES; i++)
        put_entry(TABLES_1, i, (uint64_t)i * PAGE_BYTES, PAGE_USER);
}

void probe_guest_window(uint64_t gpa, uint64_t flags)
{
    put_entry(TABLES_1, PROBE_GUEST_WINDOW / PAGE_BYTES, gpa, flags);
}

uint8_t *probe_guest_data(void) { return pages[DATA]; }

uint64_t probe_guest_data_address(void) { return host_address(pages[DATA]); }

static void write_pairs(const struct entry_block *block, const struct entry_pair *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!block->write(block->context, pairs[i].field, pairs[i].value))
            ERROR("the probe takes no %s", field_name(pairs[i].field));
}

void probe_guest_set(struct entry_block *block, uint32_t field, uint64_t bits)
{
    uint64_t value = 0;

    block->read(block->context, field, &value);
    if (!block->write(block->context, field, value | bits))
        ERROR("the probe takes no %s", field_name(field));
}

void probe_guest_control(struct entry_block *block, enum feature_need control)
{
    probe_guest_set(block, (uint32_t)lab_control_field(control), lab_control_bit(control));
}

enum { RFLAGS_FIXED = 2, ALL_EXCEPTIONS = -1 };

static void begin_vmx(const struct entry_block *block)
{
    enum { WRITE_BACK_4_LEVELS = 0x1e };
    const struct entry_pair pairs[] = {
        {EPT_POINTER, host_address(nested[0]) | WRITE_BACK_4_LEVELS},
        {EXCEPTION_BITMAP, (uint32_t)ALL_EXCEPTIONS},
        {GUEST_CR3, TABLES_4 * PAGE_BYTES},
        {GUEST_RIP, PROBE_GUEST_CODE},
        {GUEST_RSP, PROBE_GUEST_STACK_END},
        {GUEST_RFLAGS, RFLAGS_FIXED},
    };

    write_pairs(block, pairs, sizeof pairs / sizeof *pairs);
}

static void begin_svm(struct entry_block *block)
{
    const struct entry_pair pairs[] = {
        {VMCB_NESTED_CR3, host_address(nested[0])}, {VMCB_INTERCEPT_EXCEPTION, (uint32_t)ALL_EXCEPTIONS},
        {VMCB_CR3, TABLES_4 * PAGE_BYTES},          {VMCB_RIP, PROBE_GUEST_CODE},
        {VMCB_RSP, PROBE_GUEST_STACK_END},          {VMCB_RFLAGS, RFLAGS_FIXED},
    };

    write_pairs(block, pairs, sizeof pairs / sizeof *pairs);
    probe_guest_control(block, INTERCEPT_CPUID);
}

struct entry_block probe_guest_begin(const uint8_t *code, size_t bytes)
{
    struct entry_block block = probe_begin(entry_base(hypercall_is_svm ? BACKEND_SVM : BACKEND_VMX, 0));

    memset(pages, 0, sizeof pages);
    memcpy(pages[CODE], code, bytes);
    make_nested_tables();
    make_tables();
    if (hypercall_is_svm)
        begin_svm(&block);
    else
        begin_vmx(&block);
    return block;
}

void probe_guest_in_user_mode(struct entry_block *block)
{
    static const struct entry_pair vmx[] = {{GUEST_CS_SELECTOR, 0x1b},
                                            {GUEST_CS_ACCESS_RIGHTS, 0xa0fb},
                                            {GUEST_SS_SELECTOR, 0x23},
                                            {GUEST_SS_ACCESS_RIGHTS, 0xc0f3}};
    static const struct entry_pair svm[] = {{VMCB_CS_SELECTOR, 0x1b},
                                            {VMCB_CS_ATTRIBUTES, 0xafb},
                                            {VMCB_SS_SELECTOR, 0x23},
                                            {VMCB_SS_ATTRIBUTES, 0xcf3},
                                            {VMCB_CPL, 3}};

    if (hypercall_is_svm)
        write_pairs(block, svm, sizeof svm / sizeof *svm);
    else
        write_pairs(block, vmx, sizeof vmx / sizeof *vmx);
}

/* The tables may be others than at the entry before, with the same root. SVM's probe flushes at each entry anyway. */
static void forget_translations(void)
{
    enum { ALL_CONTEXTS = 2 };

    if (!hypercall_is_svm && feature_has(EPT_INVEPT_ALL))
        root_run(LAB_VMX_INVEPT, ALL_CONTEXTS, 0, 0);
}

struct probe_result probe_guest_enter(void)
{
    enum { ATTEMPTS = 1000 };
    struct probe_result result;

    for (unsigned i = 0; i < ATTEMPTS; i++) {
        forget_translations();
        result = probe_enter();
        if (!result.exited || result.reason != (hypercall_is_svm ? VMEXIT_INTR : EXIT_EXTERNAL_INTERRUPT))
            return result;
    }
    ERROR("%u interrupts of the host's, one after the other", ATTEMPTS);
}

uint64_t probe_guest_field(uint32_t field)
{
    return hypercall_is_svm ? probe_vmcb_field(field) : lab_read(PROBE(field));
}
