/* guest: newlib64 */
/*
 * A stream through the ring that is channel 0, from whichever side this VM is on: pieces of many sizes, each byte of them
 * checked, then records of 4 KiB, timed against copying them within memory. Argument: how many records of each
 * (256); or `die` and `orphan BYTES` for a sender that ends early, and `write` for a side that writes what it may only read.
 */
#include <stdlib.h>
#include <string.h>

#include "guests/lib/common/args.h"
#include "guests/lib/common/console.h"
#include "guests/lib/common/cpu.h"
#include "guests/lib/common/message.h"
#include "guests/lib/common/test.h"
#include "guests/lib/x64/ring.h"

enum { RECORD = 4096 };

static uint8_t record[RECORD] __attribute__((aligned(64))), copy[RECORD] __attribute__((aligned(64)));

/* Numbers that both sides make alike ("xorshift"). */
static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* ---- The sender ---- */

static long send_pieces(struct ring *ring, uint64_t total)
{
    uint64_t bytes = 1, sizes = 2, n;
    long result = 0;

    for (uint64_t left = total; left > 0 && result >= 0; left -= n) {
        n = next(&sizes) % RECORD + 1;
        n = n < left ? n : left;
        for (uint64_t i = 0; i < n; i++)
            record[i] = (uint8_t)next(&bytes);
        result = ring_write(ring, record, n);
    }
    return result;
}

static void produce(struct ring *ring, unsigned records)
{
    long result = send_pieces(ring, (uint64_t)records * RECORD);

    for (unsigned i = 0; i < records && result >= 0; i++)
        result = ring_write(ring, record, RECORD);
    if (result == -ABI_EPIPE)
        test_result(true, "the receiver's end is told");
    else
        test_result(result >= 0, "all is sent (%ld)", result);
}

/* ---- The receiver ---- */

static bool receive_pieces(struct ring *ring, uint64_t total)
{
    uint64_t bytes = 1, sizes = 3;
    long n;

    for (uint64_t left = total; left > 0; left -= (uint64_t)n) {
        n = ring_read(ring, record, next(&sizes) % (left < RECORD ? left : RECORD) + 1);
        if (n <= 0)
            return false;
        for (long i = 0; i < n; i++)
            if (record[i] != (uint8_t)next(&bytes))
                return false;
    }
    return true;
}

static bool receive_record(struct ring *ring)
{
    for (size_t done = 0; done < RECORD;) {
        long n = ring_read(ring, record + done, RECORD - done);

        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static uint64_t time_copies(unsigned records)
{
    uint64_t start = cpu_read_tsc();

    for (unsigned i = 0; i < records; i++) {
        memcpy(copy, record, RECORD);
        __asm__ volatile("" : : : "memory");
    }
    return cpu_read_tsc() - start;
}

/* On one pCPU the time has both copies in it, into the ring and out of it. */
static void consume(struct ring *ring, unsigned records)
{
    bool whole = receive_pieces(ring, (uint64_t)records * RECORD);
    unsigned received = 0;
    uint64_t start, ticks, copies;
    long result;

    test_result(whole, "%u KiB in pieces of many sizes come as they were sent", records * (RECORD / 1024));
    start = cpu_read_tsc();
    while (received < records && receive_record(ring))
        received++;
    ticks = cpu_read_tsc() - start;
    test_result(received == records, "%u of %u records come", received, records);
    copies = 2 * time_copies(records);
    console_print("%u records of 4 KiB: %llu TSC ticks, two copies of each %llu, ratio %llu %%\n", records,
                  (unsigned long long)ticks, (unsigned long long)copies,
                  (unsigned long long)(copies ? ticks * 100 / copies : 0));
    result = ring_read(ring, record, RECORD);
    test_result(result == -ABI_EPIPE, "then the sender's end is told (%ld)", result);
}

/* `orphan BYTES`: the sender ends in the middle. */
static void outlive(struct ring *ring, uint64_t expected)
{
    uint64_t bytes = 0;
    long n;

    while ((n = ring_read(ring, record, RECORD)) > 0)
        bytes += (uint64_t)n;
    test_result(n == -ABI_EPIPE && bytes == expected, "%llu bytes come, then the sender's end is told (%ld)",
                (unsigned long long)bytes, n);
}

/* `write`: what a side may only read must not be writable. */
static void trespass(struct ring *ring)
{
    console_print("writing to a page of the other side\n");
    *(volatile uint64_t *)(uintptr_t)ring->other = 1;
    test_result(false, "the write was let through");
}

int main(int argc, char **argv)
{
    unsigned records = args_number(argc, argv, 1, 256);
    struct ring ring;
    long error = ring_open(&ring, 0);

    if (!test_result(error == 0, "the ring opens (%ld): %u pages", error, channel_size(0)))
        return test_status();
    if (argc > 1 && strcmp(argv[1], "write") == 0)
        trespass(&ring);
    else if (argc > 1 && strcmp(argv[1], "die") == 0)
        ring_write(&ring, record, RECORD); /* and ends in the middle of it */
    else if (argc > 1 && strcmp(argv[1], "orphan") == 0)
        outlive(&ring, args_number(argc, argv, 2, 0));
    else if (channel_kind(0) == CHANNEL_RING_SEND)
        produce(&ring, records);
    else
        consume(&ring, records);
    return test_status();
}
