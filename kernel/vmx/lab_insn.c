/* VMX instructions on VMCS regions that are a lab's own: config/lab.h has what a guest sees of them. */
#include "kernel/cpu/context.h"
#include "kernel/cpu/msr.h"
#include "kernel/cpu/pcpu.h"
#include "kernel/lock.h"
#include "kernel/vm/vm.h"
#include "kernel/vmx/lab.h"
#include "lib/string.h"
#include "lib/x86.h"
#include "mm/direct.h"

/* Bits of an address that are the guest's to choose; where its region is told. */
#define POINTER_FREE 0xfff0000000000fffull
enum { REGION_SHIFT = 12, REGION_MASK = 15 };
enum { FLAG_CF = 1 << 0, FLAG_ZF = 1 << 6, FLAGS_FAIL = FLAG_CF | FLAG_ZF };

/* Operands of an instruction; `value` is what it gives. */
struct operands {
    uint64_t reg, pointer, data, value;
    const struct vcpu *vcpu;
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

static uint64_t run_revise(struct operands *o)
{
    uint32_t *region = mm_direct(HPA(align_down(o->pointer, PAGE_BYTES)));

    memset(region, 0, PAGE_BYTES);
    *region = vmx_controls.revision ^ (uint32_t)o->data;
    return 0;
}

static uint64_t run_host(struct operands *o)
{
    vmx_vcpu_write_host(o->vcpu);
    vmwrite(HOST_RIP, (uint64_t)vmx_lab_back);
    return 0;
}

/* What the exit has taken from the host. */
static void give_back(void)
{
    uint64_t reason = vmread(EXIT_REASON), info = vmread(EXIT_INTERRUPTION_INFO);

    if (reason == 1)
        vmx_lab_send_again();
    if (reason == 0 && (info >> INTERRUPTION_TYPE_SHIFT & 7) == TYPE_NMI)
        __asm__ volatile("int $2");
}

/* Exits leave blocking by NMI as the guest had it ("Updating Non-Register State"); IRET ends it. */
static void unblock_nmis(void)
{
    __asm__ volatile("mov %%rsp, %%rcx; push %0; push %%rcx; pushfq; push %1; lea 1f(%%rip), %%rcx; push %%rcx; iretq; 1:"
                     :
                     : "i"(SEL_KERNEL_DS), "i"(SEL_KERNEL_CS)
                     : "rcx", "memory");
}

/* What a VMCS can load that the host has, too, and that its exit need not give back. Not all CPUs have all of them. */
static const uint32_t shared[] = {0x38f /* PERF_GLOBAL_CTRL */, 0x6a2 /* S_CET */, 0x6a8 /* INTERRUPT_SSP_TABLE_ADDR */,
                                  0x6e1 /* PKRS */, 0xd90 /* BNDCFGS */, 0xda0 /* XSS */};
enum { SHARED = sizeof shared / sizeof *shared };

static uint64_t enter_and_restore(uint64_t how)
{
    static bool missing[SHARED]; /* found out once, as the fault takes long */
    uint64_t value[SHARED], flags;

    for (unsigned i = 0; i < SHARED; i++)
        missing[i] = missing[i] || !x86_rdmsr_safe(shared[i], &value[i]);
    flags = vmx_lab_enter(how);
    for (unsigned i = 0; i < SHARED; i++)
        if (!missing[i])
            x86_wrmsr(shared[i], value[i]);
    return flags;
}

/* Without a full lab no entry gets further than "Checks on Host Segment and Descriptor-Table Registers". */
static uint64_t enter(const struct operands *o, uint64_t how)
{
    uint64_t pat = x86_rdmsr(MSR_PAT), flags;

    if (!o->vcpu->vm->full_lab)
        vmwrite(HOST_TR_SELECTOR, 0);
    if (o->data == 1)
        vmx_lab_enter(0);
    flags = enter_and_restore(how);
    pcpu_load_tables(pcpu_this());
    x86_wrmsr(MSR_PAT, pat);
    if (!(flags & FLAGS_FAIL))
        give_back();
    unblock_nmis();
    return flags;
}

static uint64_t run_vmlaunch(struct operands *o) { return enter(o, 0); }
static uint64_t run_vmresume(struct operands *o) { return enter(o, 1); }
static uint64_t run_vmlaunch_blocked(struct operands *o) { return enter(o, 2); }
static uint64_t run_vmresume_blocked(struct operands *o) { return enter(o, 3); }

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
    [LAB_VMX_HOST] = run_host,
};

static uint64_t region(const struct vcpu *vcpu, uint64_t index)
{
    return index < LAB_VMX_REGIONS - 1 ? vcpu->lab->page[LAB_REGION_A + index].value
                                       : pcpu_this()->backend[PCPU_VMXON_REGION];
}

/* Whether it is there, does not end in a fault, and writes to no region but the lab's. */
static bool can_run(const struct vcpu *vcpu, uint64_t which, uint64_t index)
{
    switch (which) {
    case LAB_VMX_INVEPT:
        return true;
    case LAB_VMX_INVVPID:
        return vmx_controls.vpid;
    case LAB_VMX_HOST:
        return vcpu->vm->full_lab && vcpu->lab->backend[LAB_VMX_CURRENT];
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
    uint64_t *part = vcpu->lab->backend, index = part[LAB_VMX_POINTER] >> REGION_SHIFT & REGION_MASK;
    struct operands o = {part[LAB_VMX_OPERAND], region(vcpu, index) | (part[LAB_VMX_POINTER] & POINTER_FREE),
                         part[LAB_VMX_DATA], ~0ull, vcpu};
    struct operands now = {0};

    if (!can_run(vcpu, which, index))
        return -ABI_EINVAL;
    if (which == LAB_VMX_INVEPT)
        o.pointer = vcpu->backend[VCPU_EPTP] ^ part[LAB_VMX_POINTER];
    if (which == LAB_VMX_INVVPID)
        o.pointer = part[LAB_VMX_POINTER];
    vmclear(vcpu->control.value);
    if (part[LAB_VMX_CURRENT])
        vmptrld(part[LAB_VMX_CURRENT]);
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

/* ---- Any field ---------------------------------------------------------------------------------------------- */

static int check_probe(struct vcpu *vcpu)
{
    if (!vcpu->vm->full_lab)
        return lab_refuse(vcpu, 0, "only for a VM with `lab = full`");
    return vcpu->lab->backend[LAB_VMX_CURRENT] ? 0 : -ABI_EINVAL;
}

static void leave_region(const struct vcpu *vcpu)
{
    vmclear(vcpu->lab->backend[LAB_VMX_CURRENT]);
    vmptrld(vcpu->control.value);
}

int vmx_lab_probe_read(struct vcpu *vcpu, uint64_t number, uint64_t *value)
{
    int error = check_probe(vcpu);
    hpa_t frame;
    bool ok;

    if (error)
        return error;
    if (number & LAB_PROBE_ADDRESS) {
        kernel_lock_enter();
        error = vm_memory_back(vcpu->vm, GPA(number & ~LAB_PROBE_ADDRESS), &frame);
        *value = error ? 0 : frame.value;
        return error;
    }
    vmptrld(vcpu->lab->backend[LAB_VMX_CURRENT]);
    ok = vmread_safe(number, value);
    leave_region(vcpu);
    return ok ? 0 : -ABI_EINVAL;
}

int vmx_lab_probe_write(struct vcpu *vcpu, const struct state_pair *pair, const uint64_t *value, unsigned n)
{
    int error = check_probe(vcpu);
    unsigned done = 0;

    if (error)
        return error;
    vmptrld(vcpu->lab->backend[LAB_VMX_CURRENT]);
    while (done < n && vmwrite_safe(LAB_NUMBER(pair[done].what), value[done]))
        done++;
    leave_region(vcpu);
    return done == n ? (int)n : -ABI_EINVAL;
}
