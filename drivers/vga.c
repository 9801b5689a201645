#include "drivers/vga.h"

#include "lib/string.h"
#include "lib/x86.h"

enum { CRTC_INDEX = 0x3d4, CRTC_DATA = 0x3d5, CRTC_CURSOR_START = 0x0a, CURSOR_DISABLE = 0x20 };

static uint16_t *screen;

void vga_init(void *frame)
{
    screen = frame;
    x86_outb(CRTC_INDEX, CRTC_CURSOR_START);
    x86_outb(CRTC_DATA, CURSOR_DISABLE);
}

void vga_show(unsigned first, const uint16_t *cells, size_t n) { memcpy(screen + first, cells, n * sizeof(*cells)); }
