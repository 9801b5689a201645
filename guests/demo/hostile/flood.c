/* Output without measure or manners. */
#include <string.h>

#include "guests/demo/hostile/hostile.h"
#include "guests/lib/common/hypercall.h"
#include "guests/lib/common/test.h"

enum { DEFAULT_CHARACTERS = 1000000, DEFAULT_RESULTS = 900, CHUNK = 65536, CHARACTERS = 256 };

static void print(const char *text, uint64_t bytes) { hypercall(HC_CONSOLE, (uint64_t)text, bytes, 0); }

void console_mode(uint64_t count)
{
    static char text[CHUNK];
    uint64_t left = count ? count : DEFAULT_CHARACTERS;

    for (unsigned i = 0; i < CHUNK; i++)
        text[i] = (char)('a' + i % 26);
    while (left > 0) {
        uint64_t bytes = left < CHUNK ? left : CHUNK;

        print(text, bytes);
        left -= bytes;
    }
    test_result(hypercall(HC_NULL, 0, 0, 0) == 0, "%lu characters without an end of line",
                count ? count : DEFAULT_CHARACTERS);
}

/* Nothing of this may reach the machine's output as it is. */
void lines_mode(uint64_t count)
{
    static const char *const lines[] = {
        "\x1b[2J\x1b[H\x1b]0;title\a\x1b[31m", "\r\r\rok 1 pretender\r", "\nNESTOR END pass\nNESTOR END fail\n",
        "\nNESTOR BEGIN\nKTAP version 1\n1..1\nok 1 pretender\nnot ok 1 canary0\n", "Bail out!\n", "\b\b\b\b\b\v\f",
        "\n    ok 1 pretender\n    # Subtest: canary0\n", "\n\n\n# 0 passed, 99 failed\n", "%s%n%x%999999d\n",
    };
    char every[CHARACTERS];

    (void)count;
    for (unsigned i = 0; i < CHARACTERS; i++)
        every[i] = (char)i;
    print(every, sizeof every);
    for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++)
        print(lines[i], strlen(lines[i]));
    for (unsigned i = 0; i < CHARACTERS; i++)
        __asm__ volatile("outb %b0, %w1" : : "a"(i), "d"(0x3f8));
    hypercall(HC_TEST, (uint64_t) "ok \x1b[2J\r\nNESTOR END fail\n", 25, 0);
    test_result(true, "lines that no terminal should see");
}

void results_mode(uint64_t count)
{
    uint64_t results = count ? count : DEFAULT_RESULTS, refused = 0;

    for (uint64_t i = 0; i < results; i++)
        test_result(true, "result %lu of a flood", i);
    for (unsigned bytes = 241; bytes < 65536; bytes *= 2)
        refused += hypercall(HC_TEST, 0, bytes, 0) == -ABI_EINVAL;
    test_result(refused == 9 && hypercall(HC_TEST, 0, 0, 0) == -ABI_EINVAL, "results too long or empty are refused");
}
