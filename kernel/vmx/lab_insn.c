/* VMX instructions on VMCS regions that are a lab's own: config/lab.h has what a guest sees of them. */
#include "kernel/cpu/context.h"
#include "kernel/cpu/pcpu.h"
#include "kernel/vmx/lab.h"
#include "lib/string.h"
#include "mm/direct.h"

/* Bits of an address that are the guest's to choose; where its region is told. */
#define POINTER_FREE 0xfff0000000000fffull
enum { REGION_SHIFT = 12, REGION_MASK = 15 };

/* Operands of an instruction; `value` is what it gives. */
struct operands {
    uint64_t reg, pointer, data, value;
};

/* Arithmetic flags are all set before. Returns RFLAGS. */
typedef uint64_t instruction(struct operands *o);
#define INSTRUCTION(name, text, ...)                                                                                  \
    static uint64_t name(struct operands *o)                                                                          \
    {                                                                                                                 \
        uint64_t flags;                                                                                               \
                                                                                                                      \
        __asm__ volatile("pushq $0x8d7; popfq; " text "; pushfq; popq %0"                                             \
                         : "=&r"(flags), "+m"(*o)                                                                     \
                         : __VA_ARGS__                                                                                \
                         : "cc", "memory");                                                                           \
        return flags;                                                                                                 \
    }
#define AT_POINTER "r"(&o->pointer)
#define AT_VALUE   "r"(&o->value)

INSTRUCTION(run_vmclear, "vmclear (%2)", AT_POINTER)
INSTRUCTION(run_vmptrld, "vmptrld (%2)", AT_POINTER)
INSTRUCTION(run_vmptrst, "vmptrst (%2)", AT_VALUE)
INSTRUCTION(run_vmxon, "vmxon (%2)", AT_POINTER)
INSTRUCTION(run_vmread, "vmread %3, (%2)", AT_VALUE, "r"(o->reg))
INSTRUCTION(run_vmwrite, "vmwrite %2, %3", "r"(o->data), "r"(o->reg))
INSTRUCTION(run_invept, "invept (%2), %3", AT_POINTER, "r"(o->reg))
INSTRUCTION(run_invvpid, "invvpid (%2), %3", AT_POINTER, "r"(o->reg))
INSTRUCTION(run_vmlaunch, "vmlaunch", AT_VALUE)
INSTRUCTION(run_vmresume, "vmresume", AT_VALUE)
INSTRUCTION(run_vmlaunch_blocked, "mov %2, %%ss; vmlaunch", "r"(SEL_KERNEL_DS))
INSTRUCTION(run_vmresume_blocked, "mov %2, %%ss; vmresume", "r"(SEL_KERNEL_DS))

static uint64_t run_revise(struct operands *o)
{
    uint32_t *region = mm_direct(HPA(align_down(o->pointer, PAGE_BYTES)));

    memset(region, 0, PAGE_BYTES);
    *region = vmx_controls.revision ^ (uint32_t)o->data;
    return 0;
}

static instruction *const instructions[LAB_VMX_RUNS] = {
    [LAB_VMX_VMCLEAR] = run_vmclear,
    [LAB_VMX_VMPTRLD] = run_vmptrld,
    [LAB_VMX_VMPTRST] = run_vmptrst,
    [LAB_VMX_VMREAD] = run_vmread,
    [LAB_VMX_VMWRITE] = run_vmwrite,
    [LAB_VMX_VMLAUNCH] = run_vmlaunch,
    [LAB_VMX_VMRESUME] = run_vmresume,
    [LAB_VMX_VMLAUNCH_BLOCKED] = run_vmlaunch_blocked,
    [LAB_VMX_VMRESUME_BLOCKED] = run_vmresume_blocked,
    [LAB_VMX_VMXON] = run_vmxon,
    [LAB_VMX_INVEPT] = run_invept,
    [LAB_VMX_INVVPID] = run_invvpid,
    [LAB_VMX_REVISE] = run_revise,
};

static uint64_t region(const struct vcpu *vcpu, uint64_t index)
{
    return index < LAB_VMX_REGIONS - 1 ? vcpu->lab->page[LAB_REGION_A + index].value
                                       : pcpu_this()->backend[PCPU_VMXON_REGION];
}

/* Whether it is there, does not end in a fault, and writes to no region but the lab's. */
static bool can_run(uint64_t which, uint64_t index)
{
    switch (which) {
    case LAB_VMX_INVEPT:
        return true;
    case LAB_VMX_INVVPID:
        return vmx_controls.vpid;
    case LAB_VMX_REVISE:
        return index < LAB_VMX_REGIONS - 1;
    default:
        return which < LAB_VMX_RUNS && index < LAB_VMX_REGIONS;
    }
}

/* What the guest knows a region by. */
static uint64_t name_of(const struct vcpu *vcpu, uint64_t pointer)
{
    for (uint64_t i = 0; i < LAB_VMX_REGIONS; i++)
        if (region(vcpu, i) == pointer)
            return i << REGION_SHIFT;
    return pointer;
}

/* Between two instructions no region is active on any pCPU: the vCPU may move. */
int vmx_lab_run(struct vcpu *vcpu, uint64_t which)
{
    enum { FLAG_ZF = 1 << 6 };
    uint64_t *part = vcpu->lab->backend, index = part[LAB_VMX_POINTER] >> REGION_SHIFT & REGION_MASK;
    struct operands o = {part[LAB_VMX_OPERAND], region(vcpu, index) | (part[LAB_VMX_POINTER] & POINTER_FREE),
                         part[LAB_VMX_DATA], ~0ull};
    struct operands now = {0};

    if (!can_run(which, index))
        return -ABI_EINVAL;
    if (which == LAB_VMX_INVEPT)
        o.pointer = vcpu->backend[VCPU_EPTP] ^ part[LAB_VMX_POINTER];
    if (which == LAB_VMX_INVVPID)
        o.pointer = part[LAB_VMX_POINTER];
    vmclear(vcpu->control.value);
    if (part[LAB_VMX_CURRENT])
        vmptrld(part[LAB_VMX_CURRENT]);
    if (which >= LAB_VMX_VMLAUNCH && which <= LAB_VMX_VMRESUME_BLOCKED)
        vmwrite(HOST_TR_SELECTOR,
                0); /* "Checks on Host Segment and Descriptor-Table Registers": no entry gets further */
    part[LAB_VMX_FLAGS] = instructions[which](&o);
    part[LAB_VMX_ERROR] = part[LAB_VMX_FLAGS] & FLAG_ZF ? vmread(INSTRUCTION_ERROR) : 0;
    part[LAB_VMX_VALUE] = which == LAB_VMX_VMPTRST ? name_of(vcpu, o.value) : o.value;
    run_vmptrst(&now);
    part[LAB_VMX_CURRENT] = ~now.value ? now.value : 0;
    if (~now.value)
        vmclear(now.value);
    vmptrld(vcpu->control.value);
    return 0;
}
