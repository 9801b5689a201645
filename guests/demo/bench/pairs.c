/* The events that take two VMs, and what the second one does. */
#include <stddef.h>
#include <string.h>

#include "guests/demo/bench/bench.h"
#include "guests/lib/common/cpu.h"
#include "guests/lib/common/hypercall.h"
#include "guests/lib/common/message.h"
#include "guests/lib/x64/ring.h"

enum { RECORD = 4096 };

static void nothing(void) {}

/* ---- Giving the pCPU away --------------------------------------------------------------------------------- */

static uint64_t yield(unsigned n) { return TICKS(n, hypercall(HC_YIELD, 0, 0, 0)); }

static void yield_on(void)
{
    for (;;)
        hypercall(HC_YIELD, 0, 0, 0);
}

static const struct event switches[] = {
    {"switch", 100, yield, events_empty, true}, /* all VMs are ready all the time, and each gives up its turn at once */
};

const struct role role_switch = {"switch", switches, 1, nothing, yield_on, {NULL}, NULL};

/* ---- Messages --------------------------------------------------------------------------------------------- */

enum { TO_PARTNER = 0, FROM_PARTNER = 1 };

/* From the sender to the partner and back, both waiting for each other. The partner's loop is part of it. */
static uint64_t message_roundtrip(unsigned n)
{
    struct message message = {{0}};
    uint64_t start = cpu_read_tsc();

    message_bounce(TO_PARTNER, FROM_PARTNER, &message, n);
    return cpu_read_tsc() - start;
}

static void bounce_on(void)
{
    struct message message;

    message_receive(TO_PARTNER, &message, CHANNEL_FOR_EVER);
    message_bounce(FROM_PARTNER, TO_PARTNER, &message, UINT64_MAX);
}

static const struct event messages[] = {
    {"message-roundtrip", 100, message_roundtrip, NULL, false},
};

const struct role role_message = {"message", messages, 1, nothing, bounce_on, {NULL}, NULL};

/* ---- A ring ----------------------------------------------------------------------------------------------- */

static struct ring ring;
static uint8_t record[RECORD], copy[RECORD];

static void open_ring(void) { ring_open(&ring, 0); }

/* On one pCPU, in batches that are as large as the ring, the time has both copies in it: into the ring and out of it. */
static uint64_t ring_record(unsigned n) { return TICKS(n, ring_write(&ring, record, RECORD)); }

static uint64_t memcpy_record(unsigned n)
{
    return TICKS(2 * n, memcpy(copy, record, RECORD); __asm__ volatile("" : : : "memory"));
}

static void read_on(void)
{
    open_ring();
    while (ring_read(&ring, copy, RECORD) >= 0)
        ;
}

static const struct event records[] = {
    {"ring-4k", 256, ring_record, events_empty, false},
    {"memcpy-4k-twice", 256, memcpy_record, events_empty, false},
};

const struct role role_ring = {"ring", records, 2, open_ring, read_on, {NULL}, NULL};
