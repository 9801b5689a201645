#include "guests/lib/lab/io.h"

#include "guests/lib/lab/code.h"

enum { PREFIX_OPERAND_SIZE = 0x66, PREFIX_REP = 0xf3, OPCODE_OUT = 2, OPCODE_WIDE = 1 };

unsigned io_put(const struct io_access *io, uint64_t *at)
{
    static const uint8_t opcode[] = {[IO_IMMEDIATE] = 0xe4, [IO_DX] = 0xec, [IO_STRING] = 0x6c, [IO_REP] = 0x6c};
    uint8_t code[8];
    unsigned n = 0;

    if (io->prefix)
        code[n++] = io->prefix;
    if (io->form == IO_REP)
        code[n++] = PREFIX_REP;
    if (io->bytes == 2)
        code[n++] = PREFIX_OPERAND_SIZE;
    code[n++] = (uint8_t)(opcode[io->form] | (io->in ? 0 : OPCODE_OUT) | (io->bytes > 1 ? OPCODE_WIDE : 0));
    if (io->form == IO_IMMEDIATE)
        code[n++] = (uint8_t)io->port;
    *at = code_put(code, n);
    return n;
}
