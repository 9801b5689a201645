/* Guest state by neutral names: the table. */
#include "vmm/monitor/reg.h"

/* Kept by the kernel with both. */
#define ITEM(number) VCPU_ITEM | (number), VCPU_ITEM | (number)

/* The four parts of one segment register. */
#define SEGMENT(name, selector, limit, rights, base, offset)                                                           \
    {name " selector", selector, VMCB_FIELD(offset, 2)}, {name " limit", limit, VMCB_FIELD((offset) + 4, 4)},          \
        {name " rights", rights, VMCB_FIELD((offset) + 2, 2)}, {name " base", base, VMCB_FIELD((offset) + 8, 8)}

const struct reg_row reg_rows[REG_PENDING] = {
    SEGMENT("ES", 0x0800, 0x4800, 0x4814, 0x6806, 0x400),
    SEGMENT("CS", 0x0802, 0x4802, 0x4816, 0x6808, 0x410),
    SEGMENT("SS", 0x0804, 0x4804, 0x4818, 0x680a, 0x420),
    SEGMENT("DS", 0x0806, 0x4806, 0x481a, 0x680c, 0x430),
    SEGMENT("FS", 0x0808, 0x4808, 0x481c, 0x680e, 0x440),
    SEGMENT("GS", 0x080a, 0x480a, 0x481e, 0x6810, 0x450),
    SEGMENT("LDTR", 0x080c, 0x480c, 0x4820, 0x6812, 0x470),
    SEGMENT("TR", 0x080e, 0x480e, 0x4822, 0x6814, 0x490),
    [REG_CR0] = {"CR0", 0x6800, VMCB_FIELD(0x558, 8)},
    [REG_CR3] = {"CR3", 0x6802, VMCB_FIELD(0x550, 8)},
    [REG_CR4] = {"CR4", 0x6804, VMCB_FIELD(0x548, 8)},
    [REG_DR7] = {"DR7", 0x681a, VMCB_FIELD(0x560, 8)},
    [REG_RSP] = {"RSP", 0x681c, VMCB_FIELD(0x5d8, 8)},
    [REG_RIP] = {"RIP", 0x681e, VMCB_FIELD(0x578, 8)},
    [REG_RFLAGS] = {"RFLAGS", 0x6820, VMCB_FIELD(0x570, 8)},
    [REG_EFER] = {"EFER", 0x2806, VMCB_FIELD(0x4d0, 8)},
    [REG_GDTR_BASE] = {"GDTR base", 0x6816, VMCB_FIELD(0x468, 8)},
    [REG_GDTR_LIMIT] = {"GDTR limit", 0x4810, VMCB_FIELD(0x464, 4)},
    [REG_IDTR_BASE] = {"IDTR base", 0x6818, VMCB_FIELD(0x488, 8)},
    [REG_IDTR_LIMIT] = {"IDTR limit", 0x4812, VMCB_FIELD(0x484, 4)},
    [REG_ACTIVITY] = {"activity state", ITEM(ITEM_ACTIVITY)},
    [REG_INTERRUPTIBILITY] = {"interruptibility state", 0x4824, VMCB_FIELD(0x68, 8)},
    [REG_PDPTE0] = {"PDPTE0", 0x280a, 0},
    [REG_PDPTE1] = {"PDPTE1", 0x280c, 0},
    [REG_PDPTE2] = {"PDPTE2", 0x280e, 0},
    [REG_PDPTE3] = {"PDPTE3", 0x2810, 0},
    [REG_EVENT] = {"event injection", 0x4016, VMCB_FIELD(0xa8, 8)},
    [REG_EVENT_ERROR] = {"event error code", 0x4018, 0},
    [REG_CR2] = {"CR2", VCPU_ITEM | ITEM_CR2, VMCB_FIELD(0x640, 8)},
    [REG_DR0] = {"DR0", ITEM(ITEM_DR0)},
    [REG_DR1] = {"DR1", ITEM(ITEM_DR1)},
    [REG_DR2] = {"DR2", ITEM(ITEM_DR2)},
    [REG_DR3] = {"DR3", ITEM(ITEM_DR3)},
    [REG_DR6] = {"DR6", VCPU_ITEM | ITEM_DR6, VMCB_FIELD(0x568, 8)},
    [REG_SYSENTER_CS] = {"SYSENTER_CS", 0x482a, VMCB_FIELD(0x628, 8)},
    [REG_SYSENTER_ESP] = {"SYSENTER_ESP", 0x6824, VMCB_FIELD(0x630, 8)},
    [REG_SYSENTER_EIP] = {"SYSENTER_EIP", 0x6826, VMCB_FIELD(0x638, 8)},
    [REG_PAT] = {"PAT", 0x2804, VMCB_FIELD(0x668, 8)},
    [REG_STAR] = {"STAR", VCPU_ITEM | ITEM_STAR, VMCB_FIELD(0x600, 8)},
    [REG_LSTAR] = {"LSTAR", VCPU_ITEM | ITEM_LSTAR, VMCB_FIELD(0x608, 8)},
    [REG_CSTAR] = {"CSTAR", VCPU_ITEM | ITEM_CSTAR, VMCB_FIELD(0x610, 8)},
    [REG_SFMASK] = {"SFMASK", VCPU_ITEM | ITEM_SFMASK, VMCB_FIELD(0x618, 8)},
    [REG_KERNEL_GS_BASE] = {"KERNEL_GS_BASE", VCPU_ITEM | ITEM_KERNEL_GS_BASE, VMCB_FIELD(0x620, 8)},
    [REG_TSC_AUX] = {"TSC_AUX", ITEM(ITEM_TSC_AUX)},
    [REG_TSC_OFFSET] = {"TSC offset", 0x2010, VMCB_FIELD(0x50, 8)},
    [REG_CPL] = {"CPL", 0, VMCB_FIELD(0x4cb, 1)},
    [REG_V_INTR] = {"virtual interrupts", 0, VMCB_FIELD(0x60, 8)},
    [REG_CR0_MASK] = {"CR0 guest/host mask", 0x6000, 0},
    [REG_CR0_SHADOW] = {"CR0 read shadow", 0x6004, 0},
    [REG_CR4_MASK] = {"CR4 guest/host mask", 0x6002, 0},
    [REG_CR4_SHADOW] = {"CR4 read shadow", 0x6006, 0},
    [REG_PENDING_DEBUG] = {"pending debug exceptions", 0x6822, 0},
    [REG_CUT_SHORT] = {"event cut short", ITEM(ITEM_EVENT)},
    [REG_TIMER_VECTOR] = {"timer vector", ITEM(ITEM_TIMER_VECTOR)},
    [REG_TIMER_DEADLINE] = {"timer deadline", ITEM(ITEM_TIMER_DEADLINE)},
};

static bool reg_is_rights(enum reg reg)
{
    return reg < REG_CR0 && (reg - REG_SEGMENTS) % SEG_PARTS == SEG_RIGHTS;
}

enum { BLOCKING_BY_STI = 1, BLOCKING_BY_MOV_SS = 2, INTERRUPT_SHADOW = 1 };

/* VMCB: the same bits without the gap of 11:8; a segment that is not usable is one that is not present. */
uint64_t reg_to_vendor(enum backend backend, enum reg reg, uint64_t value)
{
    if (backend == BACKEND_SVM && reg == REG_INTERRUPTIBILITY)
        return value & (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS) ? INTERRUPT_SHADOW : 0;
    if (backend == BACKEND_VMX || !reg_is_rights(reg))
        return value;
    if (value & RIGHTS_UNUSABLE)
        return 0;
    return (value & 0xff) | (value >> 4 & 0xf00);
}

uint64_t reg_from_vendor(enum backend backend, enum reg reg, uint64_t value)
{
    const uint64_t present = 0x80;

    if (backend == BACKEND_SVM && reg == REG_INTERRUPTIBILITY)
        return value & INTERRUPT_SHADOW ? BLOCKING_BY_MOV_SS : 0;
    if (backend == BACKEND_VMX || !reg_is_rights(reg))
        return value;
    if (!(value & present))
        return RIGHTS_UNUSABLE;
    return (value & 0xff) | (value & 0xf00) << 4;
}
