/* The access that has no linear address: loading the PDPTEs of PAE paging. And IRET, which unblocks NMIs before it exits. */
#include <string.h>

#include "guests/lib/lab/lab.h"
#include "guests/tests/ept.h"

#define QUALIFICATION "Exit Qualification for EPT Violations"

/* ---- PDPTEs ----------------------------------------------------------------------------------------------------- */

enum { PDPTES = 0x40, PDPTE_BYTES = 4 * 8, ENTRIES = 512, PERMISSION_BITS_SHIFT = 3 };

/* From protected mode to PAE paging with CR3 = EBX, and back. */
MODE_CODE(pae, 32,
          "movl %cr3, %esi; movl $0xc0000080, %ecx; rdmsr; andl $~0x100, %eax; wrmsr;"
          "movl %ebx, %cr3; movl %cr0, %edi; movl %edi, %eax; orl $0x80000000, %eax; movl %eax, %cr0;"
          "movl %edi, %cr0; rdmsr; orl $0x100, %eax; wrmsr; movl %esi, %cr3")

/* PDPTEs in the place, and a directory of 2 MiB pages behind them. */
static void make_tables(const struct ept_place *place)
{
    uint64_t *directory = (uint64_t *)EPT_TABLE;

    memset(place->linear, 0, PAGE_BYTES);
    *(uint64_t *)(place->linear + PDPTES) = EPT_TABLE | PAGE_PRESENT;
    for (uint64_t i = 0; i < ENTRIES; i++)
        directory[i] = i * PAGE_LARGE_BYTES | PAGE_PRESENT | PAGE_WRITE | PAGE_LARGE;
}

static const struct feature_axis pdpte_axes[] = {PERMISSIONS, AXIS("off", "on"), {0}};

static const uint16_t *pdpte_needs(const void *row)
{
    static const uint16_t flags[] = {EPT_ACCESSED_DIRTY, 0}, both[] = {EPT_ACCESSED_DIRTY, EPT_EXECUTE_ONLY, 0};
    const unsigned *at = row;
    const uint16_t *needs = ept_permission_needs(at[0]);

    return !at[1] ? needs : *needs ? both : flags;
}

FEATURE_GRID(ept_pdpte, VMX, NEEDS(), QUALIFICATION,
             "a load of PDPTEs is a read, with accessed and dirty flags for EPT, too; no linear address is valid then",
             pdpte_axes, .row_needs = pdpte_needs)
{
    const unsigned permissions = ept_permissions[at[0]];
    const struct ept_place place = ept_open(PLACE_4K);
    struct mode_registers registers = {.ebx = (uint32_t)place.gpa + PDPTES};
    struct exit_record e;

    make_tables(&place);
    lab_write(EPT_POINTER, at[1] ? EPTP_FLAGS : EPTP_PLAIN);
    ept_set(&place, EPT_RWX, permissions);
    e = OBSERVE(mode_run(MODE_PROTECTED_32, &pae, &registers));
    if (permissions & EPT_R) {
        EXPECT_NO_EXIT();
        return;
    }
    EXPECT_EXIT(EXIT_EPT_VIOLATION);
    EXPECT_BITS(e.qualification, EPT_READ | EPT_WRITE | EPT_FETCH | EPT_RWX << PERMISSION_BITS_SHIFT | EPT_LINEAR_VALID,
                EPT_READ | permissions << PERMISSION_BITS_SHIFT);
    EXPECT_GE(e.physical, place.gpa + PDPTES);
    EXPECT_LT(e.physical, place.gpa + PDPTES + PDPTE_BYTES);
}

FEATURE_TEST(ept_pdpte_misconfig, VMX, NEEDS(), "EPT Misconfigurations", "a load of PDPTEs by a misconfigured entry exits")
{
    const struct ept_place place = ept_open(PLACE_4K);
    struct mode_registers registers = {.ebx = (uint32_t)place.gpa + PDPTES};

    make_tables(&place);
    ept_set(&place, EPT_RWX, EPT_W);
    OBSERVE(mode_run(MODE_PROTECTED_32, &pae, &registers));
    EXPECT_EXIT(EXIT_EPT_MISCONFIGURATION);
}

/* ---- IRET ------------------------------------------------------------------------------------------------------- */

static const struct feature_axis iret_axes[] = {AXIS("unblocked", "blocked"), {0}};

FEATURE_GRID(ept_iret, VMX, NEEDS(PIN_VIRTUAL_NMIS), QUALIFICATION,
             "bit 12 says whether the IRET that exits has ended blocking by NMI", iret_axes)
{
    static const uint8_t code[] = {0x48, 0x89, 0xdc, 0x48, 0xcf}; /* mov rsp, rbx; iretq */
    enum { IRET_AT = 3 };
    const struct ept_place place = ept_open(PLACE_4K);
    struct code_registers registers = {.rbx = place.gpa + EPT_OFFSET};
    const uint64_t where = code_put(code, sizeof code);
    struct exit_record e;

    ept_set(&place, EPT_RWX, 0);
    lab_set(PIN_VIRTUAL_NMIS);
    e = OBSERVE(lab_write(GUEST_INTERRUPTIBILITY, at[0] ? BLOCKING_NMI : 0); code_run(&registers));
    EXPECT_EXIT(EXIT_EPT_VIOLATION);
    EXPECT_EQ(e.rip, where + IRET_AT);
    EXPECT_BITS(e.qualification, EPT_READ | EPT_WRITE | EPT_FETCH | EPT_NMI_UNBLOCKING,
                EPT_READ | (at[0] ? EPT_NMI_UNBLOCKING : 0));
    EXPECT_EQ(e.physical & ~(PAGE_BYTES - 1ull), place.gpa);
    EXPECT_BITS(lab_read(GUEST_INTERRUPTIBILITY), BLOCKING_NMI, 0);
}
