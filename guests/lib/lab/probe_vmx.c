/* The probe on VMX: a VMCS of the lab's, which LAB_VMX enters. */
#include <string.h>

#include "guests/lib/feature/outcome.h"
#include "guests/lib/lab/control.h"
#include "guests/lib/lab/probe_block.h"
#include "guests/lib/lab/root.h"

static struct entry_values written; /* what of the block the VMCS has */

/* The host-state area as the kernel wants it; HOST_RSP is written by the entry. Looking for its fields takes long. */
static void take_host(void)
{
    enum { TYPE_MASK = 3 << 10, TYPE_HOST = 3 << 10, HOST_FIELDS_MAX = 64 };
    static uint32_t fields[HOST_FIELDS_MAX];
    static unsigned n;

    for (uint32_t field = n ? PROBE_FIELDS_END : 0; field < PROBE_FIELDS_END && n < HOST_FIELDS_MAX; field += 2)
        if ((field & TYPE_MASK) == TYPE_HOST && entry_field_name(field)[0] && probe_has(field))
            fields[n++] = field;
    for (unsigned i = 0; i < n; i++)
        probe_put(fields[i], lab_read(PROBE(fields[i])));
}

/* Fetching its first instruction, a guest exits: EPT maps nothing; without EPT, nor does CR3, and nothing takes the fault. */
void probe_vmx_prepare(void)
{
    enum { WRITE_BACK_4_LEVELS = 0x1e };

    root_begin(true);
    if (!lab_try(LAB_WHAT(LAB_VMX, LAB_VMX_RUN), LAB_VMX_HOST, NULL))
        SKIP("needs a VM with `lab = full`");
    written.count = 0;
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

/* What the VMCS does not have already. Both lists are by rising field. */
void probe_write(void)
{
    static struct lab_pair pairs[ENTRY_VALUES_MAX];
    unsigned has = 0;
    size_t n = 0;

    for (unsigned i = 0; i < probe_wanted.count; i++) {
        const struct entry_pair *pair = &probe_wanted.pair[i];

        while (has < written.count && written.pair[has].field < pair->field)
            has++;
        if (pair->field >= ENTRY_STATE)
            write_memory(pair->field, pair->value);
        else if (has == written.count || written.pair[has].field != pair->field || written.pair[has].value != pair->value)
            pairs[n++] = (struct lab_pair){PROBE(pair->field), pair->value};
    }
    if (n)
        lab_write_pairs(pairs, n);
    entry_values_copy(&written, &probe_wanted);
}

/* "Saving Guest State": an exit writes the guest-state area, and two VM-entry control fields. */
static void forget_saved(void)
{
    enum { TYPE_MASK = 3 << 10, TYPE_GUEST = 2 << 10 };
    unsigned kept = 0;

    for (unsigned i = 0; i < written.count; i++) {
        uint32_t field = written.pair[i].field;

        if ((field & TYPE_MASK) != TYPE_GUEST && field != ENTRY_CONTROLS && field != ENTRY_INTERRUPTION_INFO)
            written.pair[kept++] = written.pair[i];
    }
    written.count = kept;
}

/* The current VMCS is none, or of a kind that can't be entered. Its fields are lost. */
static void change_current(void)
{
    const uint64_t shadow = 1ull << 31;

    if (probe_get(STATE_CURRENT_VMCS) != ~0ull && !(probe_get(STATE_CURRENT_VMCS_WORD) & shadow))
        return;
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
    probe_write();
    return probe_run();
}

struct probe_result probe_run(void)
{
    static const enum lab_vmx_run runs[2][2] = {{LAB_VMX_VMLAUNCH, LAB_VMX_VMRESUME},
                                                {LAB_VMX_VMLAUNCH_BLOCKED, LAB_VMX_VMRESUME_BLOCKED}};
    struct lab_pair exit[] = {{PROBE(EXIT_REASON), 0}, {PROBE(EXIT_QUALIFICATION), 0}};
    struct root_result result;

    change_current();
    result = root_run(runs[probe_get(STATE_MOV_SS) & 1][probe_get(STATE_INSTRUCTION) & 1], 0, 0, probe_get(STATE_LAUNCHED));
    if (result.flags & (FLAG_CF | FLAG_ZF))
        return (struct probe_result){.error = result.error};
    lab_read_pairs(exit, sizeof exit / sizeof *exit);
    if (!(exit[0].value >> 31))
        forget_saved();
    if (probe_get(PIN_CONTROLS) >> (PIN_VIRTUAL_NMIS & NEED_BIT) & 1)
        lab_set(PIN_VIRTUAL_NMIS); /* then the end of the row ends their blocking: state_reset() */
    return (struct probe_result){true, 0, exit[0].value, exit[1].value};
}

/* ---- What an entry changes ---------------------------------------------------------------------------------- */

static struct lab_pair noted[ENTRY_VALUES_MAX];
static unsigned n_noted;

/* Those that have a name, and that this CPU has; HOST_RSP is the kernel's to write. */
void probe_note(void)
{
    for (uint32_t field = n_noted ? PROBE_FIELDS_END : 0; field < PROBE_FIELDS_END; field += 2)
        if (field != HOST_RSP && entry_field_name(field)[0] && probe_has(field))
            noted[n_noted++].what = PROBE(field);
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
