/* The probe on VMX: a VMCS of the lab's, which LAB_VMX enters. */
#include <string.h>

#include "guests/lib/feature/outcome.h"
#include "guests/lib/lab/control.h"
#include "guests/lib/lab/probe_block.h"
#include "guests/lib/lab/root.h"

static struct entry_values written;     /* what of the block the VMCS has, */
static bool known[ENTRY_VALUES_MAX]; /* as far as that is known */

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
    memset(known, 0, sizeof known);
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

/* Makes `written` a list of the same fields as the block's, with what it knew of them. Both are by rising field. */
static void align(void)
{
    static struct entry_values before;
    static bool before_known[ENTRY_VALUES_MAX];
    unsigned at = 0;

    entry_values_copy(&before, &written);
    memcpy(before_known, known, sizeof known);
    entry_values_copy(&written, &probe_wanted);
    for (unsigned i = 0; i < written.count; i++) {
        while (at < before.count && before.pair[at].field < written.pair[i].field)
            at++;
        known[i] = at < before.count && before.pair[at].field == written.pair[i].field && before_known[at];
        if (known[i])
            written.pair[i].value = before.pair[at].value;
    }
}

static bool is_written(unsigned i)
{
    const struct entry_pair *pair = &probe_wanted.pair[i];

    if (i >= written.count || written.pair[i].field != pair->field)
        align();
    return known[i] && written.pair[i].value == pair->value;
}

/* Fills in what of the block the VMCS does not have already, and has then; returns how many. Memory is written here. */
static size_t collect(struct lab_pair *pairs)
{
    size_t n = 0;

    for (unsigned i = 0; i < probe_wanted.count; i++) {
        const struct entry_pair *pair = &probe_wanted.pair[i];

        if (is_written(i))
            continue;
        if (pair->field >= ENTRY_STATE)
            write_memory(pair->field, pair->value);
        else
            pairs[n++] = (struct lab_pair){PROBE(pair->field), pair->value};
        written.pair[i].value = pair->value;
        known[i] = true;
    }
    return n;
}

void probe_write(void)
{
    static struct lab_pair pairs[ENTRY_VALUES_MAX];
    size_t n = collect(pairs);

    if (n)
        lab_write_pairs(pairs, n);
}

/* "Saving Guest State": an exit writes the guest-state area, and two VM-entry control fields. */
static void forget_saved(void)
{
    enum { TYPE_MASK = 3 << 10, TYPE_GUEST = 2 << 10 };

    for (unsigned i = 0; i < written.count; i++) {
        uint32_t field = written.pair[i].field;

        if (field < ENTRY_STATE && ((field & TYPE_MASK) == TYPE_GUEST || field == ENTRY_CONTROLS || field == ENTRY_INTERRUPTION_INFO))
            known[i] = false;
    }
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

    probe_ready = false;
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
    static struct lab_pair before[ENTRY_VALUES_MAX + ROOT_OPERANDS];
    struct lab_pair exit[2 + ROOT_RESULTS] = {{PROBE(EXIT_REASON), 0}, {PROBE(EXIT_QUALIFICATION), 0}};
    struct root_result result;
    size_t n = collect(before);
    bool odd = is_odd();

    if (odd)
        make_odd();
    result = root_enter(runs[probe_get(STATE_MOV_SS) & 1][probe_get(STATE_INSTRUCTION) & 1], probe_get(STATE_LAUNCHED), before,
                        odd ? 0 : n, exit + 2 * odd, 2 - 2 * odd);
    if (result.flags & (FLAG_CF | FLAG_ZF))
        return (struct probe_result){.error = result.error};
    if (!(exit[0].value >> 31))
        forget_saved();
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
