#include "guests/lib/lab/mode.h"

#include <stdbool.h>
#include <string.h>

#include "guests/lib/common/cpu.h"
#include "guests/lib/feature/outcome.h"
#include "guests/lib/lab/tables.h"
#include "guests/lib/lab/trap.h"

enum {
    TRAMPOLINE = 0x1000,
    AREA = 0x1800,
    VECTORS = 256,
    EXCEPTIONS = 32,
    STUB_BYTES = 16,
    REAL_STUB_BYTES = 8,
    GATE_32 = 0x8e,
    TSS_32_AVAILABLE = 0x89,
    TSS_32_BYTES = 104,
    OPERAND_SIZE = 0x66,
    JUMP_FAR = 0xea,
    INT = 0xcd,
    STUB_AT_END = 8, /* bytes of the jump behind the code, at most */
};

/* At AREA; mode.asm knows it. */
struct area {
    struct mode_registers registers;
    uint32_t mode;
    uint32_t vector, error, eip, cs, eflags, esp;
};

/* "IDT Gate Descriptors", of 32-bit mode */
struct gate_32 {
    uint16_t offset_low, selector;
    uint8_t reserved, type;
    uint16_t offset_high;
};

void mode_enter(void);
extern const char mode_leave[], mode_trampoline[], mode_trampoline_end[], mode_real_end[], mode_real_stubs[], mode_stubs[];

extern const struct table_register mode_idt_pointer, mode_idt64_pointer, mode_ivt_pointer;
static struct gate_32 idt[VECTORS];
static struct __attribute__((packed)) {
    uint32_t word[TSS_32_BYTES / 4];
    uint8_t io[sizeof tables_tss.io];
} tss;
const struct table_register mode_idt_pointer = {sizeof idt - 1, (uint64_t)idt};
const struct table_register mode_idt64_pointer = {sizeof tables_idt - 1, (uint64_t)tables_idt};
const struct table_register mode_ivt_pointer = {VECTORS * 4 - 1, 0};

static void prepare(void)
{
    uint32_t *ivt = mode_memory(0);

    memcpy(mode_memory(TRAMPOLINE), mode_trampoline, (size_t)(mode_trampoline_end - mode_trampoline));
    for (unsigned vector = 0; vector < EXCEPTIONS; vector++)
        ivt[vector] = (uint32_t)(TRAMPOLINE + (mode_real_stubs - mode_trampoline) + vector * REAL_STUB_BYTES);
    for (unsigned vector = 0; vector < VECTORS; vector++) {
        uint32_t offset = (uint32_t)(uintptr_t)mode_stubs + vector * STUB_BYTES;

        idt[vector] = (struct gate_32){
            .offset_low = (uint16_t)offset,
            .selector = SELECTOR_CODE_32,
            .type = vector == TRAP_USER_LEAVE ? GATE_32 | GATE_DPL_3 : GATE_32,
            .offset_high = (uint16_t)(offset >> 16),
        };
    }
    tss.word[1] = MODE_STACK_END; /* ESP0 */
    tss.word[2] = SELECTOR_DATA;
    tss.word[TSS_32_BYTES / 4 - 1] = TSS_32_BYTES << 16; /* the I/O map is behind it */
    tables_gdt[SELECTOR_TSS_32 / 8] = (sizeof tss - 1) | ((uint64_t)(uintptr_t)&tss & 0xffffff) << 16 |
                                      (uint64_t)TSS_32_AVAILABLE << 40 | ((uint64_t)(uintptr_t)&tss >> 24 & 0xff) << 56;
}

/* The way back, behind the code. Returns where that is. */
static uint32_t put_end(enum mode mode, char *at)
{
    struct __attribute__((packed)) {
        uint8_t prefix, opcode;
        uint32_t offset;
        uint16_t selector;
    } far = {OPERAND_SIZE, JUMP_FAR, (uint32_t)(uintptr_t)mode_leave, SELECTOR_CODE_32};
    const struct __attribute__((packed)) {
        uint8_t opcode;
        uint16_t offset, segment;
    } near = {JUMP_FAR, (uint16_t)(TRAMPOLINE + (mode_real_end - mode_trampoline)), 0};
    const uint8_t interrupt[] = {INT, TRAP_USER_LEAVE};

    if (mode == MODE_REAL)
        memcpy(at, &near, sizeof near);
    else if (mode == MODE_V86)
        memcpy(at, interrupt, sizeof interrupt);
    else if (mode == MODE_COMPATIBILITY_16 || mode == MODE_PROTECTED_16)
        memcpy(at, &far, sizeof far);
    else
        memcpy(at, &far.opcode, sizeof far - 1);
    return (uint32_t)(uintptr_t)at;
}

/* INT in virtual-8086 mode is a #GP unless IOPL is 3. */
static bool is_end(const struct area *area, enum mode mode, uint32_t end)
{
    return area->vector == NO_FAULT ||
           (mode == MODE_V86 && (area->vector == TRAP_USER_LEAVE || (area->vector == EXCEPTION_GP && area->eip == end)));
}

void mode_run(enum mode mode, const struct mode_code *code, struct mode_registers *registers)
{
    size_t bytes = (size_t)(code->end - code->begin);
    struct area *area = mode_memory(AREA);
    char *to = mode_memory(MODE_ADDRESS);
    uint32_t end;

    if (bytes > MODE_BYTES - STUB_AT_END)
        outcome_end(VERDICT_ERROR, 0, 0, "%lu bytes are too many for mode_run()", (unsigned long)bytes);
    trap_mode_was = true;
    prepare();
    if (mode == MODE_V86)
        memcpy(tss.io, tables_tss.io, sizeof tss.io);
    memcpy(to, code->begin, bytes);
    end = put_end(mode, to + bytes);
    *area = (struct area){.registers = registers ? *registers : (struct mode_registers){0}, .mode = mode};
    mode_enter();
    if (registers)
        *registers = area->registers;
    if (!is_end(area, mode, end))
        trap_raise(&(struct fault){.vector = area->vector, .error = area->error, .cr2 = cpu_read_cr2(), .rip = area->eip,
                                   .cs = area->cs, .rflags = area->eflags, .rsp = area->esp});
}
