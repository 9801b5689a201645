#include "vmm/entry/entry.h"

bool entry_caps_put(struct entry_caps *caps, uint64_t index, uint64_t value)
{
    for (uint32_t field = ENTRY_CAP; field < ENTRY_CAP_END; field++) {
        if (entry_cap_index(field) != index)
            continue;
        caps->value[field - ENTRY_CAP] = value;
        caps->known |= 1ull << (field - ENTRY_CAP);
        return true;
    }
    return false;
}

unsigned entry_values_find(const struct entry_values *values, uint32_t field)
{
    unsigned low = 0, high = values->count;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (values->pair[middle].field < field)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool values_read(void *context, uint32_t field, uint64_t *value)
{
    const struct entry_values *values = context;
    unsigned at = entry_values_find(values, field);

    if (at == values->count || values->pair[at].field != field)
        return false;
    *value = values->pair[at].value;
    return true;
}

void entry_values_put(struct entry_values *values, unsigned at, uint64_t value)
{
    struct entry_pair *pair = &values->pair[at];
    unsigned bits = entry_field_bits(pair->field);

    values->written |= entry_field_mask(pair->field);
    pair->value = bits < 64 ? value & ((1ull << bits) - 1) : value;
}

static bool values_write(void *context, uint32_t field, uint64_t value)
{
    struct entry_values *values = context;
    unsigned at = entry_values_find(values, field);

    if (at == values->count || values->pair[at].field != field) {
        if (values->count == ENTRY_VALUES_MAX)
            return false;
        for (unsigned i = values->count++; i > at; i--)
            values->pair[i] = values->pair[i - 1];
        values->pair[at].field = field;
    }
    entry_values_put(values, at, value);
    return true;
}

void entry_values_forget(struct entry_values *values, uint32_t field)
{
    unsigned at = entry_values_find(values, field);

    if (at == values->count || values->pair[at].field != field)
        return;
    values->count--;
    for (; at < values->count; at++)
        values->pair[at] = values->pair[at + 1];
}

struct entry_block entry_values_block(struct entry_values *values)
{
    return (struct entry_block){values, values_read, values_write, NULL};
}

void entry_values_copy(struct entry_values *to, const struct entry_values *from)
{
    to->count = from->count;
    to->written = from->written;
    for (unsigned i = 0; i < from->count; i++)
        to->pair[i] = from->pair[i];
}
