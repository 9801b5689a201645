/* sources: vmm/lib/report.c tests/lib_support.c */
/* The report ring: both sides against each other, full rings, and counters that no honest side would set. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib_support.h"
#include "vmm/lib/report.h"

static struct report_ring *ring; /* from malloc: ASan sees an access beside it */
static struct report_reader reader;
static unsigned waits, signals;

/* What the reader does while the writer waits: takes one record, which must be the next one. */
static unsigned next_taken;

static void expect_next(void)
{
    struct report_record record;
    char text[40];

    snprintf(text, sizeof(text), "line %u", next_taken++);
    CHECK(report_take(&reader, &record));
    CHECK(record.kind == REPORT_NOTE && strcmp(record.text, text) == 0 && record.bytes == strlen(text));
}

static void wait_by_reading(void)
{
    waits++;
    expect_next();
}

static void count_signal(void) { signals++; }

static struct report_writer fresh(void)
{
    memset(ring, 0, sizeof(*ring));
    report_reader_init(&reader, ring);
    waits = signals = next_taken = 0;
    return (struct report_writer){ring, 0, wait_by_reading, count_signal};
}

static void test_kinds(void)
{
    static const char kinds[] = {REPORT_CONSOLE, REPORT_TEST, REPORT_NOTE, REPORT_END, REPORT_PART};
    struct report_writer writer = fresh();
    struct report_record record;

    CHECK(!report_take(&reader, &record));
    for (unsigned i = 0; i < sizeof(kinds); i++)
        report_put(&writer, kinds[i],
                   "a\x00"
                   "b\nc\xff",
                   i);
    CHECK(signals == sizeof(kinds) && waits == 0);
    for (unsigned i = 0; i < sizeof(kinds); i++) {
        CHECK(report_take(&reader, &record));
        CHECK(record.kind == kinds[i] && record.bytes == i &&
              memcmp(record.text,
                     "a\x00"
                     "b c",
                     i) == 0);
        CHECK(record.text[i] == 0);
    }
    CHECK(!report_take(&reader, &record) && !reader.broken);
    test_passed("records come as they were sent, a line end in a text as a blank");
}

static void test_full(void)
{
    struct report_writer writer = fresh();
    enum { LINES = 5000 };

    for (unsigned i = 0; i < LINES; i++) {
        char text[40];

        snprintf(text, sizeof(text), "line %u", i);
        report_put(&writer, REPORT_NOTE, text, strlen(text));
    }
    CHECK(waits > 4000);
    while (next_taken < LINES)
        expect_next();
    test_passed("a full ring makes the writer wait; 5000 lines come in order, none lost, none twice");
}

static void test_longest(void)
{
    struct report_writer writer = fresh();
    struct report_record record;
    char text[2 * REPORT_LINE];

    memset(text, 'z', sizeof(text));
    report_put(&writer, REPORT_TEST, text, REPORT_LINE);
    report_put(&writer, REPORT_TEST, text, sizeof(text));
    for (unsigned i = 0; i < 2; i++) {
        CHECK(report_take(&reader, &record));
        CHECK(record.bytes == REPORT_LINE && record.text[REPORT_LINE] == 0 && record.text[REPORT_LINE - 1] == 'z');
    }
    CHECK(!report_take(&reader, &record));
    test_passed("a text that is too long is cut");
}

static void test_partial(void)
{
    struct report_record record;

    fresh();
    memcpy(ring->text, "Nabc", 4);
    ring->tail = 4;
    CHECK(!report_take(&reader, &record) && !reader.broken);
    ring->text[4] = '\n';
    ring->tail = 5;
    CHECK(report_take(&reader, &record) && strcmp(record.text, "abc") == 0 && ring->head == 5);
    test_passed("a record without its end waits for it");
}

/* Writers that lie. */
static void test_bad_tail(void)
{
    static const uint32_t tails[] = {REPORT_BYTES + 1, 0x7fffffff, 0x80000000, 0xffffffff};
    struct report_record record;

    for (unsigned i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        fresh();
        memset(ring->text, '\n', REPORT_BYTES);
        ring->tail = tails[i];
        CHECK(!report_take(&reader, &record) && reader.broken);
        ring->tail = 0;
        CHECK(!report_take(&reader, &record));
    }
    fresh();
    memset(ring->text, 'x', REPORT_BYTES);
    ring->tail = REPORT_BYTES;
    CHECK(!report_take(&reader, &record) && reader.broken);
    test_passed("a tail out of range or a full ring without a line end breaks the ring for good");
}

static void test_bad_text(void)
{
    struct report_record record;

    fresh();
    memcpy(ring->text, "\n\nC\nCa\n", 7);
    memset(ring->text + 7, 'y', 1000);
    ring->text[1007] = '\n';
    ring->tail = 1008;
    for (unsigned i = 0; i < 2; i++)
        CHECK(report_take(&reader, &record) && record.kind == 0 && record.bytes == 0);
    CHECK(report_take(&reader, &record) && record.kind == 'C' && record.bytes == 0);
    CHECK(report_take(&reader, &record) && record.kind == 'C' && strcmp(record.text, "a") == 0);
    CHECK(report_take(&reader, &record) && record.kind == 'y' && record.bytes == REPORT_LINE);
    CHECK(!report_take(&reader, &record) && !reader.broken);
    test_passed("empty records, and records longer than any writer sends");
}

/* A reader that lies: the writer neither hangs nor writes beside the ring. */
static void test_bad_head(void)
{
    static const uint32_t heads[] = {1, REPORT_BYTES, 0x7fffffff, 0xffffffff};

    for (unsigned i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        struct report_writer writer = fresh();

        ring->head = heads[i];
        for (unsigned n = 0; n < 10; n++)
            report_put(&writer, REPORT_NOTE, "text", 4);
        CHECK(writer.tail == 60 && ring->tail == 60 && waits == 0);
    }
    test_passed("a head out of range neither stops the writer nor leads it astray");
}

static void test_fuzz(void)
{
    enum { ROUNDS = 20000 };

    for (unsigned round = 0; round < ROUNDS; round++) {
        struct report_record record;
        unsigned taken = 0;

        test_seed(round);
        fresh();
        for (unsigned i = 0; i < 64; i++)
            ring->text[test_below(REPORT_BYTES)] = test_below(3) ? '\n' : (char)test_random();
        for (unsigned step = 0; step < 4; step++) {
            ring->tail = test_below(8) ? reader.head + (uint32_t)test_below(REPORT_BYTES + 2) : (uint32_t)test_random();
            while (report_take(&reader, &record)) {
                CHECK(record.bytes <= REPORT_LINE && record.text[record.bytes] == 0);
                CHECK(++taken <= 5 * REPORT_BYTES);
            }
        }
    }
    test_passed("20000 rings of garbage are read within bounds");
}

int main(void)
{
    ring = malloc(sizeof(*ring));
    test_kinds();
    test_full();
    test_longest();
    test_partial();
    test_bad_tail();
    test_bad_text();
    test_bad_head();
    test_fuzz();
    free(ring);
    return test_done();
}
