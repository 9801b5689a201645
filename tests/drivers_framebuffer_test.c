/* sources: tests/lib_support.c */
#include <stdlib.h>
#include <string.h>

#include "tests/lib_support.h"

#include "drivers/framebuffer.c"

/* Each character has a glyph of its own. */
const uint8_t font_glyphs[256][FONT_ROWS] = {
    ['A'] = {0x80, 0x01, 0xff, 0x55, [15] = 0x18}, ['B'] = {0x0f, 0xf0, [14] = 0xc3}, [0xc4] = {[8] = 0xff},
};

static const struct framebuffer_color BLUE = {0, 8}, GREEN = {8, 8}, RED = {16, 8};

/* No byte more than it has, so that ASan sees each that is written beside it. */
static unsigned char *memory;
static struct framebuffer_mode mode;
static uint16_t cells[TERMINAL_CELLS];

static void start(uint32_t width, uint32_t height, uint32_t bits, uint32_t padding)
{
    mode = (struct framebuffer_mode){1, width * (bits / 8) + padding, width, height, bits, RED, GREEN, BLUE};
    CHECK(!framebuffer_why_not(&mode));
    free(memory);
    memory = malloc((size_t)mode.pitch * height);
    memset(memory, 0xee, (size_t)mode.pitch * height);
    framebuffer_init(&mode, memory);
}

static uint32_t pixel(uint32_t x, uint32_t y)
{
    uint32_t v = 0;

    memcpy(&v, memory + (size_t)y * mode.pitch + x * (mode.bits / 8), mode.bits / 8);
    return v;
}

/* What there should be: by the manual of VGA, one pixel at a time. */
static uint32_t expected(uint32_t x, uint32_t y, uint32_t size)
{
    uint32_t left = (mode.width - 640 * size) / 2, top = (mode.height - 400 * size) / 2;
    uint16_t cell;
    bool ink;

    if (x < left || y < top || x >= left + 640 * size || y >= top + 400 * size)
        return 0;
    x = (x - left) / size;
    y = (y - top) / size;
    cell = cells[y / 16 * 80 + x / 8];
    ink = font_glyphs[cell & 0xff][y % 16] >> (7 - x % 8) & 1;
    return colors[ink ? cell >> 8 & 15 : cell >> 12 & 7];
}

static bool is_all_right(uint32_t size)
{
    for (uint32_t y = 0; y < mode.height; y++)
        for (uint32_t x = 0; x < mode.width; x++)
            if (pixel(x, y) != expected(x, y, size))
                return false;
    return true;
}

static void fill_cells(void)
{
    static const char characters[] = {'A', 'B', ' ', (char)0xc4};

    for (unsigned i = 0; i < TERMINAL_CELLS; i++)
        cells[i] = (uint16_t)(test_below(256) << 8 | (uint8_t)characters[test_below(4)]);
    cells[0] = 0x0741;
    cells[TERMINAL_CELLS - 1] = 0x1f42;
}

static void test_modes(void)
{
    static const struct {
        uint32_t width, height, bits, padding, size;
    } modes[] = {
        {640, 400, 32, 0, 1},  {640, 400, 24, 0, 1},  {641, 401, 24, 5, 1},   {800, 600, 32, 64, 1},  {1280, 800, 32, 0, 2},
        {1280, 1024, 24, 0, 2}, {1366, 768, 32, 0, 1}, {1920, 1080, 32, 0, 2}, {1920, 1200, 32, 256, 3}, {2560, 1600, 24, 1, 4},
        {3840, 2160, 32, 0, 4},
    };

    for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        start(modes[i].width, modes[i].height, modes[i].bits, modes[i].padding);
        fill_cells();
        framebuffer_show(0, cells, TERMINAL_CELLS);
        CHECK(is_all_right(modes[i].size));
        for (uint32_t y = 0; y < mode.height; y++)
            for (uint32_t x = 0; x < modes[i].padding; x++)
                CHECK(memory[(size_t)(y + 1) * mode.pitch - 1 - x] == 0xee);
    }
    test_passed("text in each mode: in the middle, as large as it fits, black around it, and nothing outside");
}

static void test_colors(void)
{
    start(640, 400, 32, 0);
    mode.red = (struct framebuffer_color){0, 5};
    mode.green = (struct framebuffer_color){10, 6};
    mode.blue = (struct framebuffer_color){24, 8};
    framebuffer_init(&mode, memory);
    framebuffer_show(0, (uint16_t[]){0x6f << 8 | 'A'}, 1); /* white on brown: FFFFFFH, AA5500H */
    CHECK(pixel(0, 0) == (0x1fu | 0x3fu << 10 | 0xffu << 24));
    CHECK(pixel(1, 0) == (0xaau >> 3 | 0x55u >> 2 << 10));
    framebuffer_show(0, (uint16_t[]){0xf0 << 8 | 'A'}, 1); /* the upper bit of a background blinks, or not: it is no colour */
    CHECK(pixel(0, 0) == 0 && pixel(1, 0) == (0xaau >> 3 | 0xaau >> 2 << 10 | 0xaau << 24));
    test_passed("colours go where the mode says, in as many bits");
}

static void test_changes(void)
{
    start(1280, 800, 32, 0);
    for (unsigned i = 0; i < TERMINAL_CELLS; i++)
        cells[i] = 0x0741;
    framebuffer_show(0, cells, TERMINAL_CELLS);
    memset(memory, 0xee, (size_t)mode.pitch * mode.height);
    framebuffer_show(0, cells, TERMINAL_CELLS);
    for (uint32_t y = 0; y < mode.height; y++)
        for (uint32_t x = 0; x < mode.width; x++)
            CHECK(pixel(x, y) == 0xeeeeeeee);
    cells[81] = 0x0742;
    framebuffer_show(80, cells + 80, 2);
    for (uint32_t y = 0; y < mode.height; y++)
        for (uint32_t x = 0; x < mode.width; x++)
            CHECK((pixel(x, y) == 0xeeeeeeee) == !(x >= 16 && x < 32 && y >= 32 && y < 64));
    framebuffer_init(&mode, memory);
    framebuffer_show(0, cells, TERMINAL_CELLS);
    CHECK(is_all_right(2));
    test_passed("only what has changed is drawn, and all of it on a screen that was cleared");
}

static void test_refused(void)
{
    static const struct framebuffer_mode good = {1, 2560, 640, 400, 32, {16, 8}, {8, 8}, {0, 8}};
    struct framebuffer_mode bad[12];
    static const char *const why[] = {"pixels have neither", "colours are not", "smaller than", "size is impossible"};
    static const unsigned reason[12] = {0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 3};

    for (unsigned i = 0; i < 12; i++)
        bad[i] = good;
    bad[0].bits = 16;
    bad[1].bits = 8;
    bad[2].bits = 0;
    bad[3].red.position = 25;
    bad[4].green.bits = 0;
    bad[5].blue.bits = 10;
    bad[6].bits = 24, bad[6].red.position = 17;
    bad[7].width = 639;
    bad[8].height = 399;
    bad[9].pitch = 2559;
    bad[10].pitch = 0;
    bad[11].height = 0x80000000, bad[11].pitch = 0x10000;
    CHECK(!framebuffer_why_not(&good));
    for (unsigned i = 0; i < 12; i++)
        CHECK(framebuffer_why_not(&bad[i]) && strstr(framebuffer_why_not(&bad[i]), why[reason[i]]));
    test_passed("what can't be drawn on, and why");
}

int main(void)
{
    test_modes();
    test_colors();
    test_changes();
    test_refused();
    free(memory);
    return test_done();
}
