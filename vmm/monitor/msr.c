/*
 * The MSRs that the monitor emulates; those that a guest may have to itself are passed through by the kernel. Any other
 * gives the guest #GP(0), as a CPU without it does.
 */
#include "vmm/monitor/handle.h"
#include "vmm/monitor/x86.h"

/* Each returns false for #GP(0). */
typedef bool msr_reader(struct guest *guest, uint64_t *value);
typedef bool msr_writer(struct guest *guest, uint64_t value);

/* SVM runs a guest only with EFER.SVME set; a guest without SVM must not see it. */
static bool efer_read(struct guest *guest, uint64_t *value)
{
    *value = guest_get_one(guest, REG_EFER) & ~EFER_SVME;
    return true;
}

/* "Extended Feature Enable Register": LMA is the CPU's own, LME can't change while paging is on. */
static bool efer_write(struct guest *guest, uint64_t value)
{
    struct reg_value now[] = {{REG_EFER, 0}, {REG_CR0, 0}};
    const uint64_t writable = EFER_SCE | EFER_LME | EFER_NXE;

    guest_get(guest, now, 2);
    if (value & ~(writable | EFER_LMA))
        return false;
    if ((value ^ now[0].value) & EFER_LME && now[1].value & CR0_PG)
        return false;
    guest_set(guest, &(struct reg_value){REG_EFER, (value & writable) | (now[0].value & ~writable)}, 1);
    return true;
}

static bool zero_read(struct guest *guest, uint64_t *value)
{
    (void)guest;
    *value = 0;
    return true;
}

/* No local APIC: the default base, the bootstrap processor, not enabled. */
static bool apic_base_read(struct guest *guest, uint64_t *value)
{
    (void)guest;
    *value = 0xfee00100;
    return true;
}

static bool misc_enable_read(struct guest *guest, uint64_t *value)
{
    (void)guest;
    *value = 1; /* fast strings */
    return true;
}

static bool refused_write(struct guest *guest, uint64_t value)
{
    (void)guest, (void)value;
    return false;
}

static const struct msr_row {
    uint32_t number;
    msr_reader *read;
    msr_writer *write;
} msr_rows[] = {
    {0x1b, apic_base_read, refused_write},    /* IA32_APIC_BASE */
    {0xfe, zero_read, refused_write},         /* IA32_MTRRCAP: no MTRRs */
    {0x1a0, misc_enable_read, refused_write}, /* IA32_MISC_ENABLE */
    {0xc0000080, efer_read, efer_write},      /* IA32_EFER, on SVM: see efer_read */
};

static const struct msr_row *msr_find(uint32_t number)
{
    for (unsigned i = 0; i < sizeof(msr_rows) / sizeof(msr_rows[0]); i++)
        if (msr_rows[i].number == number)
            return &msr_rows[i];
    return NULL;
}

static enum vcpu_action msr_done(struct guest *guest, bool good)
{
    if (good)
        return VCPU_RUN_SKIP;
    guest_inject(guest, VECTOR_GP, true);
    return VCPU_RUN_RESUME;
}

enum vcpu_action handle_msr_read(struct guest *guest, const struct guest_exit *e)
{
    uint64_t *gpr = guest->vcpu.page->gpr, value = 0;
    const struct msr_row *row = msr_find((uint32_t)gpr[GPR_RCX]);
    bool good = row && row->read(guest, &value);

    (void)e;
    if (good) {
        gpr[GPR_RAX] = (uint32_t)value;
        gpr[GPR_RDX] = value >> 32;
    }
    return msr_done(guest, good);
}

enum vcpu_action handle_msr_write(struct guest *guest, const struct guest_exit *e)
{
    const uint64_t *gpr = guest->vcpu.page->gpr;
    const struct msr_row *row = msr_find((uint32_t)gpr[GPR_RCX]);
    uint64_t value = (gpr[GPR_RDX] << 32) | (uint32_t)gpr[GPR_RAX];

    (void)e;
    return msr_done(guest, row && row->write(guest, value));
}
