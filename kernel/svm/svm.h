/* What the files of the SVM back end know of each other. Nothing outside this folder includes it. */
#ifndef KERNEL_SVM_SVM_H
#define KERNEL_SVM_SVM_H

#include <stdbool.h>

#include "kernel/cpu/pcpu.h"
#include "kernel/svm/vmcb.h"
#include "kernel/vm/vcpu.h"
#include "lib/addr.h"
#include "mm/direct.h"

#define MSR_VM_CR       0xc0010114u
#define MSR_VM_HSAVE_PA 0xc0010117u
#define VM_CR_LOCK      (1ull << 3)
#define VM_CR_SVMDIS    (1ull << 4)

#define CPUID_SVM 0x8000000au

/* Exception vectors that lib/x86.h does not name. */
enum { SVM_VECTOR_OF = 4, SVM_VECTOR_AC = 17 };

/* Use of pcpu.backend. */
enum svm_pcpu {
    SVM_PCPU_HOST_VMCB, /* physical address of the page that VMLOAD takes the host's state from */
    SVM_PCPU_ASID_NEXT, /* the first that no vCPU has in this generation; 0 before the first generation */
    SVM_PCPU_ASID_GENERATION,
    SVM_PCPU_FLUSH_OWED, /* no entry since this generation began has flushed the ASIDs of the one before */
};

/* Use of vcpu.backend. */
enum svm_vcpu {
    SVM_VCPU_VMCB,       /* where vcpu.control is in the direct map */
    SVM_VCPU_PCPU,       /* number of the pCPU that it was loaded on last, plus 1 */
    SVM_VCPU_GENERATION, /* of that pCPU's ASIDs, from which it has its own */
    SVM_VCPU_INSTRUCTIONS, /* exit codes below this may be instructions'; 0: the VMCB wants a refresh first, see svm_changed */
    SVM_VCPU_EVENT,      /* eventinj as of the last entry that injected something, */
    SVM_VCPU_EVENT_EXITS, /* vcpu.exits at that entry, */
    SVM_VCPU_EVENT_RIP,   /* and the next RIP that a software event pushes */
    SVM_VCPU_IOPM,        /* physical addresses of a lab's own permission maps; 0: it has the shared ones */
    SVM_VCPU_MSRPM,
    SVM_VCPU_CHECKED_EXITS, /* vcpu.exits when the monitor last wrote a field, */
    SVM_VCPU_CHECKED,       /* and the fields that VMRUN checks, as they were then */
    SVM_VCPU_CHECKED_END = SVM_VCPU_CHECKED + 10,
};

/* What this machine has: set by svm_control_init, the same on all pCPUs. */
struct svm_machine {
    uint32_t features;                   /* SVM_FEATURE_* */
    uint32_t asids;                      /* 1 to asids - 1 are guests' */
    uint32_t clean;                      /* the clean bits that the CPU honours, or 0 */
    bool virtual_interrupts;             /* interrupts are better given by V_IRQ than by EVENTINJ: see inject.c */
    uint8_t length_special;              /* lengths in the exit table from here on are not the instruction's */
    uint32_t intercept[INTERCEPT_WORDS]; /* of each vCPU */
    hpa_t iopm, msrpm;                   /* shared by all VMs and never changed */
};

extern struct svm_machine svm_machine;

/* The permission maps: 12 KiB in a block of 16, and 8 KiB. */
enum { SVM_IOPM_ORDER = 2, SVM_MSRPM_ORDER = 1 };

/* Where the bit for RDMSR of an MSR is in the MSR permission map ("MSR Permissions Map"), with that for WRMSR behind it;
 * false for an MSR that has none. */
static inline bool svm_msrpm_bit(uint64_t msr, unsigned *bit)
{
    enum { RANGE_BITS = 0x4000 };
    unsigned range = msr >> 16 == 0 ? 0 : msr >> 16 == 0xc000 ? 1 : 2;

    *bit = range * RANGE_BITS + (unsigned)(msr & 0x1fff) * 2;
    return (msr & 0xffff) < 0x2000 && (range < 2 || msr >> 16 == 0xc001);
}

/* Whether it is the code of an entry that the CPU refused. */
static inline bool svm_is_invalid(uint64_t exitcode)
{
    return exitcode == VMEXIT_INVALID || exitcode == VMEXIT_INVALID_32;
}

static inline struct vmcb *svm_vmcb(const struct vcpu *vcpu) { return (struct vmcb *)vcpu->backend[SVM_VCPU_VMCB]; }

/* Each change of the VMCB is told here, with the clean bits (CLEAN_*) of what has changed. */
static inline void svm_changed(struct vcpu *vcpu, uint32_t clean)
{
    svm_vmcb(vcpu)->control.clean &= ~clean;
    vcpu->backend[SVM_VCPU_INSTRUCTIONS] = 0;
}

/* control.c: fills svm_machine. NULL, or an error text. */
const char *svm_control_init(void);

/* control.c: a VMCB with the state after reset ("Initial Processor State") and the kernel's controls. */
void svm_control_reset(struct vcpu *vcpu);

/* asid.c, virt_ops.vcpu_load: gives the vCPU an ASID of this pCPU, with nothing in the TLB, if it has none. */
void svm_asid_load(struct vcpu *vcpu);

/* Whether it has one, and no flush is owed: then svm_asid_load does nothing. */
static inline bool svm_asid_is_loaded(const struct pcpu *pcpu, const struct vcpu *vcpu)
{
    return vcpu->backend[SVM_VCPU_PCPU] == pcpu->id + 1 && !pcpu->backend[SVM_PCPU_FLUSH_OWED] &&
           vcpu->backend[SVM_VCPU_GENERATION] == pcpu->backend[SVM_PCPU_ASID_GENERATION];
}

/* asid.c, virt_ops.flush: lets the next entry find nothing of this vCPU in the TLB. */
void svm_asid_flush(struct vcpu *vcpu);

/* asid.c: an entry did what tlb_control asked for. */
void svm_asid_flushed(struct vcpu *vcpu);

/* inject.c: virt_ops of these names. */
bool svm_interrupts_on(struct vcpu *vcpu);
void svm_inject(struct vcpu *vcpu);
void svm_inject_gp(struct vcpu *vcpu);

/* inject.c: makes the guest see an exception at RIP, without or with an error code, instead of what else was to be
 * injected again. */
void svm_inject_exception(struct vcpu *vcpu, unsigned vector);
void svm_inject_exception_error(struct vcpu *vcpu, unsigned vector, uint32_t error);

/* inject.c: an exit came while an event was delivered; keeps it, so that it is delivered after all. */
void svm_inject_again(struct vcpu *vcpu);

/* inject.c: a virtual interrupt that the guest has not taken is pending again. For each exit after one was given. */
void svm_inject_withdraw(struct vcpu *vcpu);

/* A row of the exit table. */
struct svm_exit_row {
    struct exit_row row;
    uint8_t length; /* of the instruction in bytes, without prefixes; 0: not exited by one; or one of these: */
    bool direct;    /* an instruction whose handler does not mind that the guest's state of VMLOAD is still in the CPU */
};
enum { SVM_LENGTH_VARIES = 0xff, SVM_LENGTH_IO = 0xfe /* the next RIP is in exitinfo2 */ };

/* exits.c: the table. Rows below SVM_CODES_LOW are at their EXITCODE; svm_exit_row finds the others too, and has one for
 * codes that the manual has not. */
enum { SVM_CODES_LOW = 0xa7, SVM_ROW_NPF = SVM_CODES_LOW };
extern const struct svm_exit_row svm_exit_table[];
const struct svm_exit_row *svm_exit_row(uint64_t exitcode);

/* exits.c: virt_ops.exit_reason. The counter of an exit, in vcpu.exit_count, has the index of its row. */
uint64_t svm_exit_reason(unsigned index);

/* fields.c: prepares the look-up; virt_ops.field_read, virt_ops.field_write, and virt_ops.refused_read. */
void svm_fields_init(void);
int svm_field_read(struct vcpu *vcpu, uint64_t what, uint64_t *value);
int svm_field_write(struct vcpu *vcpu, uint64_t what, uint64_t value);
int svm_refused_read(struct vcpu *vcpu, uint64_t what, uint64_t *value);

/* entry.asm: enter the guest of `vmcb`, whose general registers are at `gpr`. They come back in svm_exit. svm_load is for
 * going on from there with another guest, when the state of neither the first nor the host is loaded. */
_Noreturn void svm_entry(hpa_t vmcb, uint64_t *gpr);
_Noreturn void svm_load(hpa_t vmcb, uint64_t *gpr);

/* The same as svm_entry, for virt_ops.enter_bare. */
_Noreturn void svm_entry_bare(hpa_t vmcb, uint64_t *gpr);

/* vcpu.c: the two halves of an exit, called by entry.asm at the top of the kernel stack. Where the first returns, the exit's
 * handler has run with GIF 0 and with the guest's state of VMLOAD still in the CPU. The second returns the VMCB's
 * physical address if the guest goes on so, behind its instruction or with it; else it takes another way into some guest, or into
 * ring 3. */
enum verdict svm_exit(struct vcpu *vcpu);
uint64_t svm_exit_end(struct vcpu *vcpu, enum verdict verdict);

/* vcpu.c: virt_ops of these names. */
bool svm_vcpu_init(struct vcpu *vcpu);
void svm_vcpu_free(struct vcpu *vcpu);
_Noreturn void svm_enter(struct vcpu *vcpu);
_Noreturn void svm_enter_bare(struct vcpu *vcpu);
_Noreturn void svm_run_behind(struct vcpu *vcpu);
void svm_skip(struct vcpu *vcpu);
void svm_exit_record(struct vcpu *vcpu, struct exit_record *record, unsigned groups);

#endif
