/*
 * The file that holds a saved VM: a stream of records. Each is a kind of four letters, a version, flags (0) and a number of
 * bytes, and these bytes; numbers are little-endian. The first record is NEST, the last DONE, with a checksum of all bytes
 * before it. docs/state.md has all kinds. Pure C over byte ranges; a file is not trusted.
 */
#ifndef VMM_STATE_FILE_H
#define VMM_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STATE_KIND_BYTES = 4, STATE_PAGE_BYTES = 4096 };

struct state_record_header {
    char kind[STATE_KIND_BYTES];
    uint16_t version, flags;
    uint64_t bytes; /* of the payload */
};

/* Of NEST. */
struct state_head {
    uint64_t memory_bytes;
    uint32_t vcpus;
    uint32_t guest_kind; /* enum guest_kind */
    uint32_t backend;    /* enum backend of the machine that saved it: for people */
    uint32_t reserved;
    char name[32]; /* of the VM, 0-terminated: for people */
};

/* Of DONE. */
struct state_done {
    uint32_t checksum; /* CRC-32, as of Ethernet, of all that comes before the record */
    uint32_t reserved;
};

/* The start of each record about a vCPU; pairs follow. */
struct state_vcpu_head {
    uint32_t vcpu, reserved;
};

struct state_pair_record {
    uint64_t item, value;
};

/* Of UART: COM1. */
struct state_uart {
    uint16_t divisor;
    uint8_t ier, fcr, lcr, mcr, scratch, reserved;
};

/* Of MEMO: whole pages follow. */
struct state_memory_head {
    uint64_t gpa;
};

/* ---- Writing ---- */

struct state_writer {
    uint8_t *to;
    uint64_t room, used;
    uint64_t record; /* where the open one begins */
    bool full;       /* something did not fit: the rest is lost, too */
};

/* Begins a record, which lasts until the next begins; state_put adds to it. */
void state_begin(struct state_writer *writer, const char *kind, unsigned version);
void state_put(struct state_writer *writer, const void *bytes, uint64_t n);

/* Ends the file: false if it did not fit. */
bool state_finish(struct state_writer *writer);

/* ---- Reading ---- */

struct state_file {
    const char *name; /* for messages */
    const uint8_t *bytes;
    uint64_t size;
};

struct state_record {
    struct state_record_header header;
    const uint8_t *payload;
};

/* The record at *at, and *at behind it; false at the end, and where what is there is no whole record. */
bool state_next(const struct state_file *file, uint64_t *at, struct state_record *record);

static inline bool state_is(const struct state_record *record, const char *kind)
{
    return __builtin_memcmp(record->header.kind, kind, STATE_KIND_BYTES) == 0;
}

/* CRC-32 of ISO 3309. */
uint32_t state_checksum(const uint8_t *bytes, uint64_t n);

#endif
