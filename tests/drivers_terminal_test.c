/* sources: tests/lib_support.c */
#include <string.h>

#include "tests/lib_support.h"

#include "drivers/terminal.c"

static uint16_t frame[TERMINAL_CELLS + 8] __attribute__((aligned(8)));

/* A display that shows what it is given, and takes no more than it has room for. */
static void display(unsigned first, const uint16_t *cells, size_t n)
{
    CHECK(n > 0 && first + n <= TERMINAL_CELLS);
    memcpy(frame + first, cells, n * sizeof(*cells));
}

static void write_text(const char *text) { terminal_write(text, strlen(text)); }

/* Whether a row of the frame shows just that text, in the attribute given. */
static bool shows(unsigned at, const char *text, uint8_t colors)
{
    size_t n = strlen(text);

    for (unsigned i = 0; i < TERMINAL_COLUMNS; i++)
        if (frame[at * TERMINAL_COLUMNS + i] != (uint16_t)(colors << 8 | (i < n ? text[i] : ' ')))
            return false;
    return true;
}

static void start(void)
{
    memset(frame, 0xee, sizeof(frame));
    terminal_init(display);
}

static void test_start(void)
{
    start();
    for (unsigned i = 0; i < TERMINAL_ROWS; i++)
        CHECK(shows(i, "", 7));
    CHECK(frame[TERMINAL_CELLS] == 0xeeee);
    test_passed("terminal_init clears the screen");
}

static void test_controls(void)
{
    start();
    write_text("one\ntwo\rT\n\tthree\n12345678\t9\tT\nabc\b\bX\n\b\bY\n\x01\x7f\xff\xe4~ \n");
    CHECK(shows(0, "one", 7));
    CHECK(shows(1, "Two", 7));
    CHECK(shows(2, "        three", 7));
    CHECK(shows(3, "12345678        9       T", 7));
    CHECK(shows(4, "aXc", 7));
    CHECK(shows(5, "Y", 7));
    CHECK(shows(6, "????~", 7));
    test_passed("line feed, return, tab, backspace; what is not printable is a question mark");
}

static void test_wrap(void)
{
    char line[TERMINAL_COLUMNS + 1];

    start();
    memset(line, 'x', TERMINAL_COLUMNS);
    line[TERMINAL_COLUMNS] = 0;
    write_text(line);
    write_text("\nafter\n");
    write_text(line);
    write_text("wrapped");
    write_text("\n\t\t\t\t\t\t\t\t\t\t\t\tend");
    CHECK(shows(0, line, 7) && shows(1, "after", 7) && shows(2, line, 7) && shows(3, "wrapped", 7));
    CHECK(shows(4, "", 7) && shows(5, "end", 7));
    test_passed("a full row wraps with its next character, not before");
}

static void test_scroll(void)
{
    start();
    for (char c = 'a'; c < 'a' + TERMINAL_ROWS; c++)
        terminal_write((char[]){c, '\n'}, 2);
    CHECK(frame[0] == (0x07 << 8 | 'a') && frame[24 * TERMINAL_COLUMNS] == (0x07 << 8 | 'y'));
    /* If video memory were read, this would come up again. */
    memset(frame, 0xee, TERMINAL_CELLS * 2);
    write_text("z");
    CHECK(frame[0] == (0x07 << 8 | 'b') && frame[23 * TERMINAL_COLUMNS] == (0x07 << 8 | 'y'));
    CHECK(shows(24, "z", 0x07));
    for (unsigned i = 0; i < TERMINAL_CELLS; i++)
        CHECK(frame[i] != 0xeeee);
    write_text("\n\n\n!");
    CHECK(frame[0] == (0x07 << 8 | 'e') && shows(22, "", 0x07) && shows(23, "", 0x07) && shows(24, "!", 0x07));
    CHECK(frame[TERMINAL_CELLS] == 0xeeee);
    test_passed("scrolling paints all rows out of RAM, and only when a character needs the room");
}

/* Draws a row of one letter in white on blue. */
static void draw(unsigned at, char c)
{
    uint16_t cells[TERMINAL_COLUMNS];

    for (unsigned i = 0; i < TERMINAL_COLUMNS; i++)
        cells[i] = (uint16_t)(0x1f << 8 | c);
    terminal_draw(at, cells, TERMINAL_COLUMNS);
}

static bool drawn(unsigned at, char c)
{
    char line[TERMINAL_COLUMNS + 1] = {0};

    memset(line, c, TERMINAL_COLUMNS);
    return shows(at, line, 0x1f);
}

static void test_draw(void)
{
    start();
    write_text("one\ntwo\nthree");
    draw(2, 'C');
    CHECK(shows(0, "", 7) && shows(1, "", 7) && drawn(2, 'C'));
    CHECK(shows(3, "one", 7) && shows(4, "two", 7) && shows(5, "three", 7) && shows(6, "", 7));
    draw(0, 'A');
    write_text("!\n");
    CHECK(drawn(0, 'A') && drawn(2, 'C') && shows(5, "three!", 7));
    for (char c = 'a'; c <= 'z'; c++)
        terminal_write((char[]){c, '\n'}, 2);
    CHECK(drawn(0, 'A') && shows(1, "", 7) && drawn(2, 'C') && shows(3, "e", 7) && shows(24, "z", 7));
    memset(frame, 0xee, TERMINAL_CELLS * 2);
    write_text("next");
    CHECK(shows(3, "f", 7) && shows(24, "next", 7) && frame[0] == 0xeeee && frame[2 * TERMINAL_COLUMNS] == 0xeeee);
    draw(1, 'B');
    CHECK(drawn(1, 'B') && frame[0] == 0xeeee && frame[2 * TERMINAL_COLUMNS] == 0xeeee);
    CHECK(frame[TERMINAL_CELLS] == 0xeeee);
    test_passed("rows that are drawn stay; the text below scrolls, and nothing else is painted again");
}

static void test_draw_full(void)
{
    start();
    for (char c = 'a'; c < 'a' + TERMINAL_ROWS; c++)
        terminal_write((char[]){c, '\n'}, 2);
    draw(5, 'F');
    CHECK(shows(0, "", 7) && drawn(5, 'F') && shows(6, "g", 7) && shows(24, "y", 7));
    write_text("z");
    CHECK(drawn(5, 'F') && shows(6, "h", 7) && shows(23, "y", 7) && shows(24, "z", 7));
    draw(TERMINAL_ROWS - 2, 'Y');
    write_text("\nlast");
    CHECK(drawn(TERMINAL_ROWS - 2, 'Y') && drawn(5, 'F') && shows(24, "last", 7));
    terminal_scroll_all();
    write_text("\nall");
    CHECK(drawn(4, 'F') && shows(23, "last", 7) && shows(24, "all", 7) && frame[TERMINAL_CELLS] == 0xeeee);
    start();
    terminal_draw(0, (uint16_t[]){0x1f << 8 | 'x'}, 1);
    CHECK(frame[0] == (0x1f << 8 | 'x') && frame[1] == (7 << 8 | ' '));
    test_passed("a full screen gives its oldest lines; all of it can scroll again");
}

static uint16_t other_frame[TERMINAL_CELLS];

static void display_other(unsigned first, const uint16_t *cells, size_t n)
{
    CHECK(n > 0 && first + n <= TERMINAL_CELLS);
    memcpy(other_frame + first, cells, n * sizeof(*cells));
}

static void test_other_display(void)
{
    start();
    write_text("one\n");
    memcpy(other_frame, frame, sizeof(other_frame));
    terminal_show_on(NULL);
    write_text("two\n");
    draw(3, 'D');
    CHECK(memcmp(frame, other_frame, sizeof(other_frame)) == 0);
    memset(other_frame, 0xee, sizeof(other_frame));
    terminal_show_on(display_other);
    memset(frame, 0xee, sizeof(frame));
    write_text("three");
    CHECK(frame[0] == 0xeeee && frame[TERMINAL_CELLS - 1] == 0xeeee);
    memcpy(frame, other_frame, sizeof(other_frame));
    CHECK(shows(0, "", 7) && drawn(3, 'D') && shows(4, "one", 7) && shows(5, "two", 7) && shows(6, "three", 7));
    CHECK(shows(24, "", 7));
    test_passed("another display shows all there is, also what came while there was none");
}

/* Another way to the same screen: all the text as rows, of which the last ones show. */
static char rows[4000][TERMINAL_COLUMNS + 1];
static unsigned model_row, model_column;

static void model_put(char c)
{
    if (c == '\n' || (c >= ' ' && model_column == TERMINAL_COLUMNS)) {
        model_row++;
        model_column = 0;
    }
    if (c == '\n')
        return;
    if (c == '\r') {
        model_column = 0;
        return;
    }
    rows[model_row][model_column++] = c;
}

static void test_random_text(void)
{
    for (uint64_t round = 0; round < 50; round++) {
        unsigned last_used = 0;

        test_seed(round);
        start();
        memset(rows, ' ', sizeof(rows));
        model_row = model_column = 0;
        for (unsigned step = 0; step < 100; step++) {
            char text[200];
            size_t n = test_below(sizeof(text));

            for (size_t i = 0; i < n; i++) {
                uint64_t kind = test_below(60);

                text[i] = kind == 0 ? '\n' : kind == 1 ? '\r' : (char)(' ' + test_below(95));
                model_put(text[i]);
                /* A line feed does not need its new row yet, but that which it leaves. */
                if (text[i] >= ' ' || (text[i] == '\n' && last_used < model_row - 1))
                    last_used = model_row - (text[i] == '\n');
            }
            terminal_write(text, n);
            for (unsigned r = 0; r < TERMINAL_ROWS; r++) {
                unsigned top = last_used >= TERMINAL_ROWS ? last_used - (TERMINAL_ROWS - 1) : 0;

                for (unsigned i = 0; i < TERMINAL_COLUMNS; i++)
                    CHECK((char)frame[r * TERMINAL_COLUMNS + i] == rows[top + r][i]);
            }
        }
    }
    test_passed("random text shows what a list of rows would");
}

int main(void)
{
    test_start();
    test_controls();
    test_wrap();
    test_scroll();
    test_draw();
    test_draw_full();
    test_other_display();
    test_random_text();
    return test_done();
}
