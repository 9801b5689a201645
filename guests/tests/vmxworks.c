/*
 * Advertised against works. Each control bit, and each bit of other capability MSRs that says that something can be
 * done, is a row, skipped where it is not offered; when all are through, there is a table of those that are: works,
 * accepted, broken, hangs, not tried, kept by Nestor. The other families look closer.
 */
#include "guests/tests/vmxworks.h"

#include <stdlib.h>

#include "guests/lib/common/console.h"

#define CODE(bytes) .show = works_exits, .code = (bytes), .length = sizeof(bytes) - 1
#define ENABLES(bytes) .show = works_enables, .code = (bytes), .length = sizeof(bytes) - 1
#define SHOW(name) .show = works_##name

static const struct works rows[] = {
    {"pin-external-interrupt", PIN_EXTERNAL_INTERRUPT, SHOW(entry)},
    {"pin-nmi", PIN_NMI, SHOW(entry)},
    {"pin-virtual-nmis", PIN_VIRTUAL_NMIS, SHOW(virtual_nmis)},
    {"pin-preemption-timer", PIN_PREEMPTION_TIMER, SHOW(timer)},
    {"pin-posted-interrupts", PIN_POSTED_INTERRUPTS, SHOW(kept)},

    {"proc-interrupt-window", PROC_INTERRUPT_WINDOW, SHOW(interrupt_window)},
    {"proc-tsc-offsetting", PROC_TSC_OFFSETTING, SHOW(tsc_offsetting)},
    {"proc-hlt", PROC_HLT, CODE("\xf4"), .reason = EXIT_HLT, .waits = true},
    {"proc-invlpg", PROC_INVLPG, CODE("\x0f\x01\x3b"), .reason = EXIT_INVLPG},
    {"proc-mwait", PROC_MWAIT, CODE("\x0f\x01\xc9"), .reason = EXIT_MWAIT, .waits = true, .needs = {HW_MONITOR}},
    {"proc-rdpmc", PROC_RDPMC, CODE("\x31\xc9\x0f\x33"), .reason = EXIT_RDPMC},
    {"proc-rdtsc", PROC_RDTSC, CODE("\x0f\x31"), .reason = EXIT_RDTSC},
    {"proc-cr3-load", PROC_CR3_LOAD, CODE("\x0f\x22\xd9"), .reason = EXIT_CR_ACCESS},
    {"proc-cr3-store", PROC_CR3_STORE, CODE("\x0f\x20\xd9"), .reason = EXIT_CR_ACCESS},
    {"proc-tertiary", PROC_TERTIARY, SHOW(kept)},
    {"proc-cr8-load", PROC_CR8_LOAD, CODE("\x44\x0f\x22\xc0"), .reason = EXIT_CR_ACCESS, .waits = true},
    {"proc-cr8-store", PROC_CR8_STORE, CODE("\x44\x0f\x20\xc0"), .reason = EXIT_CR_ACCESS, .waits = true},
    {"proc-tpr-shadow", PROC_TPR_SHADOW, SHOW(tpr_shadow)},
    {"proc-nmi-window", PROC_NMI_WINDOW, SHOW(nmi_window), .needs = {PIN_VIRTUAL_NMIS}},
    {"proc-mov-dr", PROC_MOV_DR, CODE("\x0f\x21\xf8"), .reason = EXIT_MOV_DR},
    {"proc-unconditional-io", PROC_UNCONDITIONAL_IO, CODE("\xec"), .reason = EXIT_IO, .waits = true},
    {"proc-io-bitmaps", PROC_IO_BITMAPS, SHOW(io_bitmaps)},
    {"proc-monitor-trap-flag", PROC_MONITOR_TRAP_FLAG, SHOW(mtf)},
    {"proc-msr-bitmaps", PROC_MSR_BITMAPS, SHOW(msr_bitmaps)},
    {"proc-monitor", PROC_MONITOR, CODE("\x48\x89\xd8\x31\xc9\x31\xd2\x0f\x01\xc8"), .reason = EXIT_MONITOR,
     .needs = {HW_MONITOR}},
    {"proc-pause", PROC_PAUSE, CODE("\xf3\x90"), .reason = EXIT_PAUSE},
    {"proc-secondary", PROC_SECONDARY, SHOW(entry)},

    {"proc2-virtualize-apic-accesses", PROC2_VIRTUALIZE_APIC_ACCESSES, SHOW(apic_accesses)},
    {"proc2-ept", PROC2_EPT, SHOW(ept)},
    {"proc2-descriptor-table", PROC2_DESCRIPTOR_TABLE, CODE("\x0f\x01\x03"), .reason = EXIT_GDTR_IDTR},
    {"proc2-rdtscp", PROC2_RDTSCP, ENABLES("\x0f\x01\xf9")},
    {"proc2-virtualize-x2apic", PROC2_VIRTUALIZE_X2APIC, SHOW(x2apic), .needs = {PROC_TPR_SHADOW, PROC_MSR_BITMAPS}},
    {"proc2-vpid", PROC2_VPID, SHOW(entry)},
    {"proc2-wbinvd", PROC2_WBINVD, CODE("\x0f\x09"), .reason = EXIT_WBINVD},
    {"proc2-unrestricted-guest", PROC2_UNRESTRICTED_GUEST, SHOW(unrestricted)},
    {"proc2-apic-register-virtualization", PROC2_APIC_REGISTER_VIRTUALIZATION, SHOW(apic_register),
     .needs = {PROC_TPR_SHADOW}},
    {"proc2-virtual-interrupt-delivery", PROC2_VIRTUAL_INTERRUPT_DELIVERY, SHOW(virtual_interrupt),
     .needs = {PROC_TPR_SHADOW}},
    {"proc2-pause-loop", PROC2_PAUSE_LOOP, SHOW(pause_loop)},
    {"proc2-rdrand", PROC2_RDRAND, CODE("\x0f\xc7\xf0"), .reason = EXIT_RDRAND},
    {"proc2-invpcid", PROC2_INVPCID, ENABLES("\xb9\x02\x00\x00\x00\x66\x0f\x38\x82\x0b")},
    {"proc2-vmfunc", PROC2_VMFUNC, SHOW(vmfunc)},
    {"proc2-vmcs-shadowing", PROC2_VMCS_SHADOWING, SHOW(shadowing)},
    {"proc2-encls", PROC2_ENCLS, SHOW(entry)},
    {"proc2-rdseed", PROC2_RDSEED, CODE("\x0f\xc7\xf8"), .reason = EXIT_RDSEED},
    {"proc2-pml", PROC2_PML, SHOW(pml), .needs = {EPT_ACCESSED_DIRTY}},
    {"proc2-ept-violation-ve", PROC2_EPT_VIOLATION_VE, SHOW(ve)},
    {"proc2-conceal-from-pt", PROC2_CONCEAL_FROM_PT, SHOW(entry)},
    {"proc2-xsaves", PROC2_XSAVES, SHOW(xsaves)},
    {"proc2-pasid-translation", PROC2_PASID_TRANSLATION, SHOW(entry)},
    {"proc2-mode-based-execute", PROC2_MODE_BASED_EXECUTE, SHOW(kept)}, /* no code of a lab could run: probe_mode.c */
    {"proc2-sub-page-write", PROC2_SUB_PAGE_WRITE, SHOW(kept)},
    {"proc2-pt-uses-gpa", PROC2_PT_USES_GPA, SHOW(entry)},
    {"proc2-tsc-scaling", PROC2_TSC_SCALING, SHOW(tsc_scaling)},
    {"proc2-user-wait-pause", PROC2_USER_WAIT_PAUSE, ENABLES("\x31\xc0\x31\xd2\x31\xc9\x66\x0f\xae\xf1")},
    {"proc2-pconfig", PROC2_PCONFIG, SHOW(entry)},
    {"proc2-enclv", PROC2_ENCLV, SHOW(entry)},
    {"proc2-bus-lock-detection", PROC2_BUS_LOCK_DETECTION, SHOW(entry)},
    {"proc2-instruction-timeout", PROC2_INSTRUCTION_TIMEOUT, SHOW(entry)},

    {"exit-save-debug", EXITC_SAVE_DEBUG, SHOW(save_debug)},
    {"exit-host-64", EXITC_HOST_64, SHOW(entry)},
    {"exit-load-perf-global-ctrl", EXITC_LOAD_PERF_GLOBAL_CTRL, SHOW(entry)},
    {"exit-acknowledge-interrupt", EXITC_ACKNOWLEDGE_INTERRUPT, SHOW(entry)},
    {"exit-save-pat", EXITC_SAVE_PAT, SHOW(save_pat)},
    {"exit-load-pat", EXITC_LOAD_PAT, SHOW(exit_pat), .needs = {EXITC_SAVE_PAT}},
    {"exit-save-efer", EXITC_SAVE_EFER, SHOW(save_efer)},
    {"exit-load-efer", EXITC_LOAD_EFER, SHOW(exit_efer), .needs = {ENTRYC_LOAD_EFER}},
    {"exit-save-preemption-timer", EXITC_SAVE_PREEMPTION_TIMER, SHOW(save_timer), .needs = {PIN_PREEMPTION_TIMER}},
    {"exit-clear-bndcfgs", EXITC_CLEAR_BNDCFGS, SHOW(entry)},
    {"exit-conceal-from-pt", EXITC_CONCEAL_FROM_PT, SHOW(entry)},
    {"exit-clear-rtit-ctl", EXITC_CLEAR_RTIT_CTL, SHOW(entry)},
    {"exit-clear-lbr-ctl", EXITC_CLEAR_LBR_CTL, SHOW(entry)},
    {"exit-clear-uinv", EXITC_CLEAR_UINV, SHOW(entry)},
    {"exit-load-cet", EXITC_LOAD_CET, SHOW(entry)},
    {"exit-load-pkrs", EXITC_LOAD_PKRS, SHOW(entry)},
    {"exit-save-perf-global-ctrl", EXITC_SAVE_PERF_GLOBAL_CTRL, SHOW(entry)},
    {"exit-secondary", EXITC_SECONDARY, SHOW(entry)},

    {"entry-load-debug", ENTRYC_LOAD_DEBUG, SHOW(load_debug)},
    {"entry-ia32e-mode-guest", ENTRYC_IA32E_MODE_GUEST, SHOW(ia32e)},
    {"entry-load-perf-global-ctrl", ENTRYC_LOAD_PERF_GLOBAL_CTRL, SHOW(with_exit),
     .needs = {EXITC_LOAD_PERF_GLOBAL_CTRL}},
    {"entry-load-pat", ENTRYC_LOAD_PAT, SHOW(entry_pat)},
    {"entry-load-efer", ENTRYC_LOAD_EFER, SHOW(entry_efer)},
    {"entry-load-bndcfgs", ENTRYC_LOAD_BNDCFGS, SHOW(with_exit), .needs = {EXITC_CLEAR_BNDCFGS}},
    {"entry-conceal-from-pt", ENTRYC_CONCEAL_FROM_PT, SHOW(entry)},
    {"entry-load-rtit-ctl", ENTRYC_LOAD_RTIT_CTL, SHOW(with_exit), .needs = {EXITC_CLEAR_RTIT_CTL}},
    {"entry-load-uinv", ENTRYC_LOAD_UINV, SHOW(with_exit), .needs = {EXITC_CLEAR_UINV}},
    {"entry-load-cet", ENTRYC_LOAD_CET, SHOW(with_exit), .needs = {EXITC_LOAD_CET}},
    {"entry-load-lbr-ctl", ENTRYC_LOAD_LBR_CTL, SHOW(with_exit), .needs = {EXITC_CLEAR_LBR_CTL}},
    {"entry-load-pkrs", ENTRYC_LOAD_PKRS, SHOW(with_exit), .needs = {EXITC_LOAD_PKRS}},

    {"ept-execute-only", EPT_EXECUTE_ONLY, SHOW(execute_only)},
    {"ept-uc", EPT_UC, SHOW(uncacheable)},
    {"ept-wb", EPT_WB, SHOW(entry)},
    {"ept-walk-4", EPT_WALK_4, SHOW(entry)},
    {"ept-invept", EPT_INVEPT, SHOW(invept), .reason = 2, .needs = {EPT_INVEPT_ALL}},
    {"ept-invept-single", EPT_INVEPT_SINGLE, SHOW(invept), .reason = 1},
    {"ept-invept-all", EPT_INVEPT_ALL, SHOW(invept), .reason = 2},
    {"ept-invvpid", EPT_INVVPID, SHOW(invvpid), .reason = 2, .needs = {EPT_INVVPID_ALL}},
    {"ept-invvpid-address", EPT_INVVPID_ADDRESS, SHOW(invvpid), .reason = 0},
    {"ept-invvpid-single", EPT_INVVPID_SINGLE, SHOW(invvpid), .reason = 1},
    {"ept-invvpid-all", EPT_INVVPID_ALL, SHOW(invvpid), .reason = 2},
    {"ept-invvpid-globals", EPT_INVVPID_SINGLE_RETAINING_GLOBALS, SHOW(invvpid), .reason = 3},
    {"ept-accessed-dirty", EPT_ACCESSED_DIRTY, SHOW(accessed_dirty)},
    {"function-eptp-switching", FUNCTION_EPTP_SWITCHING, SHOW(eptp_switching), .needs = {PROC2_VMFUNC}},
    {"misc-activity-hlt", MISC_ACTIVITY_HLT, SHOW(hlt_activity), .needs = {PIN_PREEMPTION_TIMER}},
    {"misc-stores-lma", MISC_STORES_LMA, SHOW(ia32e)},
    {"misc-activity-shutdown", MISC_ACTIVITY_SHUTDOWN, SHOW(kept)},
    {"misc-activity-wait-for-sipi", MISC_ACTIVITY_WAIT_FOR_SIPI, SHOW(kept)},
    {"misc-vmwrite-any-field", MISC_VMWRITE_ANY_FIELD, SHOW(vmwrite)},
    {"misc-inject-length-0", MISC_INJECT_LENGTH_0, SHOW(inject_length)},
};

/* ---- The table -------------------------------------------------------------------------------------------------- */

/* Before a row runs it hangs, until it comes to its end. ACCEPTED: by a VM entry, and there is nothing else to be seen
 * of it. */
enum state { NOT_TRIED, HANGS, BROKEN, WORKS, ACCEPTED, KEPT };
static uint8_t states[sizeof rows / sizeof *rows];

static void print_table(void)
{
    static const char *const words[] = {"not tried", "hangs", "broken", "works", "accepted", "kept by Nestor"};
    unsigned offered = 0, sums[KEPT + 1] = {0};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!feature_has(rows[i].control))
            continue;
        offered++;
        sums[states[i]]++;
        console_print("advertised: %s %s\n", feature_need_name(rows[i].control), words[states[i]]);
    }
    console_print(
        "advertised: %u of %lu controls, %u work, %u are accepted, %u are broken, %u hang, %u are kept by Nestor\n",
        offered, (unsigned long)(sizeof rows / sizeof *rows), sums[WORKS], sums[ACCEPTED], sums[BROKEN], sums[HANGS],
        sums[KEPT]);
}

static const uint16_t *row_needs(const void *row)
{
    static uint16_t needs[4];
    const struct works *works = row;

    needs[0] = works->control;
    needs[1] = works->needs[0];
    needs[2] = works->needs[0] ? works->needs[1] : 0;
    return needs;
}

FEATURE_TESTS(works, VMX, NEEDS(), "VMX Capability Reporting Facility", "what is advertised works", rows,
              .row_needs = row_needs)
{
    uint8_t *state = &states[row - rows];
    static bool registered;

    if (!registered)
        atexit(print_table);
    registered = true;
    *state = row->show == works_kept ? KEPT : HANGS;
    row->show(row);
    if (outcome.failures || outcome.verdict > VERDICT_SKIP)
        *state = BROKEN;
    else
        *state = row->show == works_entry || row->show == works_with_exit ? ACCEPTED : WORKS;
}

/* ---- What many have in common ----------------------------------------------------------------------------------- */

static void run(const struct works *row, bool on)
{
    struct code_registers registers = {.rbx = (uint64_t)page_scratch(0), .rcx = insn_read_cr3(), .rdx = WORKS_PORT};

    code_put((const uint8_t *)row->code, row->length);
    lab_set_to(row->control, on);
    OBSERVE(code_run(&registers));
}

void works_exits(const struct works *row)
{
    if (!row->waits && feature_has(NOT(row->control))) {
        run(row, false);
        EXPECT_EQ(lab_seen.exits, 0);
    }
    run(row, true);
    EXPECT_EXIT(row->reason);
}

void works_enables(const struct works *row)
{
    lab_clear(PROC_INVLPG);
    lab_clear(PROC_RDTSC);
    run(row, true);
    EXPECT_NO_EXIT();
    run(row, false);
    EXPECT_FAULT(EXCEPTION_UD, 0);
}

void works_entry(const struct works *row)
{
    struct lab_refusal refusal = {0};
    bool is_control = row->control >> NEED_GROUP_SHIFT <= GROUP_ENTRYC, written = true;

    OBSERVE(written = !is_control || lab_try_set(row->control, true, &refusal); cpu_id(0, 0));
    if (!written)
        SKIP("Nestor keeps it: %s", refusal.why);
    EXPECT_EXIT(EXIT_CPUID);
}

void works_with_exit(const struct works *row)
{
    lab_set(row->needs[0]);
    works_entry(row);
}

void works_kept(const struct works *row) { SKIP("Nestor keeps %s", feature_need_name(row->control)); }
