/*
 * Instructions given by their bytes, for tests whose rows are encodings: code_put() makes a piece of code of them, code_run()
 * runs it with some registers loaded and takes them back. Memory is executable, in CPL 3, too.
 *
 *     const uint64_t at = code_put((uint8_t[]){0xec}, 1);
 *     struct code_registers registers = {.rdx = 0x5000};
 *     struct exit_record e = OBSERVE(code_run(&registers));
 *     EXPECT_EQ(e.rip, at);
 */
#ifndef GUESTS_LIB_LAB_CODE_H
#define GUESTS_LIB_LAB_CODE_H

#include <stddef.h>
#include <stdint.h>

enum { CODE_BYTES = 64 };

/* code.asm knows this. */
struct code_registers {
    uint64_t rax, rcx, rdx, rbx, rsi, rdi;
};

/* What the next code_run() runs, and where it is. It may change every register. */
uint64_t code_put(const uint8_t *bytes, size_t n);

/* Fills *registers with what is in the registers at the end. An exit or fault that ends the statement leaves it as it is. */
void code_run(struct code_registers *registers);

#endif
