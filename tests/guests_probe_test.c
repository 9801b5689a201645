/* sources: vmm/entry/values.c vmm/entry/field.c tests/lib_support.c */
/* The values of the probe's block, against copies of all of it: what is brought back, and what an entry has to look at. */
#include <stdlib.h>
#include <string.h>

#include "tests/lib_support.h"

#include "guests/lib/lab/probe_values.c"

enum { ROUNDS = 200, STEPS = 400, MARKS = 6 };

bool probe_ready = true;

void outcome_end(enum verdict verdict, const char *file, unsigned line, const char *format, ...)
{
    (void)verdict, (void)file, (void)line, (void)format;
    abort();
}

static const uint32_t fields[] = {
    GUEST_ES_SELECTOR, GUEST_IA32_EFER, PIN_CONTROLS, PROC_CONTROLS, GUEST_CR0, GUEST_CR4, GUEST_RFLAGS, EPTP_LIST_ADDRESS,
    VMCB_CR0, VMCB_EFER, STATE_VTPR, STATE_LINK_WORD, ENTRY_MSR_INDEX(0), ENTRY_MSR_VALUE(0), ENTRY_MSR_INDEX(7),
};
enum { FIELDS = sizeof fields / sizeof *fields };

/* A copy of what the block is, and the mark that goes with it. */
static struct copy {
    struct probe_mark mark;
    struct entry_values values;
    bool valid;
} marks[MARKS];
static struct entry_values base, entered; /* the base; what the last entry saw */

static void check_same(const struct entry_values *a, const struct entry_values *b)
{
    CHECK(a->count == b->count && a->written == b->written);
    CHECK(memcmp(a->pair, b->pair, a->count * sizeof a->pair[0]) == 0);
}

/* The base has some of the fields. */
static void make_base(void)
{
    struct entry_block block = entry_values_block(&probe_wanted);

    probe_wanted.count = 0;
    for (unsigned i = 0; i < FIELDS; i++)
        if (test_below(2))
            CHECK(block.write(block.context, fields[i], test_random()));
    probe_values_base();
    base = probe_wanted;
    entered.count = 0;
    memset(marks, 0, sizeof marks);
}

static void step_write(void)
{
    uint32_t field = fields[test_below(FIELDS)];
    uint64_t value = test_random(), now;

    CHECK(probe_values_write(field, value));
    CHECK(probe_values_read(&probe_wanted, field, &now));
    CHECK(now == (entry_field_bits(field) < 64 ? value & ((1ull << entry_field_bits(field)) - 1) : value));
}

static void step_mark(void)
{
    struct copy *copy = &marks[test_below(MARKS)];

    *copy = (struct copy){probe_mark(), probe_wanted, true};
}

/* A mark is good until the block goes back behind it. */
static void step_bring_back(void)
{
    const struct copy *copy = &marks[test_below(MARKS)];
    bool good = probe_bring_back(copy->mark);

    CHECK(good == copy->valid);
    if (!good)
        return;
    check_same(&probe_wanted, &copy->values);
    for (unsigned i = 0; i < MARKS; i++)
        marks[i].valid = marks[i].valid && marks[i].mark.writes <= copy->mark.writes;
}

static void step_begin(void)
{
    probe_values_begin();
    check_same(&probe_wanted, &base);
    memset(marks, 0, sizeof marks);
}

static void look(const struct entry_pair *pair)
{
    struct entry_block block = entry_values_block(&entered);

    CHECK(block.write(block.context, pair->field, pair->value));
}

/* An entry that looked at what it was told of has all that the block has. */
static void step_enter(void)
{
    struct entry_block block = entry_values_block(&entered);

    probe_values_each_changed(look);
    for (unsigned i = 0; i < probe_wanted.count; i++) {
        uint64_t value;

        CHECK(block.read(block.context, probe_wanted.pair[i].field, &value));
        CHECK(value == probe_wanted.pair[i].value);
    }
}

static void test_steps(void)
{
    static void (*const steps[])(void) = {step_write, step_write, step_write, step_mark, step_bring_back, step_enter};

    for (unsigned round = 0; round < ROUNDS; round++) {
        test_seed(round + 1);
        make_base();
        for (unsigned i = 0; i < STEPS; i++)
            if (test_below(40) == 0)
                step_begin();
            else
                steps[test_below(sizeof steps / sizeof *steps)]();
    }
    test_passed("what was written is taken back, and an entry is told of all that has changed");
}

static void test_not_ready(void)
{
    struct probe_mark mark;

    make_base();
    mark = probe_mark();
    probe_ready = false;
    CHECK(!probe_bring_back(mark));
    probe_ready = true;
    CHECK(probe_bring_back(mark));
    test_passed("nothing is brought back to where the VMCS is lost");
}

int main(void)
{
    test_steps();
    test_not_ready();
    return test_done();
}
