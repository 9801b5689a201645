/*
 * The values of the probe's block. A case changes some of them and the next one begins where it began: changes are logged, and
 * taken back from there. The fields that have changed since the last entry are what the next one has to look at.
 */
#include "guests/lib/feature/outcome.h"
#include "guests/lib/lab/probe_block.h"

struct entry_values probe_wanted;

enum { LOG = 1024 };

/* What a field was before it was written. No two writes, nor begins, have the same serial number. */
static struct {
    uint32_t field;
    bool known;
    uint64_t value;
    unsigned serial;
} history[LOG];
static unsigned writes, begin_serial, last_serial;

static uint32_t changed[ENTRY_VALUES_MAX];
static unsigned changes;
static bool all_changed;

static bool is_at(const struct entry_values *values, unsigned place, uint32_t field)
{
    return place < values->count && values->pair[place].field == field;
}

/* Most fields are where they were the last time, or one further on or back. Those that are none of a VMCS have to share. */
static struct entry_pair *find(struct entry_values *values, uint32_t field)
{
    enum { VMCS_PLACES = PROBE_FIELDS_END / 2, OTHER_PLACES = 128 };
    static uint16_t places[VMCS_PLACES + OTHER_PLACES];
    uint16_t *place = &places[field < PROBE_FIELDS_END ? field / 2 : VMCS_PLACES + field % OTHER_PLACES];

    if (!is_at(values, *place, field))
        *place = (uint16_t)(is_at(values, *place + 1u, field)   ? *place + 1u
                            : is_at(values, *place - 1u, field) ? *place - 1u
                                                                : entry_values_find(values, field));
    return is_at(values, *place, field) ? &values->pair[*place] : NULL;
}

bool probe_values_read(struct entry_values *values, uint32_t field, uint64_t *value)
{
    const struct entry_pair *pair = find(values, field);

    if (pair)
        *value = pair->value;
    return pair;
}

static void note_change(uint32_t field)
{
    if (changes == ENTRY_VALUES_MAX)
        all_changed = true;
    else
        changed[changes++] = field;
}

void probe_values_each_changed(void (*look)(const struct entry_pair *pair))
{
    for (unsigned i = 0; all_changed && i < probe_wanted.count; i++)
        look(&probe_wanted.pair[i]);
    for (unsigned i = 0; !all_changed && i < changes; i++) {
        const struct entry_pair *pair = find(&probe_wanted, changed[i]);

        if (pair)
            look(pair);
    }
    changes = 0;
    all_changed = false;
}

bool probe_values_write(uint32_t field, uint64_t value)
{
    struct entry_block block = entry_values_block(&probe_wanted);
    const struct entry_pair *pair = find(&probe_wanted, field);

    if (writes == LOG)
        ERROR("probe_values.c: LOG is too small");
    history[writes].field = field;
    history[writes].known = pair;
    history[writes].value = pair ? pair->value : 0;
    if (pair)
        entry_values_put(&probe_wanted, (unsigned)(pair - probe_wanted.pair), value);
    else if (!block.write(&probe_wanted, field, value))
        return false;
    history[writes++].serial = ++last_serial;
    note_change(field);
    return true;
}

static void take_back(unsigned to)
{
    while (writes > to) {
        uint32_t field = history[--writes].field;

        if (history[writes].known)
            find(&probe_wanted, field)->value = history[writes].value;
        else
            entry_values_forget(&probe_wanted, field);
        note_change(field);
    }
}

static void begin(void)
{
    writes = 0;
    begin_serial = ++last_serial;
    probe_wanted.written = 0;
}

void probe_values_base(void)
{
    begin();
    all_changed = true;
}

void probe_values_begin(void)
{
    take_back(0);
    begin();
}

/* Of the last of so many writes. */
static unsigned serial(unsigned n) { return n ? history[n - 1].serial : begin_serial; }

struct probe_mark probe_mark(void) { return (struct probe_mark){writes, serial(writes), probe_wanted.written}; }

bool probe_bring_back(struct probe_mark mark)
{
    if (!probe_ready || mark.writes > writes || mark.serial != serial(mark.writes))
        return false;
    take_back(mark.writes);
    probe_wanted.written = mark.written;
    return true;
}
