/* sources: kernel/cpu/trace_ring.c tests/lib_support.c */
/* The trace ring: wrap, overwriting, readers that come late or read while it is written. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/cpu/trace_ring.h"
#include "tests/lib_support.h"

enum { ROOM = 64 * sizeof(struct trace_record), OUT = 100 };

static struct trace_ring ring;
static struct trace_record room[64], more_room[256], out[OUT];

/* Record `number`, so that each of its words tells which it is. */
static void put(uint64_t number)
{
    trace_ring_put(&ring, 1000 + number, TRACE_EXIT, (uint32_t)number, ~number, 3 * number);
}

static bool is(const struct trace_record *r, uint64_t number)
{
    return r->tsc == 1000 + number && r->kind == TRACE_EXIT && r->who == (uint32_t)number && r->a == ~number &&
           r->b == 3 * number;
}

static void start(uint64_t records)
{
    memset(room, 0xee, sizeof(room));
    trace_ring_init(&ring, room, ROOM);
    for (uint64_t i = 0; i < records; i++)
        put(i);
}

/* Reads from `from`, and expects the records from `first` on, n of them. */
static void expect(uint64_t from, size_t most, uint64_t first, size_t n)
{
    CHECK(trace_ring_read(&ring, &from, out, most) == n);
    CHECK(n == 0 || from == first);
    for (size_t i = 0; i < n; i++)
        CHECK(is(&out[i], first + i));
}

static void test_sizes(void)
{
    static const struct {
        size_t records, kept;
    } cases[] = {{1, 1}, {2, 2}, {3, 2}, {63, 32}, {64, 64}, {65, 64}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        trace_ring_init(&ring, room, cases[i].records * sizeof(struct trace_record));
        CHECK(ring.mask == cases[i].kept - 1);
        trace_ring_init(&ring, room, (cases[i].records + 1) * sizeof(struct trace_record) - 1);
        CHECK(ring.mask == cases[i].kept - 1);
    }
    test_passed("a ring is the largest power of two of records that fits");
}

static void test_read(void)
{
    start(0);
    expect(0, OUT, 0, 0);
    start(5);
    expect(0, OUT, 0, 5);
    expect(2, OUT, 2, 3);
    expect(0, 3, 0, 3);
    expect(0, 0, 0, 0);
    expect(5, OUT, 5, 0);
    expect(77, OUT, 77, 0);
    expect(UINT64_MAX, OUT, 77, 0);
    test_passed("reading from the start, from the middle, from the end, from nowhere; in parts");
}

/* The slot that comes next may be half written, so one record less than the ring has room for can be read. */
static void test_wrap(void)
{
    for (uint64_t records = 60; records < 300; records++) {
        uint64_t oldest = records < 64 ? 0 : records - 63;

        start(records);
        expect(0, OUT, oldest, records - oldest);
        expect(oldest + 10, OUT, oldest + 10, records - oldest - 10);
        expect(0, 7, oldest, 7);
        expect(records - 1, OUT, records - 1, 1);
    }
    test_passed("a full ring keeps the newest 63 of 64, wherever it is");
}

static void test_move(void)
{
    static const uint64_t counts[] = {0, 1, 63, 64, 65, 127, 128, 1000};

    for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
        uint64_t n = counts[c], oldest = n < 64 ? 0 : n - 64;

        start(n);
        memset(more_room, 0xee, sizeof(more_room));
        trace_ring_move(&ring, more_room, sizeof(more_room));
        CHECK(ring.mask == 255 && ring.next == n);
        memset(room, 0xee, sizeof(room));
        for (uint64_t i = oldest; i < n; i++)
            CHECK(is(&more_room[i & 255], i));
        put(n);
        expect(n, OUT, n, 1);
    }
    test_passed("a ring moves to larger room with all that it keeps");
}

/* ---- A writer that does not wait for the reader ---- */

enum { READS = 100000 }; /* that find something */

static _Atomic bool enough;

static void *writer(void *unused)
{
    for (uint64_t i = 0; !enough; i++)
        put(i);
    return unused;
}

static void test_race(void)
{
    uint64_t from = 0;
    pthread_t thread;

    start(0);
    CHECK(pthread_create(&thread, NULL, writer, NULL) == 0);
    for (unsigned i = 0; i < READS;) {
        uint64_t wanted = from;
        size_t n = trace_ring_read(&ring, &from, out, 1 + i % OUT);

        CHECK(from >= wanted);
        for (size_t k = 0; k < n; k++)
            CHECK(is(&out[k], from + k));
        from += n;
        i += n > 0;
    }
    enough = true;
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(from > 0 && from <= ring.next);
    test_passed("beside a writer at full speed, each record that is read is whole, and none comes twice");
}

int main(void)
{
    test_sizes();
    test_read();
    test_wrap();
    test_move();
    test_race();
    return test_done();
}
