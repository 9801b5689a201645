/*
 * The report ring: how lines of text go from a monitor to the root task. The counters are _Atomic: a plain read or
 * assignment of them is ordered against the text (newlib's stdatomic.h does not work with this compiler).
 */
#include "vmm/lib/report.h"

/* One character into the ring, at the writer's own tail, which is not published yet. */
static void writer_append(struct report_writer *writer, char c)
{
    writer->ring->text[writer->tail++ % REPORT_BYTES] = c;
}

void report_put(struct report_writer *writer, char kind, const char *text, size_t bytes)
{
    struct report_ring *ring = writer->ring;
    size_t n = bytes < REPORT_LINE ? bytes : REPORT_LINE;
    uint32_t used = writer->tail - ring->head;

    while (used <= REPORT_BYTES && used + n + 2 > REPORT_BYTES) {
        writer->wait();
        used = writer->tail - ring->head;
    }
    writer_append(writer, kind);
    for (size_t i = 0; i < n; i++)
        writer_append(writer, text[i] == '\n' ? ' ' : text[i]);
    writer_append(writer, '\n');
    ring->tail = writer->tail;
    writer->signal();
}

void report_reader_init(struct report_reader *reader, struct report_ring *ring)
{
    *reader = (struct report_reader){.ring = ring};
}

bool report_take(struct report_reader *reader, struct report_record *record)
{
    uint32_t available = reader->ring->tail - reader->head;

    if (available > REPORT_BYTES)
        reader->broken = true;
    if (reader->broken)
        return false;
    record->kind = 0;
    record->bytes = 0;
    for (uint32_t i = 0; i < available; i++) {
        char c = reader->ring->text[(reader->head + i) % REPORT_BYTES];

        if (c == '\n') {
            record->text[record->bytes] = 0;
            reader->head += i + 1;
            reader->ring->head = reader->head;
            return true;
        }
        if (i == 0)
            record->kind = c;
        else if (record->bytes < REPORT_LINE)
            record->text[record->bytes++] = c;
    }
    reader->broken = available == REPORT_BYTES;
    return false;
}
