#include "guests/lib/lab/root.h"

#include "guests/lib/feature/outcome.h"
#include "guests/lib/lab/control.h"

#define PART(part) LAB_WHAT(LAB_VMX, part)

static void put_operands(struct lab_pair pairs[ROOT_OPERANDS], enum lab_vmx_run instruction, uint64_t operand, uint64_t pointer,
                         uint64_t data)
{
    pairs[0] = (struct lab_pair){PART(LAB_VMX_OPERAND), operand};
    pairs[1] = (struct lab_pair){PART(LAB_VMX_POINTER), pointer};
    pairs[2] = (struct lab_pair){PART(LAB_VMX_DATA), data};
    pairs[3] = (struct lab_pair){PART(LAB_VMX_RUN), instruction};
}

/* Reads pairs[0..n), and behind them what an instruction came to. */
static struct root_result take_result(struct lab_pair *pairs, size_t n)
{
    struct lab_pair *results = pairs + n;

    results[0].what = PART(LAB_VMX_FLAGS);
    results[1].what = PART(LAB_VMX_ERROR);
    results[2].what = PART(LAB_VMX_VALUE);
    lab_read_pairs(pairs, n + ROOT_RESULTS);
    return (struct root_result){results[0].value, results[1].value, results[2].value};
}

struct root_result root_run(enum lab_vmx_run instruction, uint64_t operand, uint64_t pointer, uint64_t data)
{
    struct lab_pair operands[ROOT_OPERANDS], results[ROOT_RESULTS];

    put_operands(operands, instruction, operand, pointer, data);
    if (!lab_try_pairs(operands, ROOT_OPERANDS))
        SKIP("the machine has no such instruction for Nestor");
    return take_result(results, 0);
}

struct root_result root_enter(enum lab_vmx_run instruction, uint64_t launched, struct lab_pair *before, size_t n,
                              struct lab_pair *behind, size_t m)
{
    put_operands(before + n, instruction, 0, 0, launched);
    lab_write_pairs(before, n + ROOT_OPERANDS);
    return take_result(behind, m);
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
