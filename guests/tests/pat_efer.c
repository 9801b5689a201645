/* IA32_PAT and IA32_EFER: load on entry, save on exit, load on exit, in all combinations, in and out of IA-32e mode. */
#include "guests/lib/lab/lab.h"

#define SWITCHED "Loading Guest State, Saving Guest State, Loading Host State"

enum { ENTRY = 1, SAVE = 2, LOAD = 4, COMBINATIONS = 8 };
#define PAT_CONTROLS                                                                                                  \
    AXIS("pat-none", "pat-entry", "pat-save", "pat-entry-save", "pat-load", "pat-entry-load", "pat-save-load",      \
         "pat-all")
#define EFER_CONTROLS                                                                                                 \
    AXIS("efer-none", "efer-entry", "efer-save", "efer-entry-save", "efer-load", "efer-entry-load", "efer-save-load", \
         "efer-all")

#define ALL_CONTROLS                                                                                                  \
    NEEDS(ENTRYC_LOAD_PAT, EXITC_SAVE_PAT, EXITC_LOAD_PAT, ENTRYC_LOAD_EFER, EXITC_SAVE_EFER, EXITC_LOAD_EFER,        \
          NOT(ENTRYC_LOAD_PAT), NOT(EXITC_SAVE_PAT), NOT(EXITC_LOAD_PAT), NOT(ENTRYC_LOAD_EFER), NOT(EXITC_SAVE_EFER), \
          NOT(EXITC_LOAD_EFER))

enum { PAT = 0x277 };
#define EFER 0xc0000080u
enum { EFER_SCE = 1 << 0, EFER_LME = 1 << 8, EFER_LMA = 1 << 10, EFER_NXE = 1 << 11 };

/* PAT differs from the host's in entries that no page of ours uses. */
#define PAT_FIELD   0x0105000600070406ull
#define PAT_WRITTEN 0x0004010500070406ull

/* One of the two MSRs in a row: controls, and its value in the field, in the host, and in the guest at the exit. */
struct switched {
    unsigned controls;
    uint64_t field, host, guest;
    uint64_t forced; /* bits that an exit sets in any case: LMA and LME are as the host address-space size control */
};

static uint64_t control_bit(enum feature_need control) { return 1ull << (control & NEED_BIT); }

static uint64_t with(uint64_t word, enum feature_need control, bool on)
{
    return on ? word | control_bit(control) : word & ~control_bit(control);
}

/* The host's values, by an exit that loads them. */
static void find_host(struct switched *pat, struct switched *efer)
{
    OBSERVE(cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
    pat->host = lab_read(LAB_WHAT(LAB_HOST, PAT));
    efer->host = lab_read(LAB_WHAT(LAB_HOST, EFER));
}

enum { CONTROL_PAIRS = 6 };

/* Fields come last, in one hypercall with all else: what the exits before it save is not what the row is about. */
static void put_controls(struct lab_pair *pairs, const struct switched *pat, const struct switched *efer)
{
    uint64_t exit = lab_read(EXIT_CONTROLS), entry = lab_read(ENTRY_CONTROLS);

    exit = with(exit, EXITC_SAVE_PAT, pat->controls & SAVE);
    exit = with(exit, EXITC_LOAD_PAT, pat->controls & LOAD);
    exit = with(exit, EXITC_SAVE_EFER, efer->controls & SAVE);
    exit = with(exit, EXITC_LOAD_EFER, efer->controls & LOAD);
    entry = with(entry, ENTRYC_LOAD_PAT, pat->controls & ENTRY);
    entry = with(entry, ENTRYC_LOAD_EFER, efer->controls & ENTRY);
    pairs[0] = (struct lab_pair){LAB_WHAT(LAB_MSR_WRITE, EFER), !(efer->controls & LOAD)};
    pairs[1] = (struct lab_pair){GUEST_IA32_EFER, efer->field}; /* the kernel wants NXE in it before what follows */
    pairs[2] = (struct lab_pair){EXIT_CONTROLS, exit};
    pairs[3] = (struct lab_pair){ENTRY_CONTROLS, entry};
    pairs[4] = (struct lab_pair){GUEST_IA32_PAT, pat->field};
    pairs[5] = (struct lab_pair){GUEST_IA32_EFER, efer->field}; /* it sets the IA-32e mode guest control, too */
}

static void set_controls(const struct switched *pat, const struct switched *efer)
{
    struct lab_pair pairs[CONTROL_PAIRS];

    put_controls(pairs, pat, efer);
    lab_write_pairs(pairs, CONTROL_PAIRS);
}

static void expect_exit(const struct switched *msr, uint64_t field, uint64_t host)
{
    EXPECT_EQ(field, msr->controls & SAVE ? msr->guest : msr->field);
    EXPECT_EQ(host, msr->controls & LOAD ? msr->host : msr->guest | msr->forced);
}

static void expect_both(const struct switched *pat, const struct switched *efer)
{
    EXPECT_EXIT(EXIT_CPUID);
    expect_exit(pat, lab_read(GUEST_IA32_PAT), lab_read(LAB_WHAT(LAB_HOST, PAT)));
    expect_exit(efer, lab_read(GUEST_IA32_EFER), lab_read(LAB_WHAT(LAB_HOST, EFER)));
}

static const struct feature_axis axes[] = {PAT_CONTROLS, EFER_CONTROLS, {0}};

/* The kernel lets no guest write EFER as long as the exit does not load the host's: then the entry makes it. */
FEATURE_GRID(pat_efer_long, VMX, ALL_CONTROLS, SWITCHED,
             "in IA-32e mode, each control of PAT and EFER does what it says and nothing else", axes)
{
    struct switched pat = {.controls = at[0], .field = PAT_FIELD};
    struct switched efer = {.controls = at[1], .forced = EFER_LME | EFER_LMA};

    find_host(&pat, &efer);
    EXPECT_NE(pat.host, PAT_FIELD);
    lab_keep_msr(PAT);
    efer.field = efer.host ^ EFER_SCE;
    lab_may_change(GUEST_IA32_PAT);
    lab_may_change(GUEST_IA32_EFER);
    set_controls(&pat, &efer);
    EXPECT_EQ(insn_rdmsr(PAT), pat.controls & ENTRY ? pat.field : pat.host);
    efer.guest = efer.controls & ENTRY ? efer.field : efer.host;
    EXPECT_EQ(insn_rdmsr(EFER), efer.guest);
    pat.guest = PAT_WRITTEN;
    if (efer.controls & LOAD) {
        efer.guest ^= EFER_SCE;
        OBSERVE(set_controls(&pat, &efer); insn_wrmsr(PAT, pat.guest); insn_wrmsr(EFER, efer.guest); cpu_id(0, 0));
    } else {
        OBSERVE(set_controls(&pat, &efer); insn_wrmsr(PAT, pat.guest); cpu_id(0, 0));
    }
    expect_both(&pat, &efer);
}

/*
 * Out of IA-32e mode: the VM entry behind the hypercall that writes the fields is into unpaged 32-bit code, which
 * exits at once. "LMA is set to the setting of the IA-32e mode guest control. If CR0.PG is 1, LME too; otherwise it is
 * unmodified."
 */
static void enter_unpaged(const struct switched *pat, const struct switched *efer)
{
    enum { CODE_32 = 0xc09b, DATA_32 = 0xc093, PG = 31 };
    static const uint8_t code[] = {0x90, 0x90, 0x90, 0x0f, 0xa2}; /* NOP for the length of the hypercall, CPUID */
    uint64_t where = code_put(code, sizeof code);
    const struct lab_pair unpaged[] = {
        {GUEST_CR0, lab_read(GUEST_CR0) & ~(1ull << PG)},
        {GUEST_CS_ACCESS_RIGHTS, CODE_32},
        {GUEST_CS_LIMIT, UINT32_MAX},
        {GUEST_SS_ACCESS_RIGHTS, DATA_32},
        {GUEST_RIP, where},
    };
    enum { PAIRS = sizeof unpaged / sizeof *unpaged };
    struct lab_pair pairs[CONTROL_PAIRS + PAIRS];

    put_controls(pairs, pat, efer);
    for (unsigned i = 0; i < PAIRS; i++)
        pairs[CONTROL_PAIRS + i] = unpaged[i];
    lab_write_pairs(pairs, sizeof pairs / sizeof *pairs);
}

static const uint16_t *unpaged_needs(const void *row)
{
    static const uint16_t needs[] = {PROC2_UNRESTRICTED_GUEST, 0};

    (void)row;
    return needs;
}

FEATURE_GRID(pat_efer_unpaged, VMX, ALL_CONTROLS, SWITCHED,
             "out of IA-32e mode, each control of PAT and EFER does what it says and nothing else", axes,
             .row_needs = unpaged_needs)
{
    struct switched pat = {.controls = at[0], .field = PAT_FIELD};
    struct switched efer = {.controls = at[1], .forced = EFER_LME | EFER_LMA};

    find_host(&pat, &efer);
    lab_keep_msr(PAT);
    lab_keep_msr(EFER);
    insn_wrmsr(EFER, insn_rdmsr(EFER) | EFER_NXE); /* or nothing could bring us back while exits load no EFER */
    lab_may_change_all();
    efer.field = (efer.host ^ EFER_SCE) & ~(uint64_t)(EFER_LME | EFER_LMA);
    pat.guest = pat.controls & ENTRY ? pat.field : pat.host;
    efer.guest = efer.controls & ENTRY ? efer.field : efer.host & ~(uint64_t)EFER_LMA;
    OBSERVE(enter_unpaged(&pat, &efer));
    expect_both(&pat, &efer);
    EXPECT_EQ(lab_read(ENTRY_CONTROLS) & control_bit(ENTRYC_IA32E_MODE_GUEST), 0);
}

/* "The value of IA32_EFER.LMA is saved into the IA-32e mode guest control", and CPUs that do so save EFER as well. */
MODE_CODE(exit_16, 16, "cpuid")
MODE_CODE(exit_32, 32, "cpuid")
static const struct exiting {
    const char *label;
    enum mode mode;
    const struct mode_code *code;
    bool long_mode;
} exitings[] = {
    {"compatibility-32", MODE_COMPATIBILITY_32, &exit_32, true}, {"compatibility-16", MODE_COMPATIBILITY_16, &exit_16, true},
    {"protected-32", MODE_PROTECTED_32, &exit_32, false},        {"protected-16", MODE_PROTECTED_16, &exit_16, false},
    {"real", MODE_REAL, &exit_16, false},                        {"v86", MODE_V86, &exit_16, false},
};

FEATURE_TESTS(efer_mode, VMX, NEEDS(MISC_STORES_LMA, EXITC_SAVE_EFER, PROC2_UNRESTRICTED_GUEST),
              "Saving Control Registers, Debug Registers, and MSRs",
              "an exit stores EFER.LMA of the guest, which has gone into another mode by itself", exitings)
{
    const uint64_t mode_bit = control_bit(ENTRYC_IA32E_MODE_GUEST);

    lab_may_change_all();
    OBSERVE(mode_run(row->mode, row->code, 0));
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_BITS(lab_read(ENTRY_CONTROLS), mode_bit, row->long_mode ? mode_bit : 0);
    EXPECT_BITS(lab_read(GUEST_IA32_EFER), EFER_LMA, row->long_mode ? EFER_LMA : 0);
}
