/* Controls and capabilities about EPT, and what the host can do with its translations and its VMCSs. */
#include "guests/tests/vmxworks.h"

#include <string.h>

enum {
    R = 1 << 0,
    W = 1 << 1,
    X = 1 << 2,
    A = 1 << 8,
    D = 1 << 9,
    PAGE = 12,
    LOG_PAGE = 11,
    RET = 0xc3
};
enum { MEMORY_TYPE = 7, WALK_4 = 3 << 3, WRITE_BACK = 6, ACCESSED_DIRTY = 1 << 6, PML_FIRST = 511 };
#define SUPPRESS_VE (1ull << 63)

typedef void function(void);

/* A page of RET; the entry of it, with some bits less and more. */
static volatile uint8_t *open(uint64_t clear, uint64_t set)
{
    uint8_t *page = page_scratch(PAGE);
    uint64_t entry = lab_nested_read((uint64_t)page, 1);

    memset(page, RET, PAGE_BYTES);
    lab_nested_write((uint64_t)page, 1, (entry & ~clear) | set);
    return page;
}

static uint64_t entry_of(volatile uint8_t *page) { return lab_nested_read((uint64_t)page, 1); }

static void call(volatile uint8_t *page) { ((function *)(uint64_t)page)(); }

void works_ept(const struct works *row)
{
    volatile uint8_t *page = open(W, 0);
    struct exit_record e;

    (void)row;
    e = OBSERVE(*page = 0);
    EXPECT_EXIT(EXIT_EPT_VIOLATION);
    EXPECT_EQ(e.physical, (uint64_t)page);
    EXPECT_BITS(e.qualification, EPT_READ | EPT_WRITE | EPT_FETCH, EPT_WRITE);
    EXPECT_EQ(*page, RET);
}

void works_execute_only(const struct works *row)
{
    volatile uint8_t *page = open(R | W, 0);

    (void)row;
    OBSERVE(call(page));
    EXPECT_NO_EXIT();
    OBSERVE(*page);
    EXPECT_EXIT(EXIT_EPT_VIOLATION);
}

void works_uncacheable(const struct works *row)
{
    (void)row;
    OBSERVE(lab_write(EPT_POINTER, WALK_4); cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
}

void works_accessed_dirty(const struct works *row)
{
    volatile uint8_t *page = open(A | D, 0);

    (void)row;
    lab_write(EPT_POINTER, WRITE_BACK | WALK_4 | ACCESSED_DIRTY);
    EXPECT_BITS(entry_of(page), A | D, 0);
    OBSERVE(*page);
    EXPECT_BITS(entry_of(page), A | D, A);
    OBSERVE(*page = RET);
    EXPECT_BITS(entry_of(page), A | D, A | D);
}

void works_pml(const struct works *row)
{
    volatile uint8_t *page = open(A | D, 0);
    volatile uint64_t *log = page_scratch(LOG_PAGE);
    bool found = false;

    LAB_WRITE({EPT_POINTER, WRITE_BACK | WALK_4 | ACCESSED_DIRTY}, {PML_ADDRESS, (uint64_t)log},
              {PML_INDEX, PML_FIRST});
    lab_set(row->control);
    OBSERVE(*page = RET);
    EXPECT_NO_EXIT();
    lab_clear(row->control);
    for (unsigned i = 0; i <= PML_FIRST; i++)
        found |= log[i] == (uint64_t)page;
    EXPECT(found);
}

void works_ve(const struct works *row)
{
    volatile uint8_t *page = open(R | W | X | SUPPRESS_VE, 0);
    volatile uint32_t *area = page_scratch(LOG_PAGE);

    lab_write(VE_INFORMATION_ADDRESS, (uint64_t)area);
    lab_set(row->control);
    OBSERVE(*page);
    EXPECT_FAULT(EXCEPTION_VE, 0);
    EXPECT_EQ(area[0], EXIT_EPT_VIOLATION);
    EXPECT_EQ(area[1], UINT32_MAX);
}

/* Entry 1 of the list is another view of the same memory, entry 2 none. */
void works_eptp_switching(const struct works *row)
{
    struct code_registers registers = {.rcx = 1};

    (void)row;
    code_put((const uint8_t *)"\x0f\x01\xd4", 3);
    lab_write(LAB_WHAT(LAB_EPTP, 1), 2);
    LAB_WRITE({VM_FUNCTION_CONTROLS, 1});
    lab_set(PROC2_VMFUNC);
    OBSERVE(code_run(&registers));
    EXPECT_NO_EXIT();
    registers = (struct code_registers){.rcx = 2};
    OBSERVE(code_run(&registers));
    EXPECT_EXIT(EXIT_VMFUNC);
}

void works_invept(const struct works *row)
{
    root_begin(true);
    EXPECT_ROOT(root_run(LAB_VMX_INVEPT, row->reason, 0, 0), ROOT_SUCCEEDS);
}

void works_invvpid(const struct works *row)
{
    root_begin(true);
    EXPECT_ROOT(root_run(LAB_VMX_INVVPID, row->reason, 1, 0), ROOT_SUCCEEDS);
}

void works_vmwrite(const struct works *row)
{
    enum { VALUE = 0x123 };

    (void)row;
    root_begin(true);
    root_write(EXIT_REASON, VALUE);
    EXPECT_EQ(root_read(EXIT_REASON), VALUE);
}
