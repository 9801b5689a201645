/* The exit dispatch table: "SVM Intercept Exit Codes" in the appendices of AMD's volume 2. */
#include "kernel/svm/lab.h"

#include "kernel/cpu/panic.h"
#include "kernel/vm/vm.h"
#include "lib/x86.h"

static enum verdict handle_hlt(struct vcpu *vcpu)
{
    return vcpu_handle_halt(vcpu, svm_vmcb(vcpu)->save.rflags & RFLAGS_IF);
}

static enum verdict handle_vmmcall(struct vcpu *vcpu)
{
    return svm_vmcb(vcpu)->save.cpl == 0 ? vcpu_handle_hypercall(vcpu) : vcpu_refuse_hypercall(vcpu);
}

/* SMI and INIT were taken at STGI; of VINTR, nothing is wanted but the exit: see svm_inject. */
static enum verdict handle_nothing(struct vcpu *vcpu)
{
    (void)vcpu;
    return VERDICT_RESUME;
}

/* The first access to a debug register: the guest gets them for good, and the instruction is tried again. A lab has them. */
static enum verdict handle_debug_register(struct vcpu *vcpu)
{
    if (vcpu->lab)
        return VERDICT_MONITOR;
    context_own_debug(&vcpu->guest_context);
    svm_vmcb(vcpu)->control.intercept[INTERCEPT_DR] = 0;
    svm_changed(vcpu, CLEAN_I);
    return VERDICT_RESUME;
}

/* Intercepted only so that interrupts get through: see control.c. DR6 has been updated in the VMCB. */
static enum verdict handle_db(struct vcpu *vcpu)
{
    svm_inject_exception(vcpu, VECTOR_DB);
    return VERDICT_RESUME;
}

static enum verdict handle_ac(struct vcpu *vcpu)
{
    svm_inject_exception_error(vcpu, SVM_VECTOR_AC, (uint32_t)svm_vmcb(vcpu)->control.exitinfo1);
    return VERDICT_RESUME;
}

static enum verdict handle_mc(struct vcpu *vcpu)
{
    panic("machine check while vCPU %u of VM %s ran", vcpu->id, vcpu->vm->name);
}

static enum verdict handle_npf(struct vcpu *vcpu)
{
    const struct vmcb_control *control = &svm_vmcb(vcpu)->control;

    if (control->exitinfo1 & NPF_PRESENT)
        return VERDICT_MONITOR;
    return vcpu_handle_nested_fault(vcpu, GPA(control->exitinfo2));
}

/* "Page-Attribute Table": what WRMSR refuses in each byte. */
static bool pat_is_legal(uint64_t pat)
{
    for (; pat; pat >>= 8)
        if ((pat & 0xff) > 7 || (pat & 0xff) == 2 || (pat & 0xff) == 3)
            return false;
    return true;
}

static enum verdict write_pat(struct vcpu *vcpu, struct vmcb *vmcb)
{
    uint64_t pat = (uint32_t)vcpu->page->gpr[GPR_RAX] | vcpu->page->gpr[GPR_RDX] << 32;

    if (!pat_is_legal(pat)) {
        svm_inject_gp(vcpu);
        return VERDICT_RESUME;
    }
    vmcb->save.g_pat = pat;
    svm_changed(vcpu, CLEAN_NP);
    return VERDICT_SKIP;
}

static enum verdict read_pat(struct vcpu *vcpu, const struct vmcb *vmcb)
{
    vcpu->page->gpr[GPR_RAX] = (uint32_t)vmcb->save.g_pat;
    vcpu->page->gpr[GPR_RDX] = vmcb->save.g_pat >> 32;
    return VERDICT_SKIP;
}

static enum verdict handle_msr(struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);
    bool write = vmcb->control.exitinfo1 & 1;
    enum verdict verdict;

    if (vcpu->lab && svm_lab_handle_msr(vcpu, write, &verdict))
        return verdict;
    if ((uint32_t)vcpu->page->gpr[GPR_RCX] == MSR_PAT)
        return write ? write_pat(vcpu, vmcb) : read_pat(vcpu, vmcb);
    return write ? vcpu_handle_msr_write(vcpu) : vcpu_handle_msr_read(vcpu);
}

/* Writing modified lines back, or not, makes no difference to a guest whose devices are all made of software. */
static enum verdict handle_cache(struct vcpu *vcpu)
{
    (void)vcpu;
    return VERDICT_SKIP;
}

enum {
    INFO = EXIT_GROUP_QUALIFICATION,
    LENGTH = EXIT_GROUP_LENGTH,
    ADDRESS = EXIT_GROUP_ADDRESS,
    VECTORING = EXIT_GROUP_VECTORING,
    BYTES = EXIT_GROUP_BYTES,
    VARIES = SVM_LENGTH_VARIES,
};

enum { CODES_HIGH = 0x400, ROW_HIGH = SVM_ROW_NPF, ROW_INVALID = ROW_HIGH + 4, ROW_UNKNOWN, ROWS };

/* By exit code up to A6H, then those from 400H, then the one of all ones. */
const struct svm_exit_row svm_exit_table[ROWS] = {
    [0x00 ... 0x0f] = {{"VMEXIT_CR_READ", NULL, INFO | LENGTH}, VARIES},
    [0x10 ... 0x1f] = {{"VMEXIT_CR_WRITE", NULL, INFO | LENGTH}, VARIES},
    [0x20 ... 0x2f] = {{"VMEXIT_DR_READ", handle_debug_register, INFO | LENGTH}, VARIES},
    [0x30 ... 0x3f] = {{"VMEXIT_DR_WRITE", handle_debug_register, INFO | LENGTH}, VARIES},
    [0x40] = {{"VMEXIT_EXCP_DE", NULL, INFO | VECTORING}, 0},
    [0x41] = {{"VMEXIT_EXCP_DB", handle_db, INFO | VECTORING}, 0},
    [0x42 ... 0x4d] = {{"VMEXIT_EXCP", NULL, INFO | VECTORING}, 0},
    [0x4e] = {{"VMEXIT_EXCP_PF", NULL, INFO | VECTORING | BYTES}, 0},
    [0x4f ... 0x50] = {{"VMEXIT_EXCP", NULL, INFO | VECTORING}, 0},
    [0x51] = {{"VMEXIT_EXCP_AC", handle_ac, INFO | VECTORING}, 0},
    [0x52] = {{"VMEXIT_EXCP_MC", handle_mc, INFO | VECTORING}, 0},
    [0x53 ... 0x5f] = {{"VMEXIT_EXCP", NULL, INFO | VECTORING}, 0},
    [0x60] = {{"VMEXIT_INTR", vcpu_handle_interrupt, 0}, 0},
    [0x61] = {{"VMEXIT_NMI", vcpu_handle_interrupt, 0}, 0},
    [0x62] = {{"VMEXIT_SMI", handle_nothing, INFO}, 0},
    [0x63] = {{"VMEXIT_INIT", handle_nothing, 0}, 0},
    [0x64] = {{"VMEXIT_VINTR", handle_nothing, 0}, 0},
    [0x65] = {{"VMEXIT_CR0_SEL_WRITE", NULL, INFO | LENGTH}, VARIES},
    [0x66] = {{"VMEXIT_IDTR_READ", NULL, LENGTH}, VARIES},
    [0x67] = {{"VMEXIT_GDTR_READ", NULL, LENGTH}, VARIES},
    [0x68] = {{"VMEXIT_LDTR_READ", NULL, LENGTH}, VARIES},
    [0x69] = {{"VMEXIT_TR_READ", NULL, LENGTH}, VARIES},
    [0x6a] = {{"VMEXIT_IDTR_WRITE", NULL, LENGTH}, VARIES},
    [0x6b] = {{"VMEXIT_GDTR_WRITE", NULL, LENGTH}, VARIES},
    [0x6c] = {{"VMEXIT_LDTR_WRITE", NULL, LENGTH}, VARIES},
    [0x6d] = {{"VMEXIT_TR_WRITE", NULL, LENGTH}, VARIES},
    [0x6e] = {{"VMEXIT_RDTSC", NULL, LENGTH}, 2},
    [0x6f] = {{"VMEXIT_RDPMC", NULL, LENGTH}, 2},
    [0x70] = {{"VMEXIT_PUSHF", NULL, LENGTH}, 1},
    [0x71] = {{"VMEXIT_POPF", NULL, LENGTH}, 1},
    [0x72] = {{"VMEXIT_CPUID", vcpu_handle_cpuid, LENGTH}, 2, .direct = true},
    [0x73] = {{"VMEXIT_RSM", NULL, LENGTH}, 2},
    [0x74] = {{"VMEXIT_IRET", NULL, LENGTH}, 1},
    [0x75] = {{"VMEXIT_SWINT", NULL, INFO | LENGTH}, 2},
    [0x76] = {{"VMEXIT_INVD", handle_cache, LENGTH}, 2},
    [0x77] = {{"VMEXIT_PAUSE", NULL, LENGTH}, 2},
    [0x78] = {{"VMEXIT_HLT", handle_hlt, LENGTH}, 1},
    [0x79] = {{"VMEXIT_INVLPG", NULL, INFO | LENGTH}, VARIES},
    [0x7a] = {{"VMEXIT_INVLPGA", NULL, INFO | LENGTH}, 3},
    [VMEXIT_IOIO] = {{"VMEXIT_IOIO", NULL, INFO | LENGTH}, SVM_LENGTH_IO},
    [0x7c] = {{"VMEXIT_MSR", handle_msr, INFO | LENGTH}, 2},
    [0x7d] = {{"VMEXIT_TASK_SWITCH", NULL, INFO | VECTORING}, 0},
    [0x7e] = {{"VMEXIT_FERR_FREEZE", NULL, 0}, 0},
    [0x7f] = {{"VMEXIT_SHUTDOWN", NULL, INFO | VECTORING}, 0},
    [0x80] = {{"VMEXIT_VMRUN", NULL, INFO | LENGTH}, 3},
    [0x81] = {{"VMEXIT_VMMCALL", handle_vmmcall, LENGTH}, 3, .direct = true},
    [0x82] = {{"VMEXIT_VMLOAD", NULL, LENGTH}, 3},
    [0x83] = {{"VMEXIT_VMSAVE", NULL, LENGTH}, 3},
    [0x84] = {{"VMEXIT_STGI", NULL, LENGTH}, 3},
    [0x85] = {{"VMEXIT_CLGI", NULL, LENGTH}, 3},
    [0x86] = {{"VMEXIT_SKINIT", NULL, LENGTH}, 3},
    [0x87] = {{"VMEXIT_RDTSCP", NULL, LENGTH}, 3},
    [0x88] = {{"VMEXIT_ICEBP", NULL, LENGTH}, 1},
    [0x89] = {{"VMEXIT_WBINVD", handle_cache, LENGTH}, 2},
    [0x8a] = {{"VMEXIT_MONITOR", NULL, LENGTH}, 3},
    [0x8b] = {{"VMEXIT_MWAIT", NULL, LENGTH}, 3},
    [0x8c] = {{"VMEXIT_MWAIT_CONDITIONAL", NULL, LENGTH}, 3},
    [0x8d] = {{"VMEXIT_XSETBV", NULL, LENGTH}, 3},
    [0x8e] = {{"VMEXIT_RDPRU", NULL, LENGTH}, 3},
    [0x8f] = {{"VMEXIT_EFER_WRITE_TRAP", NULL, INFO}, 0},
    [0x90 ... 0x9f] = {{"VMEXIT_CR_WRITE_TRAP", NULL, INFO}, 0},
    [0xa0] = {{"VMEXIT_INVLPGB", NULL, LENGTH}, 3},
    [0xa1] = {{"VMEXIT_INVLPGB_ILLEGAL", NULL, LENGTH}, 3},
    [0xa2] = {{"VMEXIT_INVPCID", NULL, INFO | LENGTH}, VARIES},
    [0xa3] = {{"VMEXIT_MCOMMIT", NULL, LENGTH}, 4},
    [0xa4] = {{"VMEXIT_TLBSYNC", NULL, LENGTH}, 3},
    [0xa5] = {{"VMEXIT_BUSLOCK", NULL, 0}, 0},
    [0xa6] = {{"VMEXIT_IDLE_HLT", NULL, LENGTH}, 1},
    [ROW_HIGH + 0] = {{"VMEXIT_NPF", handle_npf, INFO | ADDRESS | VECTORING | BYTES}, 0},
    [ROW_HIGH + 1] = {{"AVIC_INCOMPLETE_IPI", NULL, INFO}, 0},
    [ROW_HIGH + 2] = {{"AVIC_NOACCEL", NULL, INFO}, 0},
    [ROW_HIGH + 3] = {{"VMEXIT_VMGEXIT", NULL, 0}, 0},
    [ROW_INVALID] = {{"VMEXIT_INVALID", NULL, 0}, 0},
    [ROW_UNKNOWN] = {{"unknown exit", NULL, EXIT_GROUP_ALL}, 0},
};

const struct svm_exit_row *svm_exit_row(uint64_t exitcode)
{
    if (exitcode < SVM_CODES_LOW)
        return &svm_exit_table[exitcode];
    if (exitcode - CODES_HIGH < ROW_INVALID - ROW_HIGH)
        return &svm_exit_table[ROW_HIGH + exitcode - CODES_HIGH];
    if (svm_is_invalid(exitcode))
        return &svm_exit_table[ROW_INVALID];
    return &svm_exit_table[ROW_UNKNOWN];
}

_Static_assert((int)ROWS <= EXIT_COUNTERS, "each row has its counter");

uint64_t svm_exit_reason(unsigned index)
{
    if (index < SVM_CODES_LOW)
        return index;
    return index == ROW_INVALID ? VMEXIT_INVALID : CODES_HIGH + index - ROW_HIGH;
}
