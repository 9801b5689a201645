/* What VMX exits tell: "VMX Basic Exit Reasons", "Exit Qualification", "VM-Exit Instruction-Information Field" and their kin. */
#ifndef GUESTS_LIB_LAB_VMX_H
#define GUESTS_LIB_LAB_VMX_H

#include <stdint.h>

/* X(number, name) */
#define VMX_EXIT_REASONS(X)                                                                                           \
    X(0, EXIT_EXCEPTION_NMI) X(1, EXIT_EXTERNAL_INTERRUPT) X(2, EXIT_TRIPLE_FAULT) X(3, EXIT_INIT) X(4, EXIT_SIPI)    \
    X(5, EXIT_IO_SMI) X(6, EXIT_OTHER_SMI) X(7, EXIT_INTERRUPT_WINDOW) X(8, EXIT_NMI_WINDOW) X(9, EXIT_TASK_SWITCH)   \
    X(10, EXIT_CPUID) X(11, EXIT_GETSEC) X(12, EXIT_HLT) X(13, EXIT_INVD) X(14, EXIT_INVLPG) X(15, EXIT_RDPMC)        \
    X(16, EXIT_RDTSC) X(17, EXIT_RSM) X(18, EXIT_VMCALL) X(19, EXIT_VMCLEAR) X(20, EXIT_VMLAUNCH)                     \
    X(21, EXIT_VMPTRLD) X(22, EXIT_VMPTRST) X(23, EXIT_VMREAD) X(24, EXIT_VMRESUME) X(25, EXIT_VMWRITE)               \
    X(26, EXIT_VMXOFF) X(27, EXIT_VMXON) X(28, EXIT_CR_ACCESS) X(29, EXIT_MOV_DR) X(30, EXIT_IO) X(31, EXIT_RDMSR)    \
    X(32, EXIT_WRMSR) X(33, EXIT_ENTRY_GUEST_STATE) X(34, EXIT_ENTRY_MSR_LOADING) X(36, EXIT_MWAIT)                   \
    X(37, EXIT_MONITOR_TRAP_FLAG) X(39, EXIT_MONITOR) X(40, EXIT_PAUSE) X(41, EXIT_ENTRY_MACHINE_CHECK)               \
    X(43, EXIT_TPR_BELOW_THRESHOLD) X(44, EXIT_APIC_ACCESS) X(45, EXIT_VIRTUALIZED_EOI) X(46, EXIT_GDTR_IDTR)         \
    X(47, EXIT_LDTR_TR) X(48, EXIT_EPT_VIOLATION) X(49, EXIT_EPT_MISCONFIGURATION) X(50, EXIT_INVEPT)                 \
    X(51, EXIT_RDTSCP) X(52, EXIT_PREEMPTION_TIMER) X(53, EXIT_INVVPID) X(54, EXIT_WBINVD) X(55, EXIT_XSETBV)         \
    X(56, EXIT_APIC_WRITE) X(57, EXIT_RDRAND) X(58, EXIT_INVPCID) X(59, EXIT_VMFUNC) X(60, EXIT_ENCLS)                \
    X(61, EXIT_RDSEED) X(62, EXIT_PML_FULL) X(63, EXIT_XSAVES) X(64, EXIT_XRSTORS) X(65, EXIT_PCONFIG)                \
    X(66, EXIT_SPP) X(67, EXIT_UMWAIT) X(68, EXIT_TPAUSE) X(69, EXIT_LOADIWKEY) X(70, EXIT_ENCLV)                     \
    X(74, EXIT_BUS_LOCK) X(75, EXIT_INSTRUCTION_TIMEOUT)

enum vmx_exit_reason {
#define X(number, name) name = number,
    VMX_EXIT_REASONS(X)
#undef X
};
#define EXIT_ENTRY_FAILED (1ull << 31) /* with it in the reason: the VM entry failed */

/* "Exit Qualification for I/O Instructions". bytes: 1, 2 or 4. */
#define IO_QUALIFICATION(port, bytes, in, string, rep, immediate)                                                     \
    ((uint64_t)(port) << 16 | (uint64_t)((bytes) - 1) | (uint64_t)(in) << 3 | (uint64_t)(string) << 4 |               \
     (uint64_t)(rep) << 5 | (uint64_t)(immediate) << 6)

/* "Exit Qualification for Control-Register Accesses". gpr: its number, enum gpr. */
enum cr_access { CR_ACCESS_TO, CR_ACCESS_FROM, CR_ACCESS_CLTS, CR_ACCESS_LMSW };
#define CR_QUALIFICATION(cr, access, gpr) ((uint64_t)(cr) | (uint64_t)(access) << 4 | (uint64_t)(gpr) << 8)
#define LMSW_QUALIFICATION(memory, source) ((uint64_t)CR_ACCESS_LMSW << 4 | (uint64_t)(memory) << 6 | (uint64_t)(source) << 16)

/* "Exit Qualification for MOV DR" */
#define DR_QUALIFICATION(dr, from, gpr) ((uint64_t)(dr) | (uint64_t)(from) << 4 | (uint64_t)(gpr) << 8)

/* "Exit Qualification for Task Switches" */
enum task_switch_source { TASK_CALL, TASK_IRET, TASK_JMP, TASK_IDT };
#define TASK_QUALIFICATION(selector, source) ((uint64_t)(selector) | (uint64_t)(source) << 30)

/* "Format of the VM-Exit Interruption-Information Field", of the VM-entry one, of the IDT-vectoring one. */
enum event_type {
    EVENT_EXTERNAL = 0, EVENT_NMI = 2, EVENT_HARDWARE_EXCEPTION = 3, EVENT_SOFTWARE_INTERRUPT = 4,
    EVENT_PRIVILEGED_SOFTWARE_EXCEPTION = 5, EVENT_SOFTWARE_EXCEPTION = 6, EVENT_OTHER = 7,
};
#define EVENT_ERROR_CODE (1u << 11)
#define EVENT_NMI_UNBLOCKING (1u << 12)
#define EVENT_VALID (1u << 31)
#define EVENT(type, vector) (EVENT_VALID | (uint32_t)(type) << 8 | (uint32_t)(vector))

/* "Exit Qualification for EPT Violations" */
enum ept_qualification {
    EPT_READ = 1 << 0, EPT_WRITE = 1 << 1, EPT_FETCH = 1 << 2, EPT_READABLE = 1 << 3, EPT_WRITABLE = 1 << 4,
    EPT_EXECUTABLE = 1 << 5, EPT_USER_EXECUTABLE = 1 << 6, EPT_LINEAR_VALID = 1 << 7, EPT_TRANSLATED = 1 << 8,
    EPT_NMI_UNBLOCKING = 1 << 12,
};

/* "Format of Interruptibility State" */
enum { BLOCKING_STI = 1 << 0, BLOCKING_MOV_SS = 1 << 1, BLOCKING_SMI = 1 << 2, BLOCKING_NMI = 1 << 3 };

/* GUEST_ACTIVITY */
enum { ACTIVITY_ACTIVE, ACTIVITY_HALTED, ACTIVITY_SHUT_DOWN, ACTIVITY_WAITS_FOR_SIPI };

#endif
