#include "drivers/framebuffer.h"

#include <stdbool.h>

#include "drivers/font.h"
#include "lib/string.h"

enum { WIDTH = TERMINAL_COLUMNS * FONT_COLUMNS, HEIGHT = TERMINAL_ROWS * FONT_ROWS, MAX_SCALE = 4, COLORS = 16 };

/* How the colours of VGA text mode look, red in the upper byte. */
static const uint32_t colors[COLORS] = {
    0x000000, 0x0000aa, 0x00aa00, 0x00aaaa, 0xaa0000, 0xaa00aa, 0xaa5500, 0xaaaaaa,
    0x555555, 0x5555ff, 0x55ff55, 0x55ffff, 0xff5555, 0xff55ff, 0xffff55, 0xffffff,
};

static unsigned char *first_pixel; /* of the text */
static uint32_t pitch, pixel_bytes, scale;
static uint32_t pixels[COLORS];

/* What the framebuffer shows. */
static uint16_t drawn[TERMINAL_CELLS];

static bool fits(struct framebuffer_color color, uint32_t bits)
{
    return color.bits > 0 && color.bits <= 8 && color.position + color.bits <= bits;
}

const char *framebuffer_why_not(const struct framebuffer_mode *mode)
{
    if (mode->bits != 24 && mode->bits != 32)
        return "its pixels have neither 24 nor 32 bits";
    if (!fits(mode->red, mode->bits) || !fits(mode->green, mode->bits) || !fits(mode->blue, mode->bits))
        return "its colours are not within its pixels";
    if (mode->width < WIDTH || mode->height < HEIGHT)
        return "it is smaller than 640x400 pixels";
    if (mode->pitch / (mode->bits / 8) < mode->width || mode->height > UINT32_MAX / mode->pitch)
        return "its size is impossible";
    return NULL;
}

static uint32_t place(struct framebuffer_color color, uint32_t value)
{
    return (value & 0xff) >> (8 - color.bits) << color.position;
}

void framebuffer_init(const struct framebuffer_mode *mode, void *memory)
{
    uint32_t across = mode->width / WIDTH, down = mode->height / HEIGHT, left, top;

    scale = across < down ? across : down;
    scale = scale < MAX_SCALE ? scale : MAX_SCALE;
    pitch = mode->pitch;
    pixel_bytes = mode->bits / 8;
    for (unsigned i = 0; i < COLORS; i++)
        pixels[i] =
            place(mode->red, colors[i] >> 16) | place(mode->green, colors[i] >> 8) | place(mode->blue, colors[i]);
    for (uint32_t y = 0; y < mode->height; y++)
        memset((unsigned char *)memory + (uint64_t)y * pitch, 0, mode->width * pixel_bytes);
    for (unsigned i = 0; i < TERMINAL_CELLS; i++)
        drawn[i] = TERMINAL_GREY << 8 | ' '; /* which is black, as all is now */
    left = (mode->width - WIDTH * scale) / 2;
    top = (mode->height - HEIGHT * scale) / 2;
    first_pixel = (unsigned char *)memory + top * pitch + left * pixel_bytes;
}

/* Each row of the glyph is made here first, so that memory that is slow to write is written in large pieces. */
static void draw(unsigned cell, uint16_t content)
{
    const uint8_t *glyph = font_glyphs[content & 0xff];
    uint32_t ink = pixels[content >> 8 & 15], paper = pixels[content >> 12 & 7];
    uint32_t x = cell % TERMINAL_COLUMNS * FONT_COLUMNS * scale, top = cell / TERMINAL_COLUMNS * FONT_ROWS * scale;
    unsigned char *to = first_pixel + top * pitch + x * pixel_bytes;
    unsigned char line[FONT_COLUMNS * MAX_SCALE * sizeof(uint32_t) + 1];

    for (unsigned y = 0; y < FONT_ROWS; y++) {
        unsigned char *at = line;

        for (uint32_t bit = 1 << (FONT_COLUMNS - 1); bit; bit >>= 1)
            for (uint32_t i = 0; i < scale; i++, at += pixel_bytes)
                __builtin_memcpy(at, glyph[y] & bit ? &ink : &paper, sizeof(ink));
        for (unsigned i = 0; i < scale; i++, to += pitch)
            memcpy(to, line, FONT_COLUMNS * scale * pixel_bytes);
    }
}

void framebuffer_show(unsigned first, const uint16_t *cells, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (drawn[first + i] != cells[i])
            draw(first + (unsigned)i, cells[i]);
        drawn[first + i] = cells[i];
    }
}
