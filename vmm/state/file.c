/* Records of a saved VM, one after another. */
#include "vmm/state/file.h"

#include <string.h>

_Static_assert(sizeof(struct state_record_header) == 16 && sizeof(struct state_head) == 56, "the layout of files");

/* ---- Writing ---- */

/* What does not fit is lost, and `full` says so. */
static void append(struct state_writer *writer, const void *bytes, uint64_t n)
{
    if (writer->full || n > writer->room - writer->used) {
        writer->full = true;
        return;
    }
    memcpy(writer->to + writer->used, bytes, n);
    writer->used += n;
}

void state_begin(struct state_writer *writer, const char *kind, unsigned version)
{
    struct state_record_header header = {.version = (uint16_t)version};

    memcpy(header.kind, kind, sizeof(header.kind));
    writer->record = writer->used;
    append(writer, &header, sizeof(header));
}

void state_put(struct state_writer *writer, const void *bytes, uint64_t n)
{
    struct state_record_header header;

    append(writer, bytes, n);
    if (writer->full)
        return;
    memcpy(&header, writer->to + writer->record, sizeof(header));
    header.bytes += n;
    memcpy(writer->to + writer->record, &header, sizeof(header));
}

bool state_finish(struct state_writer *writer)
{
    struct state_done done = {.checksum = state_checksum(writer->to, writer->used)};

    state_begin(writer, "DONE", 1);
    state_put(writer, &done, sizeof(done));
    return !writer->full;
}

/* ---- Reading ---- */

bool state_next(const struct state_file *file, uint64_t *at, struct state_record *record)
{
    uint64_t left = file->size - *at;

    if (left < sizeof(record->header))
        return false;
    memcpy(&record->header, file->bytes + *at, sizeof(record->header));
    if (record->header.bytes > left - sizeof(record->header))
        return false;
    record->payload = file->bytes + *at + sizeof(record->header);
    *at += sizeof(record->header) + record->header.bytes;
    return true;
}

uint32_t state_checksum(const uint8_t *bytes, uint64_t n)
{
    static uint32_t table[256];
    uint32_t sum = UINT32_MAX;

    for (uint32_t i = 0; i < 256 && table[255] == 0; i++) {
        uint32_t c = i;

        for (unsigned bit = 0; bit < 8; bit++)
            c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
        table[i] = c;
    }
    for (uint64_t i = 0; i < n; i++)
        sum = table[(uint8_t)(sum ^ bytes[i])] ^ sum >> 8;
    return ~sum;
}
