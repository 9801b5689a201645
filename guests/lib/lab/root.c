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

/* For the three parts that tell what an instruction came to. */
static void ask_results(struct lab_pair pairs[ROOT_RESULTS])
{
    pairs[0].what = PART(LAB_VMX_FLAGS);
    pairs[1].what = PART(LAB_VMX_ERROR);
    pairs[2].what = PART(LAB_VMX_VALUE);
}

static struct root_result results_of(const struct lab_pair pairs[ROOT_RESULTS])
{
    return (struct root_result){pairs[0].value, pairs[1].value, pairs[2].value};
}

struct root_result root_run(enum lab_vmx_run instruction, uint64_t operand, uint64_t pointer, uint64_t data)
{
    struct lab_pair pairs[ROOT_OPERANDS + ROOT_RESULTS];

    put_operands(pairs, instruction, operand, pointer, data);
    ask_results(pairs + ROOT_OPERANDS);
    if (!lab_try_run(pairs, ROOT_OPERANDS, ROOT_RESULTS))
        SKIP("the machine has no such instruction for Nestor");
    return results_of(pairs + ROOT_OPERANDS);
}

struct root_result root_enter(enum lab_vmx_run instruction, uint64_t launched, struct lab_pair *pairs, size_t n, size_t m)
{
    struct lab_pair *results = pairs + n + ROOT_OPERANDS + m;

    put_operands(pairs + n, instruction, 0, 0, launched);
    ask_results(results);
    lab_run(pairs, n + ROOT_OPERANDS, m + ROOT_RESULTS);
    return results_of(results);
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
