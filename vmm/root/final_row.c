/* How the rows of the final screen look. Pure C. */
#include <stdarg.h>
#include <stdio.h>

#include "vmm/root/final.h"

/* Attributes: a foreground colour, or-ed with a background << 4. */
enum { GREY = 7, LIGHT_RED = 12, WHITE = 15, ON_GREEN = 2 << 4, ON_RED = 4 << 4 };

/* Letters are of cells with a coloured background: of DOT_COLUMNS x DOT_ROWS for each dot, which is about a square. */
enum { DOT_COLUMNS = 3, DOT_ROWS = 2, LETTER_COLUMNS = 5, LETTER_ROWS = 7, GAP = 3, LETTERS = 4 };
enum { LETTER_WIDTH = DOT_COLUMNS * LETTER_COLUMNS, WORD_WIDTH = LETTERS * LETTER_WIDTH + (LETTERS - 1) * GAP };

static const struct letter {
    char name;
    const char *dots[LETTER_ROWS];
} letters[] = {
    {'A', {"#####", "#   #", "#   #", "#####", "#   #", "#   #", "#   #"}},
    {'F', {"#####", "#    ", "#    ", "#### ", "#    ", "#    ", "#    "}},
    {'I', {"#####", "  #  ", "  #  ", "  #  ", "  #  ", "  #  ", "#####"}},
    {'L', {"#    ", "#    ", "#    ", "#    ", "#    ", "#    ", "#####"}},
    {'P', {"#####", "#   #", "#   #", "#####", "#    ", "#    ", "#    "}},
    {'S', {"#####", "#    ", "#    ", "#####", "    #", "    #", "#####"}},
};

/* Which rows are what. */
enum {
    WORD = 1,
    WORD_END = WORD + LETTER_ROWS * DOT_ROWS,
    VMS = WORD_END + 1,
    RESULTS,
    FAILURES,
    PLATFORM = FINAL_ROWS - 2,
    RULE = FINAL_ROWS - 1,
    FAILURE_ROWS = PLATFORM - FAILURES,
};

enum { LINE = 0xc4 }; /* of code page 437: a horizontal line */

static void clear(screen_row row)
{
    for (unsigned i = 0; i < SCREEN_COLUMNS; i++)
        row[i] = GREY << 8 | ' ';
}

/* Puts a line of text, cut where it does not fit. */
__attribute__((format(printf, 3, 4))) static void put(screen_row row, unsigned attribute, const char *format, ...)
{
    char text[SCREEN_COLUMNS];
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    for (unsigned i = 0; text[i]; i++)
        row[i + 1] = (uint16_t)(attribute << 8 | (unsigned char)text[i]);
}

static const struct letter *find_letter(char name)
{
    const struct letter *letter = letters;

    while (letter->name != name)
        letter++;
    return letter;
}

static void put_word(screen_row row, unsigned dot_row, const char *word, unsigned attribute)
{
    unsigned at = (SCREEN_COLUMNS - WORD_WIDTH) / 2;

    for (; *word; word++, at += LETTER_WIDTH + GAP)
        for (unsigned i = 0; i < LETTER_WIDTH; i++)
            if (find_letter(*word)->dots[dot_row][i / DOT_COLUMNS] == '#')
                row[at + i] = (uint16_t)(attribute << 8 | ' ');
}

static void put_failure(screen_row row, unsigned i, const struct final *final)
{
    const char *text = i < final->failures ? final->failure(i) : NULL;

    if (i >= final->failures)
        return;
    if (text && (i + 1 < FAILURE_ROWS || final->failures == FAILURE_ROWS))
        put(row, LIGHT_RED, "%s", text);
    else
        put(row, LIGHT_RED, "and %u more", final->failures - i);
}

void final_row(screen_row row, unsigned at, const struct final *final)
{
    const struct tally *t = &final->tally;
    bool pass = t->failed == 0;

    clear(row);
    if (at >= WORD && at < WORD_END)
        put_word(row, (at - WORD) / DOT_ROWS, pass ? "PASS" : "FAIL", pass ? ON_GREEN : ON_RED);
    else if (at == VMS)
        put(row, WHITE, "VMs:     %u passed, %u failed, %u skipped", t->passed, t->failed, t->skipped);
    else if (at == RESULTS)
        put(row, WHITE, "Results: %u passed, %u failed, %u skipped, %u known differences", t->results_passed, t->results_failed,
            t->results_skipped, t->known);
    else if (at >= FAILURES && at < PLATFORM)
        put_failure(row, at - FAILURES, final);
    else if (at == PLATFORM)
        put(row, WHITE, "Machine: %s, %s", final->passport, final->platform);
    else if (at == RULE)
        for (unsigned i = 0; i < SCREEN_COLUMNS; i++)
            row[i] = GREY << 8 | LINE;
}
