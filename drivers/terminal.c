#include "drivers/terminal.h"

#include "lib/string.h"

enum { TAB = 8, ATTRIBUTE = TERMINAL_BLACK << 4 | TERMINAL_GREY };

/* The screen as it should be; on the display, the cells from `dirty` to `dirty_end` are older. */
static uint16_t shadow[TERMINAL_CELLS] __attribute__((aligned(8)));
static terminal_display *show;
static unsigned dirty = TERMINAL_CELLS, dirty_end;

/*
 * Where the next character goes. Column TERMINAL_COLUMNS and row TERMINAL_ROWS are real places: only a character that
 * needs the room wraps or scrolls, so that a full row or a last line feed costs no empty row.
 */
static unsigned row, column;

/* The rows above this one are drawn in place; the text scrolls from here on. */
static unsigned text_top;

/* These cells are to be shown anew. */
static void soil(unsigned from, unsigned to)
{
    dirty = from < dirty ? from : dirty;
    dirty_end = to > dirty_end ? to : dirty_end;
}

static void fill(unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        shadow[i] = (uint16_t)(ATTRIBUTE << 8 | ' ');
    soil(from, to);
}

static void flush(void)
{
    if (dirty < dirty_end && show)
        show(dirty, shadow + dirty, dirty_end - dirty);
    dirty = TERMINAL_CELLS;
    dirty_end = 0;
}

static void scroll(void)
{
    uint16_t *start = shadow + text_top * TERMINAL_COLUMNS;

    memmove(start, start + TERMINAL_COLUMNS, (TERMINAL_CELLS - (text_top + 1) * TERMINAL_COLUMNS) * sizeof(shadow[0]));
    fill(TERMINAL_CELLS - TERMINAL_COLUMNS, TERMINAL_CELLS);
    soil(text_top * TERMINAL_COLUMNS, TERMINAL_CELLS);
    row--;
}

static void feed_line(void)
{
    if (row == TERMINAL_ROWS)
        scroll();
    row++;
    column = 0;
}

static bool is_control(char c) { return c == '\n' || c == '\r' || c == '\t' || c == '\b'; }

static void control(char c)
{
    if (c == '\n')
        feed_line();
    else if (c == '\r')
        column = 0;
    else if (c == '\t')
        column = column < TERMINAL_COLUMNS ? column + TAB - column % TAB : TERMINAL_COLUMNS;
    else
        column -= column > 0;
}

/* As much of a text as goes into one row; returns how much that is. */
static size_t put_cells(const char *text, size_t bytes)
{
    unsigned cell;
    size_t n = 0;

    if (column == TERMINAL_COLUMNS)
        feed_line();
    if (row == TERMINAL_ROWS)
        scroll();
    cell = row * TERMINAL_COLUMNS + column;
    for (; n < bytes && n < TERMINAL_COLUMNS - column && !is_control(text[n]); n++)
        shadow[cell + n] = (uint16_t)(ATTRIBUTE << 8 | (text[n] >= ' ' && text[n] <= '~' ? text[n] : '?'));
    soil(cell, cell + (unsigned)n);
    column += (unsigned)n;
    return n;
}

void terminal_init(terminal_display *display)
{
    row = column = text_top = 0;
    fill(0, TERMINAL_CELLS);
    terminal_show_on(display);
}

void terminal_show_on(terminal_display *display)
{
    show = display;
    soil(0, TERMINAL_CELLS);
    flush();
}

void terminal_write(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes;)
        if (is_control(text[i]))
            control(text[i++]);
        else
            i += put_cells(text + i, bytes - i);
    flush();
}

/* Moves the text below row `rows`; what does not fit there any more is its oldest part. */
static void give_rows(unsigned rows)
{
    unsigned used = row < TERMINAL_ROWS ? row + 1 : TERMINAL_ROWS, wanted = rows - text_top;
    unsigned down = TERMINAL_ROWS - used < wanted ? TERMINAL_ROWS - used : wanted;
    uint16_t *start = shadow + text_top * TERMINAL_COLUMNS;

    memmove(start + down * TERMINAL_COLUMNS, start,
            (TERMINAL_CELLS - (text_top + down) * TERMINAL_COLUMNS) * sizeof(shadow[0]));
    fill(text_top * TERMINAL_COLUMNS, rows * TERMINAL_COLUMNS);
    soil(text_top * TERMINAL_COLUMNS, TERMINAL_CELLS);
    row += down;
    text_top = rows;
}

void terminal_draw(unsigned at, const uint16_t *cells, size_t n)
{
    if (at >= text_top)
        give_rows(at + 1);
    memcpy(shadow + at * TERMINAL_COLUMNS, cells, n * sizeof(shadow[0]));
    soil(at * TERMINAL_COLUMNS, (at + 1) * TERMINAL_COLUMNS);
    flush();
}

void terminal_scroll_all(void) { text_top = 0; }
