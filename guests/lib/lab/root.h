/* VMX instructions as a hypervisor executes them, on VMCS regions that are the lab's own: config/lab.h, LAB_VMX. */
#ifndef GUESTS_LIB_LAB_ROOT_H
#define GUESTS_LIB_LAB_ROOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/lab.h"

enum { FLAG_CF = 1 << 0, FLAG_PF = 1 << 2, FLAG_AF = 1 << 4, FLAG_ZF = 1 << 6, FLAG_SF = 1 << 7, FLAG_OF = 1 << 11 };
#define FLAGS_ARITHMETIC (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

/* What an instruction came to. */
struct root_result {
    uint64_t flags, error, value; /* RFLAGS; the VM-instruction error if ZF is 1; what VMREAD or VMPTRST gave */
};

/* Executes one; ends the row as SKIP if the machine has no such instruction. */
struct root_result root_run(enum lab_vmx_run instruction, uint64_t operand, uint64_t pointer, uint64_t data);

/*
 * An entry, in one go with n writes before it and m reads behind it: pairs[] has the writes, room for ROOT_OPERANDS, the reads, and
 * room for ROOT_RESULTS. A pair that is refused, or can't be read, ends the row as an ERROR.
 */
enum { ROOT_OPERANDS = 4, ROOT_RESULTS = 3 };
struct root_result root_enter(enum lab_vmx_run instruction, uint64_t launched, struct lab_pair *pairs, size_t n, size_t m);

/* Both regions are as new, and A the current VMCS; or none is. */
void root_begin(bool current);

/* Of the current VMCS; that it works is expected. */
uint64_t root_read(uint64_t field);
void root_write(uint64_t field, uint64_t value);

/* "Conventions": VMsucceed, VMfailInvalid, VMfailValid with a number. */
#define ROOT_SUCCEEDS 0u
#define ROOT_FAILS_INVALID 0xffffu
#define EXPECT_ROOT(result, outcome) root_expect(result, outcome, #result, __FILE__, __LINE__)
bool root_expect(struct root_result result, uint64_t wanted, const char *what, const char *file, unsigned line);

/* "VM-Instruction Error Numbers" */
enum vm_instruction_error {
    VMCALL_IN_ROOT = 1, VMCLEAR_INVALID_ADDRESS, VMCLEAR_VMXON_POINTER, VMLAUNCH_NOT_CLEAR, VMRESUME_NOT_LAUNCHED,
    VMRESUME_AFTER_VMXOFF, ENTRY_INVALID_CONTROLS, ENTRY_INVALID_HOST_STATE, VMPTRLD_INVALID_ADDRESS,
    VMPTRLD_VMXON_POINTER, VMPTRLD_WRONG_REVISION, UNSUPPORTED_COMPONENT, VMWRITE_READ_ONLY, VMXON_IN_ROOT = 15,
    ENTRY_BLOCKED_BY_MOV_SS = 26, INVALIDATION_INVALID_OPERAND = 28,
};

#endif
