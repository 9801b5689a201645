/*
 * The report ring: how lines of text go from a monitor to the root task. The counters are _Atomic: a plain read or
 * assignment of them is ordered against the text (newlib's stdatomic.h does not work with this compiler).
 */
#include "vmm/lib/report.h"

#include <string.h>

/* Where n bytes that begin at a place of the ring go on at its beginning: how many come before that. */
static size_t before_end(size_t place, size_t n) { return n < REPORT_BYTES - place ? n : REPORT_BYTES - place; }

void report_add(struct report_writer *writer, char kind, const char *text, size_t bytes)
{
    struct report_ring *ring = writer->ring;
    size_t n = (bytes < REPORT_LINE ? bytes : REPORT_LINE) + 2, place = writer->tail % REPORT_BYTES, first = before_end(place, n);
    uint32_t used = writer->tail - ring->head;
    char record[REPORT_LINE + 2];

    while (used <= REPORT_BYTES && used + n > REPORT_BYTES) {
        writer->wait();
        used = writer->tail - ring->head;
    }
    record[0] = kind;
    memcpy(record + 1, text, n - 2);
    for (char *at = record; (at = memchr(at, '\n', n - 1 - (size_t)(at - record)));)
        *at = ' ';
    record[n - 1] = '\n';
    memcpy(ring->text + place, record, first);
    memcpy(ring->text, record + first, n - first);
    writer->tail += (uint32_t)n;
    ring->tail = writer->tail;
}

void report_put(struct report_writer *writer, char kind, const char *text, size_t bytes)
{
    report_add(writer, kind, text, bytes);
    writer->signal();
}

void report_reader_init(struct report_reader *reader, struct report_ring *ring)
{
    *reader = (struct report_reader){.ring = ring};
}

/* Copies n bytes out of the ring. */
static void copy_out(char *to, const char *ring, size_t place, size_t n)
{
    size_t first = before_end(place, n);

    memcpy(to, ring + place, first);
    memcpy(to + first, ring, n - first);
}

/* How many bytes the line that begins at a place has, with its '\n', if it is longer than `from`; 0 if it has no end. */
static size_t find_end(const char *ring, size_t place, size_t from, size_t available)
{
    for (size_t i = from; i < available; i++)
        if (ring[(place + i) % REPORT_BYTES] == '\n')
            return i + 1;
    return 0;
}

/* Nearly all lines have their end in what is copied. */
bool report_take(struct report_reader *reader, struct report_record *record)
{
    const char *ring = reader->ring->text, *end;
    size_t available = reader->ring->tail - reader->head, place = reader->head % REPORT_BYTES, line;
    char copy[1 + REPORT_LINE + 1];
    size_t n = available < sizeof(copy) ? available : sizeof(copy);

    if (available > REPORT_BYTES)
        reader->broken = true;
    if (reader->broken || available == 0)
        return false;
    copy_out(copy, ring, place, n);
    end = memchr(copy, '\n', n);
    line = end ? (size_t)(end - copy) + 1 : find_end(ring, place, n, available);
    if (line == 0) {
        reader->broken = available == REPORT_BYTES;
        return false;
    }
    record->kind = copy[0] == '\n' ? 0 : copy[0];
    record->bytes = line < 2 ? 0 : line - 2 < REPORT_LINE ? line - 2 : REPORT_LINE;
    memcpy(record->text, copy + 1, record->bytes);
    record->text[record->bytes] = 0;
    reader->head += (uint32_t)line;
    reader->ring->head = reader->head;
    return true;
}
