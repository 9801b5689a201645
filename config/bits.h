/*
 * Every bit that a test can need, and the control bits among them, which a lab can set: one list a register,
 * X(group, bit, name).
 */
#ifndef CONFIG_BITS_H
#define CONFIG_BITS_H

/* "Pin-Based VM-Execution Controls" */
#define BITS_PIN(X)                                                                                                   \
    X(PIN, 0, PIN_EXTERNAL_INTERRUPT) X(PIN, 3, PIN_NMI) X(PIN, 5, PIN_VIRTUAL_NMIS) X(PIN, 6, PIN_PREEMPTION_TIMER)  \
    X(PIN, 7, PIN_POSTED_INTERRUPTS)

/* "Processor-Based VM-Execution Controls": primary */
#define BITS_PROC(X)                                                                                                  \
    X(PROC, 2, PROC_INTERRUPT_WINDOW) X(PROC, 3, PROC_TSC_OFFSETTING) X(PROC, 7, PROC_HLT) X(PROC, 9, PROC_INVLPG)    \
    X(PROC, 10, PROC_MWAIT) X(PROC, 11, PROC_RDPMC) X(PROC, 12, PROC_RDTSC) X(PROC, 15, PROC_CR3_LOAD)                \
    X(PROC, 16, PROC_CR3_STORE) X(PROC, 17, PROC_TERTIARY) X(PROC, 19, PROC_CR8_LOAD) X(PROC, 20, PROC_CR8_STORE)     \
    X(PROC, 21, PROC_TPR_SHADOW) X(PROC, 22, PROC_NMI_WINDOW) X(PROC, 23, PROC_MOV_DR)                                \
    X(PROC, 24, PROC_UNCONDITIONAL_IO) X(PROC, 25, PROC_IO_BITMAPS) X(PROC, 27, PROC_MONITOR_TRAP_FLAG)               \
    X(PROC, 28, PROC_MSR_BITMAPS) X(PROC, 29, PROC_MONITOR) X(PROC, 30, PROC_PAUSE) X(PROC, 31, PROC_SECONDARY)

/* The same, secondary */
#define BITS_PROC2(X)                                                                                                 \
    X(PROC2, 0, PROC2_VIRTUALIZE_APIC_ACCESSES) X(PROC2, 1, PROC2_EPT) X(PROC2, 2, PROC2_DESCRIPTOR_TABLE)            \
    X(PROC2, 3, PROC2_RDTSCP) X(PROC2, 4, PROC2_VIRTUALIZE_X2APIC) X(PROC2, 5, PROC2_VPID) X(PROC2, 6, PROC2_WBINVD)  \
    X(PROC2, 7, PROC2_UNRESTRICTED_GUEST) X(PROC2, 8, PROC2_APIC_REGISTER_VIRTUALIZATION)                             \
    X(PROC2, 9, PROC2_VIRTUAL_INTERRUPT_DELIVERY) X(PROC2, 10, PROC2_PAUSE_LOOP) X(PROC2, 11, PROC2_RDRAND)           \
    X(PROC2, 12, PROC2_INVPCID) X(PROC2, 13, PROC2_VMFUNC) X(PROC2, 14, PROC2_VMCS_SHADOWING)                         \
    X(PROC2, 15, PROC2_ENCLS) X(PROC2, 16, PROC2_RDSEED) X(PROC2, 17, PROC2_PML) X(PROC2, 18, PROC2_EPT_VIOLATION_VE) \
    X(PROC2, 19, PROC2_CONCEAL_FROM_PT) X(PROC2, 20, PROC2_XSAVES) X(PROC2, 21, PROC2_PASID_TRANSLATION)              \
    X(PROC2, 22, PROC2_MODE_BASED_EXECUTE) X(PROC2, 23, PROC2_SUB_PAGE_WRITE) X(PROC2, 24, PROC2_PT_USES_GPA)         \
    X(PROC2, 25, PROC2_TSC_SCALING) X(PROC2, 26, PROC2_USER_WAIT_PAUSE) X(PROC2, 27, PROC2_PCONFIG)                   \
    X(PROC2, 28, PROC2_ENCLV) X(PROC2, 30, PROC2_BUS_LOCK_DETECTION) X(PROC2, 31, PROC2_INSTRUCTION_TIMEOUT)

/* The same, tertiary */
#define BITS_PROC3(X)                                                                                                 \
    X(PROC3, 0, PROC3_LOADIWKEY) X(PROC3, 1, PROC3_HLAT) X(PROC3, 2, PROC3_EPT_PAGING_WRITE)                          \
    X(PROC3, 3, PROC3_GUEST_PAGING_VERIFICATION) X(PROC3, 4, PROC3_IPI_VIRTUALIZATION)                                \
    X(PROC3, 7, PROC3_VIRTUALIZE_SPEC_CTRL)

/* "VM-Exit Controls" */
#define BITS_EXITC(X)                                                                                                 \
    X(EXITC, 2, EXITC_SAVE_DEBUG) X(EXITC, 9, EXITC_HOST_64) X(EXITC, 12, EXITC_LOAD_PERF_GLOBAL_CTRL)                \
    X(EXITC, 15, EXITC_ACKNOWLEDGE_INTERRUPT) X(EXITC, 18, EXITC_SAVE_PAT) X(EXITC, 19, EXITC_LOAD_PAT)               \
    X(EXITC, 20, EXITC_SAVE_EFER) X(EXITC, 21, EXITC_LOAD_EFER) X(EXITC, 22, EXITC_SAVE_PREEMPTION_TIMER)             \
    X(EXITC, 23, EXITC_CLEAR_BNDCFGS) X(EXITC, 24, EXITC_CONCEAL_FROM_PT) X(EXITC, 25, EXITC_CLEAR_RTIT_CTL)          \
    X(EXITC, 26, EXITC_CLEAR_LBR_CTL) X(EXITC, 27, EXITC_CLEAR_UINV) X(EXITC, 28, EXITC_LOAD_CET)                     \
    X(EXITC, 29, EXITC_LOAD_PKRS) X(EXITC, 30, EXITC_SAVE_PERF_GLOBAL_CTRL) X(EXITC, 31, EXITC_SECONDARY)

/* The same, secondary */
#define BITS_EXITC2(X)                                                                                                \
    X(EXITC2, 0, EXITC2_SAVE_FRED) X(EXITC2, 1, EXITC2_LOAD_FRED) X(EXITC2, 2, EXITC2_LOAD_SPEC_CTRL)                 \
    X(EXITC2, 3, EXITC2_PREMATURELY_BUSY_SHADOW_STACK)

/* "VM-Entry Controls" */
#define BITS_ENTRYC(X)                                                                                                \
    X(ENTRYC, 2, ENTRYC_LOAD_DEBUG) X(ENTRYC, 9, ENTRYC_IA32E_MODE_GUEST) X(ENTRYC, 10, ENTRYC_SMM)                   \
    X(ENTRYC, 11, ENTRYC_DEACTIVATE_DUAL_MONITOR) X(ENTRYC, 13, ENTRYC_LOAD_PERF_GLOBAL_CTRL)                         \
    X(ENTRYC, 14, ENTRYC_LOAD_PAT) X(ENTRYC, 15, ENTRYC_LOAD_EFER) X(ENTRYC, 16, ENTRYC_LOAD_BNDCFGS)                 \
    X(ENTRYC, 17, ENTRYC_CONCEAL_FROM_PT) X(ENTRYC, 18, ENTRYC_LOAD_RTIT_CTL) X(ENTRYC, 19, ENTRYC_LOAD_UINV)         \
    X(ENTRYC, 20, ENTRYC_LOAD_CET) X(ENTRYC, 21, ENTRYC_LOAD_LBR_CTL) X(ENTRYC, 22, ENTRYC_LOAD_PKRS)                 \
    X(ENTRYC, 23, ENTRYC_LOAD_FRED) X(ENTRYC, 24, ENTRYC_LOAD_SPEC_CTRL)

/* "VPID and EPT Capabilities" */
#define BITS_EPT(X)                                                                                                   \
    X(EPT, 0, EPT_EXECUTE_ONLY) X(EPT, 6, EPT_WALK_4) X(EPT, 7, EPT_WALK_5) X(EPT, 8, EPT_UC) X(EPT, 14, EPT_WB)      \
    X(EPT, 16, EPT_2M) X(EPT, 17, EPT_1G) X(EPT, 20, EPT_INVEPT) X(EPT, 21, EPT_ACCESSED_DIRTY)                       \
    X(EPT, 22, EPT_ADVANCED_EXIT_INFORMATION) X(EPT, 23, EPT_SUPERVISOR_SHADOW_STACK) X(EPT, 25, EPT_INVEPT_SINGLE)   \
    X(EPT, 26, EPT_INVEPT_ALL) X(EPT, 32, EPT_INVVPID) X(EPT, 40, EPT_INVVPID_ADDRESS) X(EPT, 41, EPT_INVVPID_SINGLE) \
    X(EPT, 42, EPT_INVVPID_ALL) X(EPT, 43, EPT_INVVPID_SINGLE_RETAINING_GLOBALS)

/* "VM Functions" */
#define BITS_FUNCTION(X) X(FUNCTION, 0, FUNCTION_EPTP_SWITCHING)

/* "Basic VMX Information" */
#define BITS_BASIC(X)                                                                                                 \
    X(BASIC, 48, BASIC_ADDRESSES_32_BIT) X(BASIC, 49, BASIC_DUAL_MONITOR) X(BASIC, 54, BASIC_INS_OUTS_INFORMATION)    \
    X(BASIC, 55, BASIC_TRUE_CONTROLS) X(BASIC, 56, BASIC_ANY_ERROR_CODE) X(BASIC, 58, BASIC_NESTED_EXCEPTION)

/* "Miscellaneous Data" */
#define BITS_MISC(X)                                                                                                  \
    X(MISC, 5, MISC_STORES_LMA) X(MISC, 6, MISC_ACTIVITY_HLT) X(MISC, 7, MISC_ACTIVITY_SHUTDOWN)                      \
    X(MISC, 8, MISC_ACTIVITY_WAIT_FOR_SIPI) X(MISC, 14, MISC_PT_IN_VMX) X(MISC, 15, MISC_RDMSR_SMBASE_IN_SMM)         \
    X(MISC, 28, MISC_BLOCKS_SMI_AT_VMXOFF) X(MISC, 29, MISC_VMWRITE_ANY_FIELD) X(MISC, 30, MISC_INJECT_LENGTH_0)

/* "CPUID Fn8000_000A_EDX SVM Feature Identification" */
#define BITS_SVM(X)                                                                                                   \
    X(SVM, 0, SVM_NESTED_PAGING) X(SVM, 1, SVM_LBR_VIRTUALIZATION) X(SVM, 2, SVM_LOCK) X(SVM, 3, SVM_NRIP_SAVE)       \
    X(SVM, 4, SVM_TSC_RATE_MSR) X(SVM, 5, SVM_VMCB_CLEAN) X(SVM, 6, SVM_FLUSH_BY_ASID) X(SVM, 7, SVM_DECODE_ASSISTS)  \
    X(SVM, 10, SVM_PAUSE_FILTER) X(SVM, 12, SVM_PAUSE_FILTER_THRESHOLD) X(SVM, 13, SVM_AVIC)                          \
    X(SVM, 15, SVM_VIRTUAL_VMLOAD_VMSAVE) X(SVM, 16, SVM_VIRTUAL_GIF) X(SVM, 17, SVM_GMET) X(SVM, 18, SVM_X2AVIC)     \
    X(SVM, 19, SVM_SUPERVISOR_SHADOW_STACK) X(SVM, 20, SVM_SPEC_CTRL) X(SVM, 21, SVM_READ_ONLY_GUEST_TABLES)          \
    X(SVM, 23, SVM_HOST_MCE_OVERRIDE) X(SVM, 24, SVM_TLB_CONTROL) X(SVM, 25, SVM_VIRTUAL_NMI)                         \
    X(SVM, 26, SVM_IBS_VIRTUALIZATION) X(SVM, 28, SVM_VMRUN_ADDRESS_CHECK) X(SVM, 29, SVM_BUS_LOCK_THRESHOLD)          \
    X(SVM, 30, SVM_IDLE_HLT)

/* The words of the intercept vector, "VMCB Layout, Control Area" */
#define BITS_MISC1(X)                                                                                                 \
    X(MISC1, 0, INTERCEPT_INTR) X(MISC1, 1, INTERCEPT_NMI) X(MISC1, 2, INTERCEPT_SMI) X(MISC1, 3, INTERCEPT_INIT)     \
    X(MISC1, 4, INTERCEPT_VINTR) X(MISC1, 5, INTERCEPT_CR0_SELECTIVE_WRITE) X(MISC1, 6, INTERCEPT_IDTR_READ)          \
    X(MISC1, 7, INTERCEPT_GDTR_READ) X(MISC1, 8, INTERCEPT_LDTR_READ) X(MISC1, 9, INTERCEPT_TR_READ)                  \
    X(MISC1, 10, INTERCEPT_IDTR_WRITE) X(MISC1, 11, INTERCEPT_GDTR_WRITE) X(MISC1, 12, INTERCEPT_LDTR_WRITE)          \
    X(MISC1, 13, INTERCEPT_TR_WRITE) X(MISC1, 14, INTERCEPT_RDTSC) X(MISC1, 15, INTERCEPT_RDPMC)                      \
    X(MISC1, 16, INTERCEPT_PUSHF) X(MISC1, 17, INTERCEPT_POPF) X(MISC1, 18, INTERCEPT_CPUID)                          \
    X(MISC1, 19, INTERCEPT_RSM) X(MISC1, 20, INTERCEPT_IRET) X(MISC1, 21, INTERCEPT_INTN)                             \
    X(MISC1, 22, INTERCEPT_INVD) X(MISC1, 23, INTERCEPT_PAUSE) X(MISC1, 24, INTERCEPT_HLT)                            \
    X(MISC1, 25, INTERCEPT_INVLPG) X(MISC1, 26, INTERCEPT_INVLPGA) X(MISC1, 27, INTERCEPT_IOIO)                       \
    X(MISC1, 28, INTERCEPT_MSR) X(MISC1, 29, INTERCEPT_TASK_SWITCH) X(MISC1, 30, INTERCEPT_FERR_FREEZE)               \
    X(MISC1, 31, INTERCEPT_SHUTDOWN)
#define BITS_MISC2(X)                                                                                                 \
    X(MISC2, 0, INTERCEPT_VMRUN) X(MISC2, 1, INTERCEPT_VMMCALL) X(MISC2, 2, INTERCEPT_VMLOAD)                         \
    X(MISC2, 3, INTERCEPT_VMSAVE) X(MISC2, 4, INTERCEPT_STGI) X(MISC2, 5, INTERCEPT_CLGI)                             \
    X(MISC2, 6, INTERCEPT_SKINIT) X(MISC2, 7, INTERCEPT_RDTSCP) X(MISC2, 8, INTERCEPT_ICEBP)                          \
    X(MISC2, 9, INTERCEPT_WBINVD) X(MISC2, 10, INTERCEPT_MONITOR) X(MISC2, 11, INTERCEPT_MWAIT)                       \
    X(MISC2, 12, INTERCEPT_MWAIT_ARMED) X(MISC2, 13, INTERCEPT_XSETBV) X(MISC2, 14, INTERCEPT_RDPRU)                  \
    X(MISC2, 15, INTERCEPT_EFER_WRITE_TRAP)
#define BITS_MISC3(X)                                                                                                 \
    X(MISC3, 0, INTERCEPT_INVLPGB) X(MISC3, 1, INTERCEPT_INVLPGB_ILLEGAL) X(MISC3, 2, INTERCEPT_INVPCID)              \
    X(MISC3, 3, INTERCEPT_MCOMMIT) X(MISC3, 4, INTERCEPT_TLBSYNC)

/* CPUID as the guest sees it */
#define BITS_CPU1C(X)                                                                                                 \
    X(CPU1C, 3, CPU_MONITOR) X(CPU1C, 5, CPU_VMX) X(CPU1C, 17, CPU_PCID) X(CPU1C, 21, CPU_X2APIC)                     \
    X(CPU1C, 26, CPU_XSAVE) X(CPU1C, 30, CPU_RDRAND)
#define BITS_CPU1D(X)                                                                                                 \
    X(CPU1D, 4, CPU_TSC) X(CPU1D, 5, CPU_MSR) X(CPU1D, 9, CPU_APIC) X(CPU1D, 11, CPU_SEP) X(CPU1D, 16, CPU_PAT)       \
    X(CPU1D, 19, CPU_CLFLUSH) X(CPU1D, 25, CPU_SSE)
#define BITS_CPU7B(X)                                                                                                 \
    X(CPU7B, 0, CPU_FSGSBASE) X(CPU7B, 1, CPU_TSC_ADJUST) X(CPU7B, 7, CPU_SMEP) X(CPU7B, 10, CPU_INVPCID)             \
    X(CPU7B, 14, CPU_MPX) X(CPU7B, 18, CPU_RDSEED) X(CPU7B, 20, CPU_SMAP) X(CPU7B, 24, CPU_CLWB)
#define BITS_CPU7C(X)                                                                                                 \
    X(CPU7C, 2, CPU_UMIP) X(CPU7C, 3, CPU_PKU) X(CPU7C, 5, CPU_WAITPKG) X(CPU7C, 7, CPU_CET_SS)                       \
    X(CPU7C, 16, CPU_LA57) X(CPU7C, 22, CPU_RDPID) X(CPU7C, 31, CPU_PKS)
#define BITS_CPUD1(X)                                                                                                 \
    X(CPUD1, 0, CPU_XSAVEOPT) X(CPUD1, 1, CPU_XSAVEC) X(CPUD1, 2, CPU_XGETBV_1) X(CPUD1, 3, CPU_XSAVES)
#define BITS_CPUX1C(X) X(CPUX1C, 2, CPU_SVM) X(CPUX1C, 12, CPU_SKINIT) X(CPUX1C, 29, CPU_MONITORX)
#define BITS_CPUX1D(X)                                                                                                \
    X(CPUX1D, 11, CPU_SYSCALL) X(CPUX1D, 20, CPU_NX) X(CPUX1D, 26, CPU_PAGE_1G) X(CPUX1D, 27, CPU_RDTSCP)

/* CPUID.01H:ECX of the CPU itself, as far as a guest of Nestor is not told */
#define BITS_HW1C(X) X(HW1C, 3, HW_MONITOR) X(HW1C, 6, HW_SMX) X(HW1C, 26, HW_XSAVE)

/*
 * Where the bits of the CPU's own groups are told: X(group, kind, number, second). The number is that of a capability
 * register, as in struct machine_cap; where the second one is there, it counts more. The kind: CONTROLS has what may be 0 in
 * bits 31:0, as zeros, and what may be 1 in 63:32; of FLAGS any bit that is 1 may be used.
 */
#define BIT_SOURCES(X)                                                                                                \
    X(BASIC, FLAGS, 0x480, 0) X(PIN, CONTROLS, 0x481, 0x48d) X(PROC, CONTROLS, 0x482, 0x48e)                          \
    X(PROC2, CONTROLS, 0x48b, 0) X(PROC3, FLAGS, 0x492, 0) X(EXITC, CONTROLS, 0x483, 0x48f)                           \
    X(EXITC2, FLAGS, 0x493, 0) X(ENTRYC, CONTROLS, 0x484, 0x490) X(MISC, FLAGS, 0x485, 0) X(EPT, FLAGS, 0x48c, 0)     \
    X(FUNCTION, FLAGS, 0x491, 0) X(SVM, FLAGS, CAP_CPUID | 3ull << 32 | 0x8000000a, 0)

/* X(group, name of the list) for each of them; 0 is no group. */
#define BIT_GROUPS(X)                                                                                                 \
    X(1, PIN) X(2, PROC) X(3, PROC2) X(4, PROC3) X(5, EXITC) X(6, ENTRYC) X(7, EPT) X(8, FUNCTION) X(9, BASIC)        \
    X(10, MISC) X(11, SVM) X(12, MISC1) X(13, MISC2) X(14, MISC3) X(15, CPU1C) X(16, CPU1D) X(17, CPU7B) X(18, CPU7C) \
    X(19, CPUD1) X(20, CPUX1C) X(21, CPUX1D) X(22, HW1C) X(23, EXITC2)

#define ALL_BITS(X)                                                                                                   \
    BITS_PIN(X) BITS_PROC(X) BITS_PROC2(X) BITS_PROC3(X) BITS_EXITC(X) BITS_ENTRYC(X) BITS_EPT(X) BITS_FUNCTION(X)    \
    BITS_BASIC(X) BITS_MISC(X) BITS_SVM(X) BITS_MISC1(X) BITS_MISC2(X) BITS_MISC3(X) BITS_CPU1C(X) BITS_CPU1D(X)      \
    BITS_CPU7B(X) BITS_CPU7C(X) BITS_CPUD1(X) BITS_CPUX1C(X) BITS_CPUX1D(X) BITS_HW1C(X) BITS_EXITC2(X)

#endif
