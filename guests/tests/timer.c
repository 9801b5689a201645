/* The VMX-preemption timer. Exits that the guest does not see, and what others run meanwhile, make no difference. */
#include "guests/lib/lab/lab.h"
#include "guests/lib/x64/timer.h"

#define TIMER "VMX-Preemption Timer"
#define NEEDS_TIMER NEEDS(PIN_PREEMPTION_TIMER)

/* TSC ticks that reading the TSC, a loop around it, and a VM entry take on any machine. */
enum { SLACK = 4000 };

/* "Miscellaneous Data": the timer counts down by 1 each time this bit of the TSC changes. */
static unsigned rate(void)
{
    enum { MISC = 0x485, RATE = 31 };

    return feature_capability(MISC) & RATE;
}

static uint64_t tsc(void) { return __builtin_ia32_rdtsc(); }

static uint64_t stolen(void) { return (uint64_t)hypercall(HC_STOLEN, 0, 0, 0); }

static void spin(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        __asm__ volatile("" : : : "memory");
}

/* The timer with a value in TSC ticks. */
static uint64_t start(uint64_t ticks)
{
    uint64_t value = ticks >> rate();

    lab_write(PREEMPTION_TIMER_VALUE, value);
    lab_set(PIN_PREEMPTION_TIMER);
    return value;
}

FEATURE_TEST(timer_zero, VMX, NEEDS_TIMER, TIMER, "with the value 0, the timer exits before the first instruction")
{
    uint64_t done = 0;
    struct exit_record e;

    start(0);
    e = OBSERVE(__asm__ volatile("incq %0" : "+m"(done)));
    EXPECT_EXIT(EXIT_PREEMPTION_TIMER);
    EXPECT_EQ(e.qualification, 0);
    EXPECT_EQ(e.interruption_info, 0);
    EXPECT_EQ(e.vectoring_info, 0);
    EXPECT_EQ(done, 0);
}

FEATURE_TEST(timer_off, VMX, NEEDS(NOT(PIN_PREEMPTION_TIMER)), TIMER, "without the control, the timer does not exit")
{
    start(0);
    lab_clear(PIN_PREEMPTION_TIMER);
    OBSERVE(spin(10000));
    EXPECT_NO_EXIT();
}

FEATURE_TEST(timer_longest, VMX, NEEDS_TIMER, TIMER, "the value is of 32 bits without sign")
{
    start((uint64_t)UINT32_MAX << rate());
    OBSERVE(spin(10000));
    EXPECT_NO_EXIT();
}

/* It expires when so many ticks have passed in the guest, and not much later. What others got is `lost`. */
static const struct span {
    const char *label;
    uint64_t ticks;
} spans[] = {{"1k", 1 << 10}, {"4k", 1 << 12}, {"16k", 1 << 14}, {"64k", 1 << 16}, {"256k", 1 << 18}, {"2m", 1 << 21}};

FEATURE_TESTS(timer_rate, VMX, NEEDS_TIMER, TIMER,
              "the timer counts the ticks of the TSC in the guest, at the rate of IA32_VMX_MISC", spans)
{
    enum { PATIENCE = 4 };
    uint64_t first = 0, last = 0, lost = stolen(), wanted = start(row->ticks) << rate();

    OBSERVE(for (first = last = tsc();;) last = tsc());
    EXPECT_EXIT(EXIT_PREEMPTION_TIMER);
    lost = stolen() - lost;
    EXPECT_GE(last - first + SLACK, wanted);
    EXPECT_LE(last - first, PATIENCE * (wanted + SLACK) + lost);
}

/* ---- Saved, and not ---------------------------------------------------------------------------------------- */

#define NEEDS_BOTH NEEDS(PIN_PREEMPTION_TIMER, EXITC_SAVE_PREEMPTION_TIMER, NOT(EXITC_SAVE_PREEMPTION_TIMER))

static const struct feature_axis saved_axes[] = {AXIS("saved", "not-saved"), {0}};

FEATURE_GRID(timer_field, VMX, NEEDS_BOTH, TIMER,
             "an exit stores what is left if the control says so, else the field stays", saved_axes)
{
    enum { TICKS = 1 << 22, ROUNDS = 10000 };
    uint64_t first = 0, last = 0, value, left;

    value = start(TICKS);
    lab_set_to(EXITC_SAVE_PREEMPTION_TIMER, at[0] == 0);
    OBSERVE(first = tsc(); spin(ROUNDS); last = tsc(); cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
    left = lab_read(PREEMPTION_TIMER_VALUE);
    if (at[0] == 1) {
        EXPECT_EQ(left, value);
        return;
    }
    EXPECT_LE(left, value - (ROUNDS >> rate()) + 1);
    EXPECT_GE(left, value - ((last - first + SLACK) >> rate()) - 1);
}

/* Between two exits passes less than the timer's value; between all of them more. */
FEATURE_GRID(timer_over_exits, VMX, NEEDS_BOTH, TIMER,
             "the timer goes on behind an exit where it was if that saved it, else it begins again", saved_axes)
{
    enum { PARTS = 4, EXITS = 2 * LAB_EXITS, ROUNDS = 3000 };
    uint64_t shortest = UINT64_MAX;
    bool saved = at[0] == 0;

    for (unsigned i = 0; i < 3; i++) {
        uint64_t begin = tsc();

        spin(ROUNDS);
        begin = tsc() - begin;
        shortest = begin < shortest ? begin : shortest;
    }
    start(shortest * PARTS);
    lab_set_to(EXITC_SAVE_PREEMPTION_TIMER, saved);
    OBSERVE_SKIP(for (unsigned i = 0; i < EXITS; i++) { spin(ROUNDS); cpu_id(0, 0); });
    if (!saved) {
        EXPECT_EXITS(EXITS);
        EXPECT_EQ(lab_seen.exit[LAB_EXITS - 1].reason, EXIT_CPUID);
        return;
    }
    EXPECT_GE(lab_seen.exits, 2);
    EXPECT_LE(lab_seen.exits, LAB_EXITS);
    EXPECT_EQ(lab_seen.exit[(lab_seen.exits - 1) % LAB_EXITS].reason, EXIT_PREEMPTION_TIMER);
}

FEATURE_TEST(timer_guest_only, VMX, NEEDS(PIN_PREEMPTION_TIMER, EXITC_SAVE_PREEMPTION_TIMER), TIMER,
             "the timer does not count while the host runs")
{
    enum { TICKS = 1 << 24, EXITS = 50 };
    uint64_t value = start(TICKS), begin, passed, counted;

    lab_set(EXITC_SAVE_PREEMPTION_TIMER);
    begin = tsc();
    OBSERVE_SKIP(for (unsigned i = 0; i < EXITS; i++) cpu_id(0, 0));
    passed = tsc() - begin;
    EXPECT_EXITS(EXITS);
    counted = (value - lab_read(PREEMPTION_TIMER_VALUE)) << rate();
    EXPECT_LE(counted, passed / 2);
}

/* ---- In HLT, and against other events ----------------------------------------------------------------------- */

FEATURE_TEST(timer_hlt, VMX, NEEDS(PIN_PREEMPTION_TIMER, MISC_ACTIVITY_HLT, NOT(PROC_HLT)), TIMER,
             "the timer counts and exits in HLT, and the exit leaves the vCPU there")
{
    enum { TICKS = 1 << 14, HLT_BYTES = 1 };
    static const uint8_t hlt[HLT_BYTES] = {0xf4};
    uint64_t where = code_put(hlt, HLT_BYTES);
    struct code_registers registers = {.rax = 0};
    struct exit_record e;

    lab_clear(PROC_HLT);
    lab_may_change(GUEST_ACTIVITY);
    start(TICKS);
    e = OBSERVE(code_run(&registers));
    EXPECT_EXIT(EXIT_PREEMPTION_TIMER);
    EXPECT_EQ(lab_read(GUEST_ACTIVITY), ACTIVITY_HALTED);
    EXPECT_EQ(e.rip, where + HLT_BYTES);
}

/* A word of controls with one more set; not written yet. */
static uint64_t with(uint64_t word, enum feature_need control) { return lab_read(word) | lab_control_bit(control); }

static uint64_t gate_offset(unsigned vector)
{
    const struct gate *gate = &tables_idt[vector];

    return gate->offset_low | (uint64_t)gate->offset_middle << 16 | (uint64_t)gate->offset_high << 32;
}

FEATURE_TEST(timer_injection, VMX, NEEDS_TIMER, TIMER,
             "an event that the VM entry injects is delivered before the timer exits")
{
    const uint64_t pin = with(PIN_CONTROLS, PIN_PREEMPTION_TIMER);
    struct exit_record e;

    lab_may_change_all();
    e = OBSERVE(LAB_WRITE({PREEMPTION_TIMER_VALUE, 0}, {PIN_CONTROLS, pin},
                          {ENTRY_INTERRUPTION_INFO, EVENT(EVENT_HARDWARE_EXCEPTION, EXCEPTION_UD)}));
    EXPECT_EXIT(EXIT_PREEMPTION_TIMER);
    EXPECT_EQ(e.rip, gate_offset(EXCEPTION_UD));
    EXPECT_EQ(e.vectoring_info, 0);
}

/* "take priority over VM exits caused by the NMI-window exiting control and lower priority events" */
static const struct feature_axis window_axes[] = {AXIS("interrupt", "nmi"), AXIS("timer-0", "timer-off"), {0}};

static const uint16_t *window_needs(const void *row)
{
    static const uint16_t needs[][3] = {{PROC_INTERRUPT_WINDOW}, {PROC_NMI_WINDOW, PIN_VIRTUAL_NMIS}};

    return needs[*(const unsigned *)row];
}

FEATURE_GRID(timer_window, VMX, NEEDS_TIMER, TIMER, "the exit by the timer comes before one by an open window",
             window_axes,
             .row_needs = window_needs)
{
    enum { RFLAGS_IF = 1 << 9 };
    bool nmi = at[0] == 1, timer = at[1] == 0;
    uint64_t pin, proc = with(PROC_CONTROLS, nmi ? PROC_NMI_WINDOW : PROC_INTERRUPT_WINDOW);

    if (nmi)
        lab_set(PIN_VIRTUAL_NMIS);
    pin = timer ? with(PIN_CONTROLS, PIN_PREEMPTION_TIMER) : lab_read(PIN_CONTROLS);
    lab_may_change(GUEST_RFLAGS);
    OBSERVE(LAB_WRITE({PREEMPTION_TIMER_VALUE, 0}, {GUEST_RFLAGS, RFLAGS_IF | 2}, {PIN_CONTROLS, pin},
                      {PROC_CONTROLS, proc}));
    if (timer)
        EXPECT_EXIT(EXIT_PREEMPTION_TIMER);
    else
        EXPECT_EXIT(nmi ? EXIT_NMI_WINDOW : EXIT_INTERRUPT_WINDOW);
}

/* "Debug-trap exceptions and higher priority events take priority"; the monitor trap flag is one of the latter. */
static const struct feature_axis trap_axes[] = {AXIS("debug", "mtf"), AXIS("timer-0", "timer-off"), {0}};

static const uint16_t *trap_needs(const void *row)
{
    static const uint16_t needs[][2] = {{0}, {PROC_MONITOR_TRAP_FLAG}};

    return needs[*(const unsigned *)row];
}

FEATURE_GRID(timer_after_trap, VMX, NEEDS_TIMER, TIMER,
             "a pending debug exception and a pending MTF exit come before the exit by the timer", trap_axes, .row_needs = trap_needs)
{
    enum { PENDING_B0_ENABLED = 1 << 12 | 1 << 0 };
    uint64_t pin = at[1] ? lab_read(PIN_CONTROLS) : with(PIN_CONTROLS, PIN_PREEMPTION_TIMER);

    lab_reset_debug_registers();
    lab_trap_exceptions(1u << EXCEPTION_DB);
    lab_may_change_all();
    if (at[0])
        OBSERVE(LAB_WRITE({PREEMPTION_TIMER_VALUE, 0}, {PIN_CONTROLS, pin},
                          {ENTRY_INTERRUPTION_INFO, EVENT(EVENT_OTHER, 0)}));
    else
        OBSERVE(LAB_WRITE({PREEMPTION_TIMER_VALUE, 0}, {PIN_CONTROLS, pin}, {GUEST_PENDING_DEBUG, PENDING_B0_ENABLED}));
    EXPECT_EXIT(at[0] ? EXIT_MONITOR_TRAP_FLAG : EXIT_EXCEPTION_NMI);
}
