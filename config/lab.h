/*
 * The lab: how the guest of a VM with `lab = yes` sets the control fields of its own vCPU and watches its own VM exits.
 * Its hypercalls are answered by its monitor; what they may reach is bounded by the kernel's field policy. Addresses are
 * guest-physical. docs/lab-interface.md tells the same in words.
 */
#ifndef CONFIG_LAB_H
#define CONFIG_LAB_H

#include "config/abi.h"

/*
 * What a (what, value) pair names: with LAB_FIELD, which is 0, a VMCS field encoding (VMX) or VMCB_FIELD (SVM); else the
 * kind in bits 63:56 and what it says there. The guest names ports, MSRs and its own physical addresses, never the host's:
 * the value of a field that holds an address (virtual-APIC page, APIC-access page, VMREAD and VMWRITE bitmaps, PML,
 * virtualization-exception information) is a guest-physical one in guest memory; 0, as at the start, is a page that nobody reads; bits
 * 11:0 stay as given.
 * Of the EPT pointer, only bits 11:0 can be set.
 */
#define LAB_KIND_SHIFT 56
enum lab_kind {
    LAB_FIELD,
    LAB_PORT,        /* | port: 1 its bit in the I/O bitmap or permission map is set, 0 it is clear */
    LAB_MSR_READ,    /* | MSR: the same in the MSR bitmap or permission map, for RDMSR */
    LAB_MSR_WRITE,   /* | MSR: for WRMSR */
    LAB_NESTED,      /* | gpa, a multiple of 4 KiB, | level (1: 4 KiB entry, 2: 2 MiB, 3: 1 GiB): all bits of the EPT or
                      *   NPT entry but its address and, above level 1, PS, which stay as they are whatever is written */
    LAB_ENTRY_LOAD,  /* | index << 32 | MSR: an entry of the VM-entry MSR-load area (VMX) */
    LAB_EXIT_STORE,  /* | index << 32 | MSR: of the VM-exit MSR-store area; reading gives what the exit stored */
    LAB_EXIT_LOAD,   /* | index << 32 | MSR: of the VM-exit MSR-load area */
    LAB_EPTP,        /* | index: an entry of the EPTP list (VMX): 0 an invalid one, 1 or 2 one of two EPT pointers to the
                      *   same memory, the first of which is the VM's own */
    LAB_VMX,         /* | enum lab_vmx_part: a VMX instruction on VMCS regions that are the lab's own (VMX) */
    LAB_PROBE,       /* | LAB_PROBE_ADDRESS | gpa, read only: the host's address of that page of the guest. VMX: | field, of
                      *   the current VMCS of LAB_VMX, any, and untranslated. SVM: | gpa, writing anything executes VMRUN of
                      *   the VMCB in that page. For VMs with `lab = full` */
    LAB_CAP,         /* | number as in machine_cap (bit 55 for CAP_CPUID): a capability register, or any CPUID register, of
                      *   the CPU that Nestor runs on; read only; 0 where there is none. Answered by the monitor */
    LAB_HOST,        /* | MSR: the host's value as found right after the last observed exit (EFER, PAT); read only */
    LAB_DEADLINE,    /* for the monitor alone: TSC at which the vCPU's next host exit is handed to it; 0 = none */
    LAB_ALL,         /* for the monitor alone: any value written brings all of the above back to normal */
};
#define LAB_WHAT(kind, number) ((uint64_t)(kind) << LAB_KIND_SHIFT | (uint64_t)(number))
#define LAB_NUMBER(what) ((what) & ((1ull << LAB_KIND_SHIFT) - 1))
#define LAB_PROBE_ADDRESS (1ull << 55) /* in the number of LAB_PROBE */
#define LAB_CAP_CPUID (1ull << 55) /* in the number of LAB_CAP, for CAP_CPUID */

enum { LAB_MSR_ENTRIES = 16, LAB_NESTED_ENTRIES = 16, LAB_EXITS = 8 };

/*
 * A lab has two VMCS regions of its own, A and B, on which it can have VMX instructions executed as in VMX root
 * operation, and see their results: write operands and LAB_VMX_RUN, and read what came of it, as often as wanted.
 * Whichever region is the current VMCS stays so for the next instruction; to begin with there is none. Addresses are
 * LAB_VMX_A and so on, with bits 63:52 and 11:0 as the guest likes: these make them wrong ones. A VM entry never
 * succeeds, as the host's TR selector is always 0, but with `lab = full`: then it is made with the VMCS as it is, and comes
 * back by the VM exit, if HOST_RIP is that of LAB_VMX_HOST. What comes back has flags as VMsucceed has them, and its exit
 * is in the VMCS. Between two instructions the launch state is clear; with LAB_VMX_DATA 1, an entry is the second after
 * VMLAUNCH.
 */
enum lab_vmx_part {
    LAB_VMX_OPERAND, /* the register operand: a field's encoding, or a type of invalidation */
    LAB_VMX_POINTER, /* the address in the memory operand; of INVVPID: the descriptor's bits 63:0; of INVEPT: those of
                      * them that differ from the VM's EPT pointer */
    LAB_VMX_DATA,    /* what VMWRITE writes; the descriptor's bits 127:64; of LAB_VMX_REVISE */
    LAB_VMX_RUN,     /* writing an enum lab_vmx_run runs it */
    LAB_VMX_FLAGS,   /* RFLAGS after that; CF, PF, AF, ZF, SF and OF were 1 before */
    LAB_VMX_ERROR,   /* the VM-instruction error field, if ZF is 1 */
    LAB_VMX_VALUE,   /* what VMREAD has read; of VMPTRST LAB_VMX_A and so on, or all ones */
    LAB_VMX_PARTS,
};
enum lab_vmx_run {
    LAB_VMX_VMCLEAR, LAB_VMX_VMPTRLD, LAB_VMX_VMPTRST, LAB_VMX_VMREAD, LAB_VMX_VMWRITE, LAB_VMX_VMLAUNCH,
    LAB_VMX_VMRESUME, LAB_VMX_VMLAUNCH_BLOCKED, LAB_VMX_VMRESUME_BLOCKED, /* these two right behind MOV SS */
    LAB_VMX_VMXON, LAB_VMX_INVEPT, LAB_VMX_INVVPID, /* the latter where there is one */
    LAB_VMX_REVISE, /* no instruction: the region has the CPU's revision identifier with the bits of LAB_VMX_DATA
                     * inverted, and zeros behind that */
    LAB_VMX_HOST,   /* none either: the current VMCS has the host-state area with which an exit comes back; `lab = full` */
    LAB_VMX_RUNS,
};
enum { LAB_VMX_A = 0x0000, LAB_VMX_B = 0x1000, LAB_VMX_VMXON_REGION = 0x2000, LAB_VMX_REGIONS = 3 };

/* Lists of pairs may be of any length that fits in guest memory. */
struct lab_pair {
    uint64_t what, value;
};

/* Why HC_LAB_MACHINE refused a pair. */
struct lab_refusal {
    uint64_t what;
    uint64_t bits;  /* that can't be as asked for; 0: there is no such field, or it is read-only */
    char why[112];  /* 0-terminated */
};

/* What becomes of the guest after an observed exit. */
enum lab_action {
    LAB_RETURN,  /* goes on behind HC_LAB_OBSERVE, which seems to return 1, with all registers as they were then: those of
                  * the control block and the general ones, but not MSRs or debug registers beside them, nor memory:
                  * the frame that makes the call must still be there. Observation is over. VMX: a control whose exit would come
                  * again at once is cleared: interrupt and NMI window, monitor trap flag, TPR threshold, preemption timer,
                  * page-modification logging */
    LAB_SKIP,    /* goes on behind the instruction; where the exit tells no length, as LAB_RETURN */
    LAB_ENTER,   /* enters again at the same place */
    LAB_EMULATE, /* what the monitor does for a guest that nobody observes */
    LAB_INJECT,  /* enters again with the event in `argument`: bits as in the VM-entry interruption-information field
                  * (on SVM, too), the error code in 63:32 */
};

/*
 * What HC_LAB_OBSERVE (gpa of this, action, argument) fills, from then on until the next call of it, of HC_LAB_GUARD or
 * HC_LAB_RESET. A null gpa ends it. Observed are all exits but: those by which the host gets its own interrupts and NMIs,
 * nested page faults on memory that the kernel backs, exits that no control of the guest asked for and the kernel sees to
 * (#DB, #AC, interrupt windows), and the hypercalls HC_MONITOR and up in CPL 0.
 * A VM entry that failed is observed as an exit with the reason that VMX gives it; one by VMfail has the reason
 * LAB_VMFAIL | VM-instruction error.
 */
#define LAB_VMFAIL    0x100000000ull
#define LAB_TIME_OVER 0x200000000ull /* the reason by which the kernel tells the monitor that LAB_DEADLINE has passed */
struct lab_observation {
    uint64_t exits;                    /* that came; after 10,000 the guest goes on as with LAB_RETURN */
    uint64_t gpr[GPR_COUNT];           /* general registers at the first of them */
    struct exit_record exit[LAB_EXITS]; /* the first of them, all groups filled */
};

/* What HC_LAB_GUARD seems to return when the guest comes back to it: then it is over, and observation too. */
enum lab_guard {
    LAB_GUARD_TIME = 1, /* the time is up */
    LAB_GUARD_EXITS,    /* too many exits */
    LAB_GUARD_DEATH,    /* an exit that would have ended the VM: observation.exit[0] */
};

#endif
