/* The instructions introduced with VMX, by their bytes, for the families vmxop*.c. Memory operands are at [RBX] unless
 * said. */
#ifndef GUESTS_TESTS_VMXOP_ROWS_H
#define GUESTS_TESTS_VMXOP_ROWS_H

#include "guests/lib/lab/lab.h"

enum { NO_OPERAND = 8 };

struct vmxop {
    const char *label;
    const char *prefix, *opcode; /* mandatory prefix, if any; what comes up to ModRM */
    unsigned field;              /* reg of ModRM, which is a second register if has_reg2 says so; or NO_OPERAND */
    uint64_t reason;
    bool has_reg2, has_register; /* has_register: the operand may be a register */
    bool any_mode;               /* exits in real, virtual-8086 and compatibility mode, too: elsewhere that is #UD */
    uint16_t needs[2];
};

#define VMXOPS_MEMORY(X)                                                                                              \
    X("vmclear", "\x66", "\x0f\xc7", 6, EXIT_VMCLEAR, false, false, false, {0})                                       \
    X("vmptrld", "", "\x0f\xc7", 6, EXIT_VMPTRLD, false, false, false, {0})                                           \
    X("vmptrst", "", "\x0f\xc7", 7, EXIT_VMPTRST, false, false, false, {0})                                           \
    X("vmxon", "\xf3", "\x0f\xc7", 6, EXIT_VMXON, false, false, false, {0})                                           \
    X("vmread", "", "\x0f\x78", 1, EXIT_VMREAD, true, true, false, {0})                                               \
    X("vmwrite", "", "\x0f\x79", 1, EXIT_VMWRITE, true, true, false, {0})                                             \
    X("invept", "\x66", "\x0f\x38\x80", 1, EXIT_INVEPT, true, false, false, {EPT_INVEPT})                             \
    X("invvpid", "\x66", "\x0f\x38\x81", 1, EXIT_INVVPID, true, false, false, {EPT_INVVPID})
#define VMXOPS(X)                                                                                                     \
    VMXOPS_MEMORY(X)                                                                                                  \
    X("vmcall", "", "\x0f\x01\xc1", NO_OPERAND, EXIT_VMCALL, false, false, true, {0})                                 \
    X("vmlaunch", "", "\x0f\x01\xc2", NO_OPERAND, EXIT_VMLAUNCH, false, false, false, {0})                            \
    X("vmresume", "", "\x0f\x01\xc3", NO_OPERAND, EXIT_VMRESUME, false, false, false, {0})                            \
    X("vmxoff", "", "\x0f\x01\xc4", NO_OPERAND, EXIT_VMXOFF, false, false, false, {0})                                \
    X("vmfunc", "", "\x0f\x01\xd4", NO_OPERAND, EXIT_VMFUNC, false, false, true, {PROC2_VMFUNC})

#define VMXOP_ROW(...) {__VA_ARGS__},
#define VMXOP_LABEL(label, ...) label,
#define AXIS_VMXOPS {(const char *const[]){VMXOPS(VMXOP_LABEL)}, sizeof vmxops / sizeof *vmxops}
#define AXIS_VMXOPS_MEMORY {(const char *const[]){VMXOPS_MEMORY(VMXOP_LABEL)}, VMXOPS_WITH_MEMORY}
enum { VMXOPS_WITH_MEMORY = 8, VMFUNC_DISABLED = 1 /* EAX: a VM function that no control enables */ };

static const struct vmxop vmxops[] = {VMXOPS(VMXOP_ROW)};

/* Writes the instruction with this ModRM, of which `reg` is made, and returns its length. */
static inline unsigned vmxop_encode(const struct vmxop *op, uint8_t mod_rm, uint8_t *code)
{
    unsigned n = 0;

    if (op->prefix[0])
        code[n++] = (uint8_t)op->prefix[0];
    for (const char *byte = op->opcode; *byte; byte++)
        code[n++] = (uint8_t)*byte;
    if (op->field != NO_OPERAND)
        code[n++] = (uint8_t)(mod_rm | op->field << 3);
    return n;
}

/* VMFUNC is #UD unless VM functions are on. */
static inline void vmxop_enable(const struct vmxop *op)
{
    if (op->needs[0] == PROC2_VMFUNC)
        lab_set(PROC2_VMFUNC);
}

/* Of a grid whose first axis are the instructions. */
static inline const uint16_t *vmxop_needs(const void *at) { return vmxops[*(const unsigned *)at].needs; }

#endif
