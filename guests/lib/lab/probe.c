/* The block of the probe, which both back ends have: what can be written to it, and from where it starts. */
#include "guests/lib/lab/probe_block.h"

#include "guests/lib/common/hypercall.h"
#include "guests/lib/feature/outcome.h"
#include "guests/lib/lab/control.h"

_Alignas(PROBE_PAGE) uint8_t probe_pages[PROBE_PAGES][PROBE_PAGE];
struct entry_values probe_frame;
bool probe_ready;

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

uint64_t probe_host_address(enum probe_page page)
{
    uint64_t address;

    if (!lab_try_read(PROBE(LAB_PROBE_ADDRESS | (uintptr_t)probe_pages[page]), &address))
        SKIP("needs a VM with `lab = full`");
    return address;
}

/* Encodings of VMCS fields are found out by trying. */
bool probe_has(uint32_t field)
{
    enum { UNKNOWN, THERE, MISSING };
    static uint8_t fields[PROBE_FIELDS_END / 2];
    uint64_t value;

    if (field >= PROBE_FIELDS_END)
        return true;
    if (fields[field / 2] == UNKNOWN)
        fields[field / 2] = lab_try_read(PROBE(field), &value) ? THERE : MISSING;
    return fields[field / 2] == THERE;
}

/* What beside the control block can be otherwise than it is. */
static bool can_be(uint32_t field, uint64_t value)
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

static bool block_read(void *context, uint32_t field, uint64_t *value) { return probe_values_read(context, field, value); }

static bool can_write(struct entry_values *values, uint32_t field, uint64_t value)
{
    uint64_t now;

    if (field < ENTRY_STATE)
        return probe_has(field);
    return !probe_values_read(values, field, &now) || now == value || can_be(field, value);
}

static bool block_write(void *context, uint32_t field, uint64_t value)
{
    return can_write(context, field, value) && probe_values_write(field, value);
}

static bool frame_write(void *context, uint32_t field, uint64_t value)
{
    struct entry_block values = entry_values_block(context);

    return can_write(context, field, value) && values.write(context, field, value);
}

uint64_t probe_get(uint32_t field)
{
    uint64_t value = 0;

    probe_values_read(&probe_wanted, field, &value);
    return value;
}

void probe_put(uint32_t field, uint64_t value)
{
    struct entry_block values = entry_values_block(&probe_frame);

    values.write(values.context, field, value);
}

void probe_make_frame(enum backend backend)
{
    struct entry_block block = {&probe_frame, block_read, frame_write, NULL};

    probe_frame.count = 0;
    entry_base_frame(backend, &block, probe_caps());
    probe_put(STATE_SCRATCH_PAGE, probe_host_address(PROBE_SCRATCH));
    probe_put(STATE_LINK_PAGE, probe_host_address(PROBE_LINK));
    probe_put(STATE_MSR_AREA, probe_host_address(PROBE_MSR_AREA));
}

/* Nothing might wake it but an interrupt for the host, which may be long in coming: so does the VMX-preemption timer, at once. */
static void end_hlt(const struct entry_block *block)
{
    const uint64_t timer = 1ull << (PIN_PREEMPTION_TIMER & NEED_BIT);

    if (probe_caps()->value[CAP_IA32_VMX_PINBASED_CTLS - ENTRY_CAP] >> 32 & timer) {
        block->write(block->context, PIN_CONTROLS, probe_get(PIN_CONTROLS) | timer);
        block->write(block->context, PREEMPTION_TIMER_VALUE, 0);
    }
}

static struct entry_good good = {.written = &probe_wanted.written};
static bool keeps_rules; /* the base does, so `good` tells of it */

static void make_base(const struct entry_base *base)
{
    struct entry_block block = {&probe_wanted, block_read, block_write, NULL};

    if (!probe_ready && hypercall_is_svm)
        probe_svm_prepare();
    else if (!probe_ready)
        probe_vmx_prepare();
    probe_ready = true;
    entry_values_copy(&probe_wanted, &probe_frame);
    probe_values_base();
    entry_base_set(base, &block, probe_caps());
    if (base->kind & BASE_HLT)
        end_hlt(&block);
    keeps_rules = entry_good_learn(&good, hypercall_is_svm ? BACKEND_SVM : BACKEND_VMX, &block, probe_caps());
    probe_values_base();
}

struct entry_block probe_block(void)
{
    return (struct entry_block){&probe_wanted, block_read, block_write, keeps_rules ? &good : NULL};
}

/* The base that the block has. */
static const struct entry_base *current;

bool probe_is_on(const struct entry_base *base) { return probe_ready && current == base; }

/* Rows of one base follow each other. */
struct entry_block probe_begin(const struct entry_base *base)
{
    if (probe_is_on(base)) {
        probe_values_begin();
        return probe_block();
    }
    current = NULL;
    make_base(base);
    current = base;
    return probe_block();
}

bool probe_is_base(void) { return probe_wanted.written == 0; }

struct probe_result probe_enter(void) { return hypercall_is_svm ? probe_svm_enter() : probe_vmx_enter(); }
