/*
 * ASIDs, which tell one vCPU's entries in a TLB from another's: "TLB Management" in AMD's volume 2, "Secure Virtual
 * Machine". Each pCPU hands out its own, in order, to the vCPUs that are loaded on it. When they are used up, a new
 * generation begins: all ASIDs are flushed by the next entry, and each vCPU gets a new one when it is loaded again.
 */
#include "kernel/svm/svm.h"

static void take(struct pcpu *pcpu, struct vcpu *vcpu)
{
    struct vmcb_control *control = &svm_vmcb(vcpu)->control;

    if (pcpu->backend[SVM_PCPU_ASID_NEXT] % svm_machine.asids == 0) {
        pcpu->backend[SVM_PCPU_ASID_NEXT] = 1;
        pcpu->backend[SVM_PCPU_ASID_GENERATION]++;
        pcpu->backend[SVM_PCPU_FLUSH_OWED] = true;
    }
    control->asid = (uint32_t)pcpu->backend[SVM_PCPU_ASID_NEXT]++;
    svm_changed(vcpu, CLEAN_ASID);
    vcpu->backend[SVM_VCPU_GENERATION] = pcpu->backend[SVM_PCPU_ASID_GENERATION];
}

/* Until an entry has come back, any vCPU may be the first to enter in this generation. */
static void flush_if_owed(const struct pcpu *pcpu, struct vcpu *vcpu)
{
    if (!pcpu->backend[SVM_PCPU_FLUSH_OWED])
        return;
    svm_vmcb(vcpu)->control.tlb_control = TLB_CONTROL_FLUSH_ALL;
    svm_changed(vcpu, 0);
}

void svm_asid_load(struct vcpu *vcpu)
{
    struct pcpu *pcpu = pcpu_this();
    bool moved = vcpu->backend[SVM_VCPU_PCPU] != pcpu->id + 1;

    if (moved) {
        vcpu->backend[SVM_VCPU_PCPU] = pcpu->id + 1;
        svm_changed(vcpu, CLEAN_ALL);
    }
    if (moved || vcpu->backend[SVM_VCPU_GENERATION] != pcpu->backend[SVM_PCPU_ASID_GENERATION])
        take(pcpu, vcpu);
    flush_if_owed(pcpu, vcpu);
}

void svm_asid_flush(struct vcpu *vcpu)
{
    struct pcpu *pcpu = pcpu_this();
    struct vmcb_control *control = &svm_vmcb(vcpu)->control;

    if (control->tlb_control == TLB_CONTROL_FLUSH_ALL || control->tlb_control == TLB_CONTROL_FLUSH_ASID)
        return;
    if (svm_machine.features & SVM_FLUSH_BY_ASID) {
        control->tlb_control = TLB_CONTROL_FLUSH_ASID;
        svm_changed(vcpu, 0);
    } else {
        take(pcpu, vcpu);
        flush_if_owed(pcpu, vcpu);
    }
}

void svm_asid_flushed(struct vcpu *vcpu)
{
    struct vmcb_control *control = &svm_vmcb(vcpu)->control;

    if (control->tlb_control == TLB_CONTROL_FLUSH_ALL)
        pcpu_this()->backend[SVM_PCPU_FLUSH_OWED] = false;
    control->tlb_control = TLB_CONTROL_NOTHING;
}
