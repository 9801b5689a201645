/* Code that is rewritten before each call, in place and across a page boundary. */
#include <string.h>

#include "guests/demo/hostile/hostile.h"
#include "guests/lib/common/test.h"

enum { DEFAULT_TIMES = 10000, PAGE_BYTES = 4096, CODE_BYTES = 6 };

void rewrite_mode(uint64_t count)
{
    static uint8_t pages[2 * PAGE_BYTES] __attribute__((aligned(4096)));
    uint64_t times = count ? count : DEFAULT_TIMES, good = 0;

    for (uint64_t i = 0; i < times; i++) {
        uint8_t code[CODE_BYTES] = {0xb8 /* MOV EAX, imm32 */, 0, 0, 0, 0, 0xc3 /* RET */};
        uint8_t *at = pages + PAGE_BYTES - i % (CODE_BYTES + 2);
        uint32_t number = (uint32_t)hostile_random();
        uint32_t (*run)(void);

        memcpy(code + 1, &number, sizeof number);
        memcpy(at, code, sizeof code);
        memcpy(&run, &at, sizeof run);
        good += run() == number;
    }
    test_result(good == times, "code that was rewritten runs as it was written last: %lu of %lu times", good, times);
}
