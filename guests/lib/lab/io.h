/* IN, OUT, INS and OUTS in all their forms, by their bytes. */
#ifndef GUESTS_LIB_LAB_IO_H
#define GUESTS_LIB_LAB_IO_H

#include <stdbool.h>
#include <stdint.h>

enum io_form { IO_IMMEDIATE, IO_DX, IO_STRING, IO_REP };

struct io_access {
    uint16_t port;
    unsigned bytes; /* 1, 2, 4 */
    bool in;
    enum io_form form;
    uint8_t prefix; /* 0: none. Of a segment or of the address size */
    void *memory;   /* of string instructions */
};

enum { IO_REPEATS = 2 }; /* of REP */

/* Puts the instruction in its place for code_run(): its address is in *at. Returns its length. */
unsigned io_put(const struct io_access *io, uint64_t *at);

/* The registers that it wants, others 0. */
#define IO_REGISTERS(io, rax_)                                                                                        \
    {.rax = (rax_), .rcx = IO_REPEATS, .rdx = (io)->port, .rsi = (uint64_t)(io)->memory, .rdi = (uint64_t)(io)->memory}

static inline bool io_is_string(const struct io_access *io) { return io->form >= IO_STRING; }

#endif
