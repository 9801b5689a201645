/*
 * MOV to CR0, CR4 and CR8 that exits because the host owns some of the bits (VMX only: an SVM guest has control
 * registers of its own). "Control Registers" in the Intel SDM has the rules that the CPU would have checked. What is
 * written goes to the register and its read shadow: the kernel puts its own bits into the register.
 */
#include "vmm/monitor/handle.h"
#include "vmm/monitor/x86.h"

/* The state that the rules look at, in the order of now[]. */
enum { NOW_CR0, NOW_CR3, NOW_CR4, NOW_EFER, NOW_CS_RIGHTS, NOW_COUNT };

enum { RIGHTS_L = 1 << 13 }; /* of CS: 64-bit code */

bool cr_load_pdptes(struct guest *guest, uint64_t cr3)
{
    const uint64_t *table = guest_memory_at(&guest->vm->memory, cr3 & 0xffffffe0, 4 * sizeof(uint64_t));
    struct reg_value pdpte[4];

    if (!table)
        return false;
    for (unsigned i = 0; i < 4; i++)
        pdpte[i] = (struct reg_value){REG_PDPTE0 + i, table[i]};
    guest_set(guest, pdpte, 4);
    return true;
}

static bool cr0_write(struct guest *guest, const struct reg_value now[NOW_COUNT], uint64_t value)
{
    const uint64_t cr4 = now[NOW_CR4].value, changed = value ^ now[NOW_CR0].value;
    uint64_t efer = now[NOW_EFER].value;
    bool long_code = (now[NOW_CS_RIGHTS].value & RIGHTS_L) != 0;

    if (value >> 32 || (value & CR0_PG && !(value & CR0_PE)) || (value & CR0_NW && !(value & CR0_CD)))
        return false;
    if (changed & CR0_PG && efer & EFER_LME) {
        if (long_code || (value & CR0_PG && !(cr4 & CR4_PAE)))
            return false;
        efer ^= EFER_LMA;
    }
    if (changed & CR0_PG && value & CR0_PG && cr4 & CR4_PAE && !(efer & EFER_LMA) &&
        !cr_load_pdptes(guest, now[NOW_CR3].value))
        return false;
    guest_set(guest, (struct reg_value[]){{REG_CR0, value | CR0_ET}, {REG_EFER, efer}}, 2);
    return true;
}

/* The guest owns all bits that it can have: an exit means that it sets one that this virtual CPU does not know. */
static bool cr4_write(struct guest *guest, const struct reg_value now[NOW_COUNT], uint64_t value)
{
    (void)guest, (void)now, (void)value;
    return false;
}

static bool cr8_write(struct guest *guest, const struct reg_value now[NOW_COUNT], uint64_t value)
{
    (void)now;
    if (value > 15)
        return false;
    guest->cr8 = value;
    return true;
}

typedef bool cr_writer(struct guest *guest, const struct reg_value now[NOW_COUNT], uint64_t value);

static cr_writer *const cr_writers[16] = {[0] = cr0_write, [4] = cr4_write, [8] = cr8_write};

enum vcpu_action handle_cr(struct guest *guest, const struct guest_exit *e)
{
    struct reg_value now[NOW_COUNT] = {
        [NOW_CR0] = {REG_CR0, 0},
        [NOW_CR3] = {REG_CR3, 0},
        [NOW_CR4] = {REG_CR4, 0},
        [NOW_EFER] = {REG_EFER, 0},
        [NOW_CS_RIGHTS] = {reg_segment(SEG_CS, SEG_RIGHTS), 0},
    };
    uint64_t *gpr = &guest->vcpu.page->gpr[e->cr.gpr];

    if (!e->cr.write && e->cr.number == 8) {
        *gpr = guest->cr8;
        return VCPU_RUN_SKIP;
    }
    if (!e->cr.write || !cr_writers[e->cr.number])
        guest_end(guest, END_UNHANDLED, "MOV %s CR%u at RIP 0x%llx is nothing that this monitor handles",
                  e->cr.write ? "to" : "from", e->cr.number, (unsigned long long)e->record->rip);
    guest_get(guest, now, NOW_COUNT);
    if (cr_writers[e->cr.number](guest, now, *gpr))
        return VCPU_RUN_SKIP;
    guest_inject(guest, VECTOR_GP, true);
    return VCPU_RUN_RESUME;
}
