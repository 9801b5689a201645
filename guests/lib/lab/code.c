#include "guests/lib/lab/code.h"

#include <string.h>

#include "guests/lib/feature/outcome.h"

enum { JUMP_BYTES = 6 }; /* jmp [rip]: the address is behind it */

extern uint8_t code_text[CODE_BYTES + JUMP_BYTES + sizeof(uint64_t)];
uint8_t code_text[CODE_BYTES + JUMP_BYTES + sizeof(uint64_t)] __attribute__((aligned(64)));

extern const char code_end[];

uint64_t code_put(const uint8_t *bytes, size_t n)
{
    static const uint8_t jump[JUMP_BYTES] = {0xff, 0x25};
    const uint64_t back = (uint64_t)code_end;

    if (n > CODE_BYTES)
        outcome_end(VERDICT_ERROR, 0, 0, "%lu bytes of code, no more than %d have room", (unsigned long)n, CODE_BYTES);
    memcpy(code_text, bytes, n);
    memcpy(code_text + n, jump, sizeof jump);
    memcpy(code_text + n + sizeof jump, &back, sizeof back);
    return (uint64_t)code_text;
}
