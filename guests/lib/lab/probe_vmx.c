/* The probe on VMX: a VMCS of the lab's, which LAB_VMX enters. */
#include <string.h>

#include "guests/lib/feature/outcome.h"
#include "guests/lib/lab/control.h"
#include "guests/lib/lab/probe_block.h"
#include "guests/lib/lab/root.h"

/* What the VMCS has in a field, if that was written in the time that is now: see age(). */
static struct {
    unsigned age;
    uint64_t value;
} written[PROBE_FIELDS_END / 2];
static unsigned prepared, saved; /* how often */
static bool saved_since;         /* the last entry */

static const uint16_t fields[] = {
#define X(encoding, name) encoding,
    VMCS_FIELDS(X)
#undef X
};
enum { FIELDS = sizeof fields / sizeof *fields };

/* The host-state area as the kernel wants it; HOST_RSP is written by the entry. */
static void take_host(void)
{
    enum { TYPE_MASK = 3 << 10, TYPE_HOST = 3 << 10 };

    for (unsigned i = 0; i < FIELDS; i++)
        if ((fields[i] & TYPE_MASK) == TYPE_HOST && probe_has(fields[i]))
            probe_put(fields[i], lab_read(PROBE(fields[i])));
}

/* Fetching its first instruction, a guest exits: EPT maps nothing; without EPT, nor does CR3, and nothing takes the fault. */
void probe_vmx_prepare(void)
{
    enum { WRITE_BACK_4_LEVELS = 0x1e };

    root_begin(true);
    if (!lab_try(LAB_WHAT(LAB_VMX, LAB_VMX_RUN), LAB_VMX_HOST, NULL))
        SKIP("needs a VM with `lab = full`");
    prepared = saved = prepared + saved + 1;
    saved_since = true;
    probe_make_frame(BACKEND_VMX);
    take_host();
    probe_put(STATE_CPU_EFER, lab_read(PROBE(HOST_IA32_EFER)));
    probe_put(STATE_CPU_CR0, lab_read(PROBE(HOST_CR0)));
    probe_put(GUEST_CR3, probe_host_address(PROBE_NO_TABLES));
    probe_put(EPT_POINTER, probe_host_address(PROBE_NO_EPT) | WRITE_BACK_4_LEVELS);
}

static void write_memory(uint32_t field, uint64_t value)
{
    enum { VTPR = 0x80 }; /* in the virtual-APIC page */

    if (field == STATE_VTPR)
        probe_pages[PROBE_SCRATCH][VTPR] = (uint8_t)value;
    else if (field == STATE_LINK_WORD)
        memcpy(probe_pages[PROBE_LINK], &value, sizeof(uint32_t));
    else if (field >= STATE_MEMORY_PDPTE0 && field <= STATE_MEMORY_PDPTE3)
        memcpy(probe_pages[PROBE_NO_TABLES] + (field - STATE_MEMORY_PDPTE0) * sizeof value, &value, sizeof value);
    else if (field >= ENTRY_MSR && (field - ENTRY_MSR + 1) * sizeof value <= PROBE_PAGE)
        memcpy(probe_pages[PROBE_MSR_AREA] + (field - ENTRY_MSR) * sizeof value, &value, sizeof value);
}

enum { EXIT_FIELDS = 2 };
static struct lab_pair collected[ENTRY_VALUES_MAX + ROOT_OPERANDS + EXIT_FIELDS + ROOT_RESULTS];
static size_t n_collected;

/* "Saving Guest State": an exit writes the guest-state area, and two VM-entry control fields. */
static bool is_saved(uint32_t field)
{
    enum { TYPE_MASK = 3 << 10, TYPE_GUEST = 2 << 10 };

    return (field & TYPE_MASK) == TYPE_GUEST ? field < ENTRY_STATE : field == ENTRY_CONTROLS || field == ENTRY_INTERRUPTION_INFO;
}

/* What was written to a field counts as long as this stays the same. */
static unsigned age(uint32_t field) { return is_saved(field) ? saved : prepared; }

/* What the VMCS does not have already it has soon. Memory is written here. */
static void collect(const struct entry_pair *pair)
{
    unsigned now;

    if (pair->field >= ENTRY_STATE) {
        write_memory(pair->field, pair->value);
        return;
    }
    now = age(pair->field);
    if (written[pair->field / 2].age == now && written[pair->field / 2].value == pair->value)
        return;
    written[pair->field / 2].age = now;
    written[pair->field / 2].value = pair->value;
    collected[n_collected++] = (struct lab_pair){PROBE(pair->field), pair->value};
}

/* Until it is written, by who called this, the VMCS is not what it is taken for: then probe_ready is true again. */
static void collect_all(void)
{
    probe_ready = false;
    n_collected = 0;
    for (unsigned i = 0; saved_since && i < probe_wanted.count; i++)
        if (is_saved(probe_wanted.pair[i].field))
            collect(&probe_wanted.pair[i]);
    saved_since = false;
    probe_values_each_changed(collect);
}

void probe_write(void)
{
    collect_all();
    if (n_collected)
        lab_write_pairs(collected, n_collected);
    probe_ready = true;
}

static bool is_of_vmcs(const struct entry_pair *pair) { return pair->field < PROBE_FIELDS_END && probe_has(pair->field); }

void probe_read(struct entry_pair *pairs, unsigned n)
{
    static struct lab_pair read[ENTRY_VALUES_MAX];
    unsigned reads = 0;

    for (unsigned i = 0; i < n; i++)
        if (is_of_vmcs(&pairs[i]))
            read[reads++].what = PROBE(pairs[i].field);
    if (reads > 0)
        lab_read_pairs(read, reads);
    for (unsigned i = 0, next = 0; next < reads; i++)
        if (is_of_vmcs(&pairs[i]))
            pairs[i].value = read[next++].value;
}

/* Whether the current VMCS is to be none, or of a kind that can't be entered. */
static bool is_odd(void)
{
    const uint64_t shadow = 1ull << 31;

    return probe_get(STATE_CURRENT_VMCS) == ~0ull || (probe_get(STATE_CURRENT_VMCS_WORD) & shadow);
}

/* Makes it so. Its fields are lost. */
static void make_odd(void)
{
    const uint64_t shadow = 1ull << 31;

    root_run(LAB_VMX_VMCLEAR, 0, LAB_VMX_A, 0);
    if (probe_get(STATE_CURRENT_VMCS) == ~0ull)
        return;
    root_run(LAB_VMX_REVISE, 0, LAB_VMX_A, shadow);
    if (root_run(LAB_VMX_VMPTRLD, 0, LAB_VMX_A, 0).flags & (FLAG_CF | FLAG_ZF))
        SKIP("this CPU has no shadow VMCS");
}

struct probe_result probe_vmx_enter(void)
{
    static const enum lab_vmx_run runs[2][2] = {{LAB_VMX_VMLAUNCH, LAB_VMX_VMRESUME},
                                                {LAB_VMX_VMLAUNCH_BLOCKED, LAB_VMX_VMRESUME_BLOCKED}};
    struct lab_pair *exit;
    struct root_result result;
    bool odd = is_odd();

    collect_all();
    if (odd) { /* no field can be written, nor read */
        make_odd();
        n_collected = 0;
    }
    exit = collected + n_collected + ROOT_OPERANDS;
    exit[0].what = PROBE(EXIT_REASON);
    exit[1].what = PROBE(EXIT_QUALIFICATION);
    result = root_enter(runs[probe_get(STATE_MOV_SS) & 1][probe_get(STATE_INSTRUCTION) & 1], probe_get(STATE_LAUNCHED), collected,
                        n_collected, odd ? 0 : EXIT_FIELDS);
    probe_ready = !odd;
    if (result.flags & (FLAG_CF | FLAG_ZF))
        return (struct probe_result){.error = result.error};
    if (!(exit[0].value >> 31)) {
        saved++;
        saved_since = true;
    }
    if (probe_get(PIN_CONTROLS) >> (PIN_VIRTUAL_NMIS & NEED_BIT) & 1)
        lab_set(PIN_VIRTUAL_NMIS); /* then the end of the row ends their blocking: state_reset() */
    return (struct probe_result){true, 0, exit[0].value, exit[1].value};
}

/* ---- What an entry changes ---------------------------------------------------------------------------------- */

static struct lab_pair noted[ENTRY_VALUES_MAX];
static unsigned n_noted;

/* Those that this CPU has; HOST_RSP is the kernel's to write. */
void probe_note(void)
{
    n_noted = 0;
    for (unsigned i = 0; i < FIELDS; i++)
        if (fields[i] != HOST_RSP && probe_has(fields[i]))
            noted[n_noted++].what = PROBE(fields[i]);
    lab_read_pairs(noted, n_noted);
}

unsigned probe_changed(struct entry_pair *changed, unsigned room)
{
    static struct lab_pair now[ENTRY_VALUES_MAX];
    unsigned n = 0;

    memcpy(now, noted, sizeof now);
    lab_read_pairs(now, n_noted);
    for (unsigned i = 0; i < n_noted; i++) {
        if (now[i].value == noted[i].value)
            continue;
        if (n < room)
            changed[n] = (struct entry_pair){(uint32_t)LAB_NUMBER(now[i].what), now[i].value};
        n++;
    }
    return n;
}
