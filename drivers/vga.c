#include "drivers/vga.h"

#include "lib/string.h"
#include "lib/x86.h"

enum {
    CRTC_INDEX = 0x3d4,
    CRTC_DATA = 0x3d5,
    CRTC_CURSOR_START = 0x0a,
    CURSOR_DISABLE = 0x20,
    CELLS = VGA_COLUMNS * VGA_ROWS,
    TAB = 8,
    ATTRIBUTE = VGA_BLACK << 4 | VGA_GREY,
};

/* The screen as it should be; in the frame, the cells from `dirty` to `dirty_end` are older. */
static uint16_t shadow[CELLS] __attribute__((aligned(8)));
static uint16_t *screen;
static unsigned dirty, dirty_end;

/*
 * Where the next character goes. Column VGA_COLUMNS and row VGA_ROWS are real places: only a character that needs the
 * room wraps or scrolls, so that a full row or a last line feed costs no empty row.
 */
static unsigned row, column;

/* The rows above this one are drawn in place; the text scrolls from here on. */
static unsigned text_top;

static void fill(unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        shadow[i] = (uint16_t)(ATTRIBUTE << 8 | ' ');
    dirty = from < dirty ? from : dirty;
    dirty_end = to > dirty_end ? to : dirty_end;
}

static void flush(void)
{
    if (dirty < dirty_end)
        memcpy(screen + dirty, shadow + dirty, (dirty_end - dirty) * sizeof(shadow[0]));
    dirty = CELLS;
    dirty_end = 0;
}

static void scroll(void)
{
    uint16_t *start = shadow + text_top * VGA_COLUMNS;

    memmove(start, start + VGA_COLUMNS, (CELLS - (text_top + 1) * VGA_COLUMNS) * sizeof(shadow[0]));
    fill(CELLS - VGA_COLUMNS, CELLS);
    dirty = text_top * VGA_COLUMNS < dirty ? text_top * VGA_COLUMNS : dirty;
    row--;
}

static void feed_line(void)
{
    if (row == VGA_ROWS)
        scroll();
    row++;
    column = 0;
}

static void put_cell(char c)
{
    unsigned cell;

    if (column == VGA_COLUMNS)
        feed_line();
    if (row == VGA_ROWS)
        scroll();
    cell = row * VGA_COLUMNS + column++;
    shadow[cell] = (uint16_t)(ATTRIBUTE << 8 | (c >= ' ' && c <= '~' ? c : '?'));
    dirty = cell < dirty ? cell : dirty;
    dirty_end = cell >= dirty_end ? cell + 1 : dirty_end;
}

static void put(char c)
{
    switch (c) {
    case '\n':
        feed_line();
        break;
    case '\r':
        column = 0;
        break;
    case '\t':
        column = column < VGA_COLUMNS ? column + TAB - column % TAB : VGA_COLUMNS;
        break;
    case '\b':
        column -= column > 0;
        break;
    default:
        put_cell(c);
    }
}

void vga_init(void *frame)
{
    screen = frame;
    row = column = text_top = 0;
    fill(0, CELLS);
    flush();
    x86_outb(CRTC_INDEX, CRTC_CURSOR_START);
    x86_outb(CRTC_DATA, CURSOR_DISABLE);
}

void vga_write(const char *text, size_t bytes)
{
    if (!screen)
        return;
    for (size_t i = 0; i < bytes; i++)
        put(text[i]);
    flush();
}

/* Moves the text below row `rows`; what does not fit there any more is its oldest part. */
static void give_rows(unsigned rows)
{
    unsigned used = row < VGA_ROWS ? row + 1 : VGA_ROWS, wanted = rows - text_top;
    unsigned down = VGA_ROWS - used < wanted ? VGA_ROWS - used : wanted;
    uint16_t *start = shadow + text_top * VGA_COLUMNS;

    memmove(start + down * VGA_COLUMNS, start, (CELLS - (text_top + down) * VGA_COLUMNS) * sizeof(shadow[0]));
    fill(text_top * VGA_COLUMNS, rows * VGA_COLUMNS);
    dirty_end = CELLS;
    row += down;
    text_top = rows;
}

void vga_draw(unsigned at, const uint16_t *cells, size_t n)
{
    if (!screen)
        return;
    if (at >= text_top)
        give_rows(at + 1);
    memcpy(shadow + at * VGA_COLUMNS, cells, n * sizeof(shadow[0]));
    dirty = at * VGA_COLUMNS < dirty ? at * VGA_COLUMNS : dirty;
    dirty_end = (at + 1) * VGA_COLUMNS > dirty_end ? (at + 1) * VGA_COLUMNS : dirty_end;
    flush();
}

void vga_scroll_all(void) { text_top = 0; }
