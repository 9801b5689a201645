#include "guests/lib/lab/probe.h"

#include <string.h>

#include "guests/lib/common/hypercall.h"
#include "guests/lib/feature/outcome.h"
#include "guests/lib/lab/control.h"
#include "guests/lib/lab/root.h"

enum { PAGE = 4096, VMCS_FIELDS_END = 0x8000, VTPR_OFFSET = 0x80 };
#define PROBE(field) LAB_WHAT(LAB_PROBE, field)

/* What the block points to. */
enum page { NO_EPT, NO_TABLES, SCRATCH, LINK, MSR_AREA, VMCB, PAGES };
static _Alignas(PAGE) uint8_t pages[PAGES][PAGE];

static struct entry_values wanted;  /* the block */
static struct entry_values written; /* what of it the VMCS has */
static struct entry_values frame;   /* what is there before a base is set */
static uint8_t there[VMCS_FIELDS_END / 2]; /* by field: 0 not known, 1 there, 2 not */
static bool ready;

const struct entry_caps *probe_caps(void)
{
    static struct entry_caps caps;

    for (uint32_t field = ENTRY_CAP; field < ENTRY_CAP_END && !caps.known; field++) {
        uint64_t index = entry_cap_index(field), number = index & ~CAP_CPUID;

        caps.value[field - ENTRY_CAP] = lab_read(LAB_WHAT(LAB_CAP, index & CAP_CPUID ? number | LAB_CAP_CPUID : number));
    }
    caps.known = (1ull << ENTRY_CAPS) - 1;
    return &caps;
}

static uint64_t host_address(enum page page)
{
    return lab_read(PROBE(LAB_PROBE_ADDRESS | (uintptr_t)pages[page]));
}

static bool is_there(uint32_t field)
{
    uint64_t value;

    if (field >= VMCS_FIELDS_END)
        return true;
    if (!there[field / 2])
        there[field / 2] = lab_try_read(PROBE(field), &value) ? 1 : 2;
    return there[field / 2] == 1;
}

/* What can be otherwise than it is. */
static bool state_can_be(uint32_t field, uint64_t value)
{
    switch (field) {
    case STATE_INSTRUCTION:
    case STATE_MOV_SS:
    case STATE_LAUNCHED:
    case STATE_VTPR:
    case STATE_LINK_WORD:
    case STATE_CURRENT_VMCS_WORD:
    case STATE_MEMORY_PDPTE0 ... STATE_MEMORY_PDPTE3:
        return true;
    case STATE_CURRENT_VMCS:
        return value == ~0ull;
    default:
        return field >= ENTRY_MSR;
    }
}

static bool block_read(void *context, uint32_t field, uint64_t *value)
{
    struct entry_block values = entry_values_block(context);

    return values.read(context, field, value);
}

static bool block_write(void *context, uint32_t field, uint64_t value)
{
    struct entry_block values = entry_values_block(context);
    uint64_t now;

    if (!is_there(field))
        return false;
    if (field >= ENTRY_STATE && values.read(context, field, &now) && now != value && !state_can_be(field, value))
        return false;
    return values.write(context, field, value);
}

static void put(uint32_t field, uint64_t value) { entry_values_block(&frame).write(&frame, field, value); }

/* The host-state area is as the kernel wants it; HOST_RSP is written by the entry. */
static void take_host(void)
{
    enum { TYPE_MASK = 3 << 10, TYPE_HOST = 3 << 10 };
    uint64_t value;

    for (uint32_t field = 0; field < VMCS_FIELDS_END; field += 2)
        if ((field & TYPE_MASK) == TYPE_HOST && entry_field_name(field)[0] && lab_try_read(PROBE(field), &value))
            put(field, value);
}

/* ---- SVM ---------------------------------------------------------------------------------------------------- */

static void prepare_svm(void)
{
    struct entry_block block = {&frame, block_read, block_write};
    uint64_t ncr3;

    if (!lab_try_read(PROBE(LAB_PROBE_ADDRESS | (uintptr_t)pages[NO_EPT]), &ncr3))
        SKIP("needs a VM with `lab = full`");
    entry_base_frame(BACKEND_SVM, &block, probe_caps());
    put(VMCB_INTERCEPT_MISC1, 0x8000000f); /* INTR, NMI, SMI, INIT; shutdown */
    put(VMCB_TLB_CONTROL, 1);
    put(VMCB_NESTED_CR3, ncr3);
    put(VMCB_CR3, ncr3);
    put(STATE_SCRATCH_PAGE, host_address(SCRATCH));
    ready = true;
}

static void vmcb_field(const struct entry_pair *pair)
{
    memcpy(pages[VMCB] + (pair->field & 0xffff), &pair->value, pair->field >> 16);
}

static struct probe_result enter_svm(void)
{
    uint64_t exit[2];

    memset(pages[VMCB], 0, PAGE);
    for (unsigned i = 0; i < wanted.count; i++)
        if (wanted.pair[i].field < ENTRY_STATE)
            vmcb_field(&wanted.pair[i]);
    lab_write(PROBE((uintptr_t)pages[VMCB]), 0);
    memcpy(exit, pages[VMCB] + (VMCB_EXITCODE & 0xffff), sizeof exit);
    return (struct probe_result){true, 0, exit[0], exit[1]};
}

static void prepare(void)
{
    struct entry_block block = {&frame, block_read, block_write};
    uint64_t efer = 0, cr0 = 0;

    root_begin(true);
    if (!lab_try(LAB_WHAT(LAB_VMX, LAB_VMX_RUN), LAB_VMX_HOST, NULL))
        SKIP("needs a VM with `lab = full`");
    frame.count = written.count = 0;
    entry_base_frame(BACKEND_VMX, &block, probe_caps());
    take_host();
    block_read(&frame, HOST_IA32_EFER, &efer);
    block_read(&frame, HOST_CR0, &cr0);
    put(STATE_CPU_EFER, efer);
    put(STATE_CPU_CR0, cr0);
    put(STATE_SCRATCH_PAGE, host_address(SCRATCH));
    put(STATE_LINK_PAGE, host_address(LINK));
    put(STATE_MSR_AREA, host_address(MSR_AREA));
    put(GUEST_CR3, host_address(NO_TABLES));
    put(EPT_POINTER, host_address(NO_EPT) | 0x1e);
    ready = true;
}

struct entry_block probe_begin(const struct entry_base *base)
{
    struct entry_block block = {&wanted, block_read, block_write};

    if (!ready && hypercall_is_svm)
        prepare_svm();
    else if (!ready)
        prepare();
    wanted = frame;
    entry_base_set(base, &block, probe_caps());
    return block;
}

void probe_keep(struct entry_values *values) { *values = wanted; }

void probe_bring_back(const struct entry_values *values) { wanted = *values; }

/* ---- The entry ---------------------------------------------------------------------------------------------- */

static void write_memory(uint32_t field, uint64_t value)
{
    if (field == STATE_VTPR)
        pages[SCRATCH][VTPR_OFFSET] = (uint8_t)value;
    else if (field == STATE_LINK_WORD)
        memcpy(pages[LINK], &value, sizeof(uint32_t));
    else if (field >= STATE_MEMORY_PDPTE0 && field <= STATE_MEMORY_PDPTE3)
        memcpy(pages[NO_TABLES] + (field - STATE_MEMORY_PDPTE0) * sizeof value, &value, sizeof value);
    else if (field >= ENTRY_MSR && (field - ENTRY_MSR + 1) * sizeof value <= PAGE)
        memcpy(pages[MSR_AREA] + (field - ENTRY_MSR) * sizeof value, &value, sizeof value);
}

/* What the VMCS does not have already. */
static void write_block(void)
{
    static struct lab_pair pairs[ENTRY_VALUES_MAX];
    struct entry_block has = entry_values_block(&written);
    size_t n = 0;

    for (unsigned i = 0; i < wanted.count; i++) {
        const struct entry_pair *pair = &wanted.pair[i];
        uint64_t value;

        if (pair->field >= ENTRY_STATE)
            write_memory(pair->field, pair->value);
        else if (!has.read(has.context, pair->field, &value) || value != pair->value)
            pairs[n++] = (struct lab_pair){PROBE(pair->field), pair->value};
    }
    if (n)
        lab_write_pairs(pairs, n);
    written = wanted;
}

static uint64_t state(uint32_t field)
{
    uint64_t value = 0;

    block_read(&wanted, field, &value);
    return value;
}

/* The current VMCS is none, or of a kind that can't be entered. Its fields are lost. */
static void change_current(void)
{
    const uint64_t shadow = 1ull << 31;

    if (state(STATE_CURRENT_VMCS) != ~0ull && !(state(STATE_CURRENT_VMCS_WORD) & shadow))
        return;
    ready = false;
    root_run(LAB_VMX_VMCLEAR, 0, LAB_VMX_A, 0);
    if (state(STATE_CURRENT_VMCS) == ~0ull)
        return;
    root_run(LAB_VMX_REVISE, 0, LAB_VMX_A, shadow);
    if (root_run(LAB_VMX_VMPTRLD, 0, LAB_VMX_A, 0).flags & (FLAG_CF | FLAG_ZF))
        SKIP("this CPU has no shadow VMCS");
}

struct probe_result probe_enter(void)
{
    static const enum lab_vmx_run runs[2][2] = {{LAB_VMX_VMLAUNCH, LAB_VMX_VMRESUME},
                                                {LAB_VMX_VMLAUNCH_BLOCKED, LAB_VMX_VMRESUME_BLOCKED}};
    struct root_result result;

    if (hypercall_is_svm)
        return enter_svm();
    write_block();
    change_current();
    result = root_run(runs[state(STATE_MOV_SS) & 1][state(STATE_INSTRUCTION) & 1], 0, 0, state(STATE_LAUNCHED));
    if (result.flags & (FLAG_CF | FLAG_ZF))
        return (struct probe_result){.error = result.error};
    written.count = 0; /* the exit has saved the guest's state */
    return (struct probe_result){true, 0, lab_read(PROBE(EXIT_REASON)), lab_read(PROBE(EXIT_QUALIFICATION))};
}
