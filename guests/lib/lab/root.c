#include "guests/lib/lab/root.h"

#include "guests/lib/feature/outcome.h"
#include "guests/lib/lab/control.h"

#define PART(part) LAB_WHAT(LAB_VMX, part)

struct root_result root_run(enum lab_vmx_run instruction, uint64_t operand, uint64_t pointer, uint64_t data)
{
    const struct lab_pair operands[] = {
        {PART(LAB_VMX_OPERAND), operand}, {PART(LAB_VMX_POINTER), pointer}, {PART(LAB_VMX_DATA), data},
    };

    struct lab_pair results[] = {{PART(LAB_VMX_FLAGS), 0}, {PART(LAB_VMX_ERROR), 0}, {PART(LAB_VMX_VALUE), 0}};

    lab_write_pairs(operands, sizeof operands / sizeof *operands);
    if (!lab_try(PART(LAB_VMX_RUN), instruction, 0))
        SKIP("the machine has no such instruction for Nestor");
    lab_read_pairs(results, sizeof results / sizeof *results);
    return (struct root_result){results[0].value, results[1].value, results[2].value};
}

void root_begin(bool current)
{
    struct root_result result;

    root_run(LAB_VMX_VMCLEAR, 0, LAB_VMX_A, 0); /* if it is the current VMCS, there is none then */
    root_run(LAB_VMX_VMCLEAR, 0, LAB_VMX_B, 0);
    root_run(LAB_VMX_REVISE, 0, LAB_VMX_A, 0);
    root_run(LAB_VMX_REVISE, 0, LAB_VMX_B, 0);
    root_run(LAB_VMX_VMCLEAR, 0, LAB_VMX_A, 0);
    result = root_run(LAB_VMX_VMCLEAR, 0, LAB_VMX_B, 0);
    if (current)
        result = root_run(LAB_VMX_VMPTRLD, 0, LAB_VMX_A, 0);
    if (result.flags & (FLAG_CF | FLAG_ZF))
        ERROR("there is no VMCS to work on: flags 0x%llx, error %llu", (unsigned long long)result.flags,
              (unsigned long long)result.error);
}

uint64_t root_read(uint64_t field)
{
    struct root_result result = root_run(LAB_VMX_VMREAD, field, 0, 0);

    EXPECT_ROOT(result, ROOT_SUCCEEDS);
    return result.value;
}

void root_write(uint64_t field, uint64_t value)
{
    EXPECT_ROOT(root_run(LAB_VMX_VMWRITE, field, 0, value), ROOT_SUCCEEDS);
}

bool root_expect(struct root_result result, uint64_t wanted, const char *what, const char *file, unsigned line)
{
    uint64_t flags = wanted == ROOT_SUCCEEDS ? 0 : wanted == ROOT_FAILS_INVALID ? FLAG_CF : FLAG_ZF;
    uint64_t error = flags == FLAG_ZF ? wanted : 0;

    return outcome_compare(RELATION_EQ, result.flags & FLAGS_ARITHMETIC, flags, "the flags", file, line) &&
           outcome_compare(RELATION_EQ, result.error, error, what, file, line);
}
