#include "guests/tests/insn_rows.h"

#include <string.h>

enum { CR0_TS = 1 << 3, CR4_TSD = 1 << 2, CR4_DE = 1 << 3, CR4_SMXE = 1 << 14, CR4_OSXSAVE = 1 << 18,
       TSS_AVAILABLE = 0x89 };

/* The controls that make instructions exit. */
static const uint16_t exiting[] = {
    PROC_HLT, PROC_INVLPG, PROC_MWAIT, PROC_RDPMC, PROC_RDTSC, PROC_CR3_LOAD, PROC_CR3_STORE, PROC_MOV_DR, PROC_MONITOR,
    PROC_PAUSE, PROC2_DESCRIPTOR_TABLE, PROC2_WBINVD, PROC2_RDRAND, PROC2_RDSEED,
};

static void set_bit(uint64_t words[2], uint16_t control, bool on)
{
    uint64_t *word = &words[control >> NEED_GROUP_SHIFT == GROUP_PROC2], bit = 1ull << (control & NEED_BIT);

    if (feature_has(on ? control : NOT(control)))
        *word = on ? *word | bit : *word & ~bit;
}

void insn_controls(const struct insn *insn, bool own, bool others)
{
    uint64_t words[] = {lab_read(PROC_CONTROLS), lab_read(PROC2_CONTROLS)};

    for (unsigned i = 0; i < sizeof exiting / sizeof *exiting; i++)
        set_bit(words, exiting[i], others);
    if (insn->control)
        set_bit(words, insn->control, own);
    if (insn->enable)
        set_bit(words, insn->enable, true);
    LAB_WRITE({PROC2_CONTROLS, words[1]}, {PROC_CONTROLS, words[0]});
}

const uint16_t *insn_needs(const struct insn *insn)
{
    static uint16_t needs[INSN_NEEDS + 3];
    unsigned n = 0;

    memset(needs, 0, sizeof needs);
    if (insn->control)
        needs[n++] = insn->control;
    if (insn->enable)
        needs[n++] = insn->enable;
    for (unsigned i = 0; i < INSN_NEEDS && insn->needs[i]; i++)
        needs[n++] = insn->needs[i];
    return needs;
}

/* ---- What rows need before --------------------------------------------------------------------------------- */

/* The host owns TS. Writing what is in the register, without TS, exits if and only if the shadow has TS. */
void insn_shadow_ts(const struct insn *insn, struct code_registers *registers, void *data, bool exits)
{
    uint64_t cr0 = insn_read_cr0();

    LAB_WRITE({CR0_MASK, lab_read(CR0_MASK) | CR0_TS}, {CR0_READ_SHADOW, exits ? cr0 | CR0_TS : cr0});
    registers->rcx = insn->rcx ? cr0 & 0xf : cr0; /* LMSW has four bits of it */
    memcpy(data, &registers->rcx, sizeof(uint16_t));
}

void insn_shadow_tsd(const struct insn *insn, struct code_registers *registers, void *data, bool exits)
{
    uint64_t cr4 = insn_read_cr4();

    (void)insn, (void)data;
    LAB_WRITE({CR4_MASK, lab_read(CR4_MASK) | CR4_TSD}, {CR4_READ_SHADOW, exits ? cr4 | CR4_TSD : cr4});
    registers->rcx = cr4;
}

void insn_mov_cr3(const struct insn *insn, struct code_registers *registers, void *data, bool exits)
{
    (void)insn, (void)data, (void)exits;
    registers->rcx = insn_read_cr3();
}

/* Without CR8 exiting, there has to be a TPR shadow. */
void insn_tpr_shadow(const struct insn *insn, struct code_registers *registers, void *data, bool exits)
{
    (void)insn, (void)registers, (void)data, (void)exits;
    LAB_WRITE({TPR_THRESHOLD, 0}, {VIRTUAL_APIC_ADDRESS, (uint64_t)page_scratch(PAGE_SCRATCH - 1)});
    lab_set(PROC_TPR_SHADOW);
}

void insn_trap_msr(const struct insn *insn, struct code_registers *registers, void *data, bool exits)
{
    (void)insn, (void)registers, (void)data;
    lab_trap_rdmsr(INSN_MSR, exits && insn->reason == EXIT_RDMSR);
    lab_trap_wrmsr(INSN_MSR, exits && insn->reason == EXIT_WRMSR);
}

void insn_trap_port(const struct insn *insn, struct code_registers *registers, void *data, bool exits)
{
    (void)insn, (void)registers, (void)data;
    lab_trap_port(INSN_PORT, exits);
    lab_set(PROC_IO_BITMAPS);
    lab_clear(PROC_UNCONDITIONAL_IO);
}

/* The TSS lets CPL 3 have the port. */
void insn_trap_open_port(const struct insn *insn, struct code_registers *registers, void *data, bool exits)
{
    tables_allow_port(INSN_PORT, true);
    insn_trap_port(insn, registers, data, exits);
}

/* The same table again, so that it can be done. */
void insn_load_gdt(const struct insn *insn, struct code_registers *registers, void *data, bool exits)
{
    const struct table_register gdt = {sizeof tables_gdt - 1, (uint64_t)tables_gdt};

    (void)insn, (void)registers, (void)exits;
    memcpy(data, &gdt, sizeof gdt);
}

void insn_load_idt(const struct insn *insn, struct code_registers *registers, void *data, bool exits)
{
    const struct table_register idt = {sizeof tables_idt - 1, (uint64_t)tables_idt};

    (void)insn, (void)registers, (void)exits;
    memcpy(data, &idt, sizeof idt);
}

void insn_load_tr(const struct insn *insn, struct code_registers *registers, void *data, bool exits)
{
    const uint16_t selector = SELECTOR_TSS;

    (void)insn, (void)registers, (void)exits;
    memcpy(data, &selector, sizeof selector);
    tables_gdt[SELECTOR_TSS / 8] = (tables_gdt[SELECTOR_TSS / 8] & ~(0xffull << 40)) | (uint64_t)TSS_AVAILABLE << 40;
}

/* Nestor's guests can't have these. The mask is smaller for one MOV, and lab_write(GUEST_CR4) takes the bit away again. */
static void set_cr4(uint64_t bit)
{
    lab_write(CR4_MASK, lab_read(CR4_MASK) & ~bit);
    insn_write_cr4(insn_read_cr4() | bit);
}

void insn_osxsave(const struct insn *insn, struct code_registers *registers, void *data, bool exits)
{
    (void)insn, (void)registers, (void)data, (void)exits;
    set_cr4(CR4_OSXSAVE);
}

/* "XSAVE Header": XRSTORS takes the compacted form only. IA32_XSS is 0, so the XSS-exiting bitmap has no effect. */
void insn_xsaves(const struct insn *insn, struct code_registers *registers, void *data, bool exits)
{
    enum { XCOMP_BV = 520 };
    const uint64_t compacted = 1ull << 63;

    insn_osxsave(insn, registers, data, exits);
    lab_write(XSS_EXITING_BITMAP, ~0ull);
    memcpy((char *)data + XCOMP_BV, &compacted, sizeof compacted);
}

void insn_smx(const struct insn *insn, struct code_registers *registers, void *data, bool exits)
{
    (void)insn, (void)registers, (void)data, (void)exits;
    set_cr4(CR4_SMXE);
}

void insn_debug_extensions(const struct insn *insn, struct code_registers *registers, void *data, bool exits)
{
    (void)insn, (void)registers, (void)data, (void)exits;
    insn_write_cr4(insn_read_cr4() | CR4_DE);
}
