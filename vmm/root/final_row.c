/* How the rows of the final screen look. Pure C. */
#include "vmm/root/final.h"

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

/* Where text begins and ends in a row. */
enum { LEFT = 1, RIGHT = SCREEN_COLUMNS };

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
        row_put(row, LEFT, RIGHT, ROW_LIGHT_RED, "%s", text);
    else
        row_put(row, LEFT, RIGHT, ROW_LIGHT_RED, "and %u more", final->failures - i);
}

void final_row(screen_row row, unsigned at, const struct final *final)
{
    const struct tally *t = &final->tally;
    bool pass = t->failed == 0;

    row_clear(row, ROW_GREY);
    if (at >= WORD && at < WORD_END)
        put_word(row, (at - WORD) / DOT_ROWS, pass ? "PASS" : "FAIL", pass ? ROW_GREEN << 4 : ROW_RED << 4);
    else if (at == VMS)
        row_put(row, LEFT, RIGHT, ROW_WHITE, "VMs:     %u passed, %u failed, %u skipped", t->passed, t->failed,
                t->skipped);
    else if (at == RESULTS)
        row_put(row, LEFT, RIGHT, ROW_WHITE, "Results: %u passed, %u failed, %u skipped, %u known differences",
                t->results_passed, t->results_failed, t->results_skipped, t->known);
    else if (at >= FAILURES && at < PLATFORM)
        put_failure(row, at - FAILURES, final);
    else if (at == PLATFORM)
        row_put(row, LEFT, RIGHT, ROW_WHITE, "Machine: %s, %s", final->passport, final->platform);
    else if (at == RULE)
        row_rule(row, ROW_GREY);
}
