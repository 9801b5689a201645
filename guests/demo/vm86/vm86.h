/* The parts of the guest `vm86`: the task in virtual-8086 mode, and the monitor in protected mode that serves it. */
#ifndef GUESTS_DEMO_VM86_VM86_H
#define GUESTS_DEMO_VM86_VM86_H

#include <stdbool.h>
#include <stdint.h>

#include "guests/lib/x32/descriptors.h"

/* ---- task.asm: 16-bit code and data in pages of their own, one real-mode segment ---- */

enum { TASK_BYTES = 4096 };

extern uint8_t task_segment[TASK_BYTES]; /* begins with struct task_header */

/* What the task tells by leaving it in memory; the order is task.asm's. */
struct task_header {
    uint16_t entry;   /* offset of the first instruction */
    uint16_t int21;   /* offset of the task's own handler of INT 21H, for the real-mode vector table */
    uint16_t message; /* offset of the text that the task prints, `message_bytes` long */
    uint16_t message_bytes;
    uint16_t printed; /* bytes that it has sent to the serial port by OUT */
    uint16_t flags_after_cli;
    uint16_t flags_after_sti;
    uint16_t flags_in_int21;   /* as PUSHF gave them in the handler */
    uint16_t flags_after_popf; /* of a word with IF clear */
    uint16_t from_port21;      /* AL after IN AL, 21H; AH is a marker that must survive */
    uint16_t poke;             /* offset of an instruction that writes to memory of the monitor */
    uint16_t after_poke;
};

/* ---- monitor.c ---- */

/* The first bytes of the instructions that the monitor emulates. */
enum {
    OPCODE_PUSHF = 0x9c,
    OPCODE_POPF = 0x9d,
    OPCODE_INT = 0xcd,
    OPCODE_IRET = 0xcf,
    OPCODE_IN_IMM8 = 0xe4,
    OPCODE_OUT_IMM8 = 0xe6,
    OPCODE_IN_DX = 0xec,
    OPCODE_OUT_DX = 0xee,
    OPCODE_CLI = 0xfa,
    OPCODE_STI = 0xfb,
};

#define EFLAGS_IF (1ul << 9)

/* What the monitor saw the task do. */
struct monitor_counts {
    unsigned faults[256]; /* #GP of the task, by the first byte of the instruction */
    unsigned pokes;       /* #PF of the task at task_header.poke */
};
extern struct monitor_counts monitor_counts;

/*
 * Runs the task in virtual-8086 mode until it ends itself by INT 20H; a fault that is not planned ends the VM.
 * Handlers of its faults run on a stack that `tss`, the TSS in use, is told.
 */
void monitor_run_task(const struct task_header *task, struct tss32 *tss);

/* ---- enter.asm ---- */

/* Goes to segment:offset in virtual-8086 mode. Leaves the ring-0 stack pointer for handlers in *esp0. */
void vm86_enter(uint32_t segment, uint32_t offset, uint32_t sp, uint32_t *esp0);

/* Called in a handler: makes vm86_enter() return. */
_Noreturn void vm86_leave(void);

/* ---- task_state.c: what the hardware checks for us ---- */

/* Pages: all identity-mapped below 4 MiB, but ring 3 may use only the task's and the real-mode vector table. */
void task_state_enable_paging(void);

/* A TSS whose I/O permission bitmap lets ring 3 use the serial port's data and line status registers. */
struct tss32 *task_state_load_tss(void);

/* ---- ldt.c ---- */

/* Loads an LDT with one segment. */
void ldt_load(void);

/* Writes `value` through that segment, inside and outside its limit; reports by test_result(), with `when`. */
void ldt_test(const char *when, uint8_t value);

#endif
