/*
 * The instructions of "Instructions That Cause VM Exits", and some that never exit, but have intercepts with SVM, as rows:
 * their bytes, when they exit, with what, and which faults come first. Operands: memory at [RBX], a register RCX.
 */
#ifndef GUESTS_TESTS_INSN_ROWS_H
#define GUESTS_TESTS_INSN_ROWS_H

#include "guests/lib/lab/lab.h"

enum { INSN_NEEDS = 4, INSN_MSR = 0x174 /* IA32_SYSENTER_CS */, INSN_PORT = 0x5000 };

/* Before the instruction runs: what it needs besides bytes and controls. The registers are the row's, RBX is `data`. */
struct insn;
typedef void insn_prepare(const struct insn *insn, struct code_registers *registers, void *data, bool exits);

struct insn {
    const char *label;
    const char *code;
    unsigned length;
    uint64_t reason;              /* NO_EXIT if it never exits */
    uint16_t control;             /* it exits if this is set; 0: always, or as `prepare` sets it up */
    uint16_t enable;              /* #UD without this control */
    uint16_t needs[INSN_NEEDS];   /* besides those two */
    bool can_pass;                /* there is a way not to exit */
    enum { USER_ANY, USER_GP, USER_UD, USER_AFTER_EXIT /* exits even so, else #GP */ } user; /* in CPL 3 */
    enum { OPERAND_NONE, OPERAND_READ, OPERAND_WRITE, OPERAND_FIRST /* read before the exit */ } operand;
    bool waits;                   /* if it does not exit, it waits for events */
    uint64_t fault, error;        /* fault: 0 none, else what it does if it does not exit, vector | FAULT */
    uint64_t user_error;          /* the same in CPL 3 with another error code, where the row has USER_GP */
    uint64_t rax, rcx, rdx;
    uint64_t qualification;       /* of the exit */
    bool qualification_is_data;   /* it is the address of the operand */
    uint32_t info, info_mask;     /* instruction information, and which bits of it are defined */
    insn_prepare *prepare;
};
#define FAULT(vector) ((vector) | 0x100)
#define FAULT_VECTOR(fault) ((fault) & 0xff)

insn_prepare insn_shadow_ts, insn_shadow_tsd, insn_mov_cr3, insn_tpr_shadow, insn_trap_msr, insn_trap_port,
    insn_trap_open_port, insn_load_gdt, insn_load_idt, insn_load_tr, insn_osxsave, insn_xsaves, insn_smx, insn_debug_extensions;

/* Sets the controls: the row's own, and all other ones that make instructions exit. */
void insn_controls(const struct insn *insn, bool own, bool others);

/* What else the machine must have, for .row_needs. */
const uint16_t *insn_needs(const struct insn *insn);

/* "VM-Exit Instruction-Information Field": memory at [RBX] in 64-bit mode; the registers' numbers. */
#define INFO_RBX       (2u << 7 | 3u << 15 | 1u << 22 | 3u << 23)
#define INFO_RBX_MASK  (7u << 7 | 1u << 10 | 7u << 15 | 1u << 22 | 15u << 23 | 1u << 27)
#define INFO_REG1(n)   ((uint32_t)(n) << 3)
#define INFO_REG2(n)   ((uint32_t)(n) << 28)
#define INFO_WHICH(n)  ((uint32_t)(n) << 28)
#define INFO_REGISTER  (1u << 10)
#define MEMORY_INFO(more, more_mask) .info = INFO_RBX | (more), .info_mask = INFO_RBX_MASK | (more_mask)

#define CODE(bytes) .code = (bytes), .length = sizeof(bytes) - 1
#define ALWAYS(reason_) .reason = (reason_)
#define IF(control_, reason_) .control = (control_), .reason = (reason_), .can_pass = true
#define BY(prepare_, reason_) .prepare = (prepare_), .reason = (reason_), .can_pass = true
#define NEVER .reason = NO_EXIT, .can_pass = true
#define UNDEFINED NEVER, .fault = FAULT(EXCEPTION_UD), .user = USER_UD
#define TABLE(n) IF(PROC2_DESCRIPTOR_TABLE, (n) < 4 ? EXIT_GDTR_IDTR : EXIT_LDTR_TR)
#define TABLE_MEMORY(n) TABLE(n), MEMORY_INFO(INFO_WHICH((n) & 3), INFO_WHICH(3))
#define TABLE_REGISTER(n)                                                                                             \
    TABLE(n), .info = INFO_WHICH((n) & 3) | INFO_REGISTER | INFO_REG1(GPR_RCX),                                       \
              .info_mask = INFO_WHICH(3) | INFO_REGISTER | INFO_REG1(15)
#define READS .operand = OPERAND_READ
#define WRITES .operand = OPERAND_WRITE
#define RANDOM .info = INFO_REG1(GPR_RCX) | 1u << 11, .info_mask = INFO_REG1(15) | 3u << 11

#define INSNS(X)                                                                                                      \
    X("cpuid", CODE("\x0f\xa2"), ALWAYS(EXIT_CPUID))                                                                  \
    X("invd", CODE("\x0f\x08"), ALWAYS(EXIT_INVD), .user = USER_GP)                                                   \
    X("xsetbv", CODE("\x0f\x01\xd1"), ALWAYS(EXIT_XSETBV), .user = USER_GP, .rax = 1, .prepare = insn_osxsave,        \
      .needs = {HW_XSAVE})                                                                                            \
    X("xsetbv-bad", CODE("\x0f\x01\xd1"), ALWAYS(EXIT_XSETBV), .user = USER_GP, .rcx = 77, .prepare = insn_osxsave,   \
      .needs = {HW_XSAVE})                                                                                            \
    X("xsetbv-off", CODE("\x0f\x01\xd1"), UNDEFINED, .rax = 1)                                                        \
    X("getsec-off", CODE("\x0f\x37"), UNDEFINED)                                                                      \
    X("getsec", CODE("\x0f\x37"), ALWAYS(EXIT_GETSEC), .prepare = insn_smx, .needs = {HW_SMX})                         \
    X("rsm", CODE("\x0f\xaa"), UNDEFINED)                                                                             \
    X("hlt", CODE("\xf4"), IF(PROC_HLT, EXIT_HLT), .user = USER_GP, .waits = true, .needs = {PIN_PREEMPTION_TIMER})   \
    X("pause", CODE("\xf3\x90"), IF(PROC_PAUSE, EXIT_PAUSE))                                                          \
    X("rdtsc", CODE("\x0f\x31"), IF(PROC_RDTSC, EXIT_RDTSC))                                                          \
    X("rdtscp", CODE("\x0f\x01\xf9"), IF(PROC_RDTSC, EXIT_RDTSCP), .enable = PROC2_RDTSCP)                            \
    X("rdpmc", CODE("\x0f\x33"), IF(PROC_RDPMC, EXIT_RDPMC), .user = USER_GP)                                         \
    X("rdpmc-bad", CODE("\x0f\x33"), IF(PROC_RDPMC, EXIT_RDPMC), .user = USER_GP, .rcx = 0x12345678,                  \
      .fault = FAULT(EXCEPTION_GP))                                                                                   \
    X("invlpg", CODE("\x0f\x01\x3b"), IF(PROC_INVLPG, EXIT_INVLPG), .user = USER_GP, .qualification_is_data = true)   \
    X("invpcid", CODE("\x66\x0f\x38\x82\x0b"), IF(PROC_INVLPG, EXIT_INVPCID), .enable = PROC2_INVPCID,                \
      .user = USER_GP, READS, .rcx = 2, MEMORY_INFO(INFO_REG2(GPR_RCX), INFO_REG2(15)))                               \
    X("invpcid-bad", CODE("\x66\x0f\x38\x82\x0b"), IF(PROC_INVLPG, EXIT_INVPCID), .enable = PROC2_INVPCID,            \
      .user = USER_GP, .rcx = 9, .fault = FAULT(EXCEPTION_GP), MEMORY_INFO(INFO_REG2(GPR_RCX), INFO_REG2(15)))        \
    X("monitor", CODE("\x0f\x01\xc8"), IF(PROC_MONITOR, EXIT_MONITOR), .user = USER_UD, READS, .needs = {HW_MONITOR}) \
    X("monitor-bad", CODE("\x0f\x01\xc8"), IF(PROC_MONITOR, EXIT_MONITOR), .user = USER_UD, .rcx = 1,                 \
      .fault = FAULT(EXCEPTION_GP), .needs = {HW_MONITOR})                                                            \
    X("mwait", CODE("\x0f\x01\xc9"), IF(PROC_MWAIT, EXIT_MWAIT), .user = USER_UD, .needs = {HW_MONITOR})              \
    X("wbinvd", CODE("\x0f\x09"), IF(PROC2_WBINVD, EXIT_WBINVD), .user = USER_GP)                                     \
    X("wbnoinvd", CODE("\xf3\x0f\x09"), IF(PROC2_WBINVD, EXIT_WBINVD), .user = USER_GP)                               \
    X("rdrand", CODE("\x0f\xc7\xf1"), IF(PROC2_RDRAND, EXIT_RDRAND), RANDOM)                                          \
    X("rdseed", CODE("\x0f\xc7\xf9"), IF(PROC2_RDSEED, EXIT_RDSEED), RANDOM)                                          \
    X("umwait", CODE("\xf2\x0f\xae\xf1"), IF(PROC_RDTSC, EXIT_UMWAIT), .enable = PROC2_USER_WAIT_PAUSE,               \
      .info = INFO_REG1(GPR_RCX), .info_mask = INFO_REG1(15))                                                         \
    X("tpause", CODE("\x66\x0f\xae\xf1"), IF(PROC_RDTSC, EXIT_TPAUSE), .enable = PROC2_USER_WAIT_PAUSE,               \
      .info = INFO_REG1(GPR_RCX), .info_mask = INFO_REG1(15))                                                         \
    X("xsaves", CODE("\x0f\xc7\x2b"), NEVER, .enable = PROC2_XSAVES, .user = USER_GP, WRITES, .rax = 1,               \
      .prepare = insn_xsaves)                                                                                         \
    X("xrstors", CODE("\x0f\xc7\x1b"), NEVER, .enable = PROC2_XSAVES, .user = USER_GP, READS, .rax = 1,               \
      .prepare = insn_xsaves)                                                                                         \
    X("sgdt", CODE("\x0f\x01\x03"), TABLE_MEMORY(0), WRITES)                                                          \
    X("sidt", CODE("\x0f\x01\x0b"), TABLE_MEMORY(1), WRITES)                                                          \
    X("lgdt", CODE("\x0f\x01\x13"), TABLE_MEMORY(2), READS, .user = USER_GP, .prepare = insn_load_gdt)                \
    X("lidt", CODE("\x0f\x01\x1b"), TABLE_MEMORY(3), READS, .user = USER_GP, .prepare = insn_load_idt)                \
    X("sldt", CODE("\x0f\x00\xc1"), TABLE_REGISTER(4))                                                                \
    X("str", CODE("\x0f\x00\xc9"), TABLE_REGISTER(5))                                                                 \
    X("lldt", CODE("\x0f\x00\xd1"), TABLE_REGISTER(6), .user = USER_GP)                                               \
    X("ltr", CODE("\x0f\x00\xd9"), TABLE_REGISTER(7), .user = USER_GP, .rcx = SELECTOR_TSS, .prepare = insn_load_tr)  \
    X("lldt-bad", CODE("\x0f\x00\xd1"), TABLE_REGISTER(6), .user = USER_GP, .rcx = SELECTOR_DATA,                     \
      .fault = FAULT(EXCEPTION_GP), .error = SELECTOR_DATA)                                                           \
    X("ltr-bad", CODE("\x0f\x00\xd9"), TABLE_REGISTER(7), .user = USER_GP, .rcx = SELECTOR_DATA,                      \
      .fault = FAULT(EXCEPTION_GP), .error = SELECTOR_DATA)                                                           \
    X("sldt-memory", CODE("\x0f\x00\x03"), TABLE_MEMORY(4), WRITES)                                                   \
    X("str-memory", CODE("\x0f\x00\x0b"), TABLE_MEMORY(5), WRITES)                                                    \
    X("lldt-memory", CODE("\x0f\x00\x13"), TABLE_MEMORY(6), READS, .user = USER_GP)                                   \
    X("ltr-memory", CODE("\x0f\x00\x1b"), TABLE_MEMORY(7), READS, .user = USER_GP, .prepare = insn_load_tr)           \
    X("clts", CODE("\x0f\x06"), BY(insn_shadow_ts, EXIT_CR_ACCESS), .user = USER_GP,                                  \
      .qualification = CR_QUALIFICATION(0, CR_ACCESS_CLTS, 0))                                                        \
    X("lmsw", CODE("\x0f\x01\xf1"), BY(insn_shadow_ts, EXIT_CR_ACCESS), .user = USER_GP, .rcx = 1,                    \
      .qualification = LMSW_QUALIFICATION(false, 0))                                                                  \
    X("lmsw-memory", CODE("\x0f\x01\x33"), BY(insn_shadow_ts, EXIT_CR_ACCESS), .user = USER_GP,                       \
      .rcx = 1, .operand = OPERAND_FIRST, .qualification = LMSW_QUALIFICATION(true, 0))                               \
    X("smsw", CODE("\x0f\x01\xe1"), NEVER)                                                                            \
    X("smsw-memory", CODE("\x0f\x01\x23"), NEVER, WRITES)                                                             \
    X("mov-to-cr0", CODE("\x0f\x22\xc1"), BY(insn_shadow_ts, EXIT_CR_ACCESS), .user = USER_GP,                        \
      .qualification = CR_QUALIFICATION(0, CR_ACCESS_TO, GPR_RCX))                                                    \
    X("mov-from-cr0", CODE("\x0f\x20\xc1"), NEVER, .user = USER_GP)                                                   \
    X("mov-to-cr2", CODE("\x0f\x22\xd1"), NEVER, .user = USER_GP)                                                     \
    X("mov-from-cr2", CODE("\x0f\x20\xd1"), NEVER, .user = USER_GP)                                                   \
    X("mov-to-cr3", CODE("\x0f\x22\xd9"), IF(PROC_CR3_LOAD, EXIT_CR_ACCESS), .user = USER_GP,                         \
      .prepare = insn_mov_cr3, .qualification = CR_QUALIFICATION(3, CR_ACCESS_TO, GPR_RCX))                           \
    X("mov-from-cr3", CODE("\x0f\x20\xd9"), IF(PROC_CR3_STORE, EXIT_CR_ACCESS), .user = USER_GP,                      \
      .qualification = CR_QUALIFICATION(3, CR_ACCESS_FROM, GPR_RCX))                                                  \
    X("mov-to-cr4", CODE("\x0f\x22\xe1"), BY(insn_shadow_tsd, EXIT_CR_ACCESS), .user = USER_GP,                       \
      .qualification = CR_QUALIFICATION(4, CR_ACCESS_TO, GPR_RCX))                                                    \
    X("mov-from-cr4", CODE("\x0f\x20\xe1"), NEVER, .user = USER_GP)                                                   \
    X("mov-to-cr8", CODE("\x44\x0f\x22\xc1"), IF(PROC_CR8_LOAD, EXIT_CR_ACCESS), .user = USER_GP,                     \
      .prepare = insn_tpr_shadow, .needs = {PROC_TPR_SHADOW},                                                         \
      .qualification = CR_QUALIFICATION(8, CR_ACCESS_TO, GPR_RCX))                                                    \
    X("mov-from-cr8", CODE("\x44\x0f\x20\xc1"), IF(PROC_CR8_STORE, EXIT_CR_ACCESS), .user = USER_GP,                  \
      .prepare = insn_tpr_shadow, .needs = {PROC_TPR_SHADOW},                                                         \
      .qualification = CR_QUALIFICATION(8, CR_ACCESS_FROM, GPR_RCX))                                                  \
    X("mov-to-dr7", CODE("\x0f\x23\xf9"), IF(PROC_MOV_DR, EXIT_MOV_DR), .user = USER_AFTER_EXIT, .rcx = 0x400,        \
      .qualification = DR_QUALIFICATION(7, false, GPR_RCX))                                                           \
    X("mov-from-dr7", CODE("\x0f\x21\xf9"), IF(PROC_MOV_DR, EXIT_MOV_DR), .user = USER_AFTER_EXIT,                    \
      .qualification = DR_QUALIFICATION(7, true, GPR_RCX))                                                            \
    X("mov-from-dr4", CODE("\x0f\x21\xe1"), IF(PROC_MOV_DR, EXIT_MOV_DR), .user = USER_AFTER_EXIT,                    \
      .qualification = DR_QUALIFICATION(4, true, GPR_RCX))                                                            \
    X("mov-from-dr4-de", CODE("\x0f\x21\xe1"), IF(PROC_MOV_DR, EXIT_MOV_DR), .fault = FAULT(EXCEPTION_UD),            \
      .prepare = insn_debug_extensions, .qualification = DR_QUALIFICATION(4, true, GPR_RCX))                          \
    X("rdmsr", CODE("\x0f\x32"), BY(insn_trap_msr, EXIT_RDMSR), .user = USER_GP, .rcx = INSN_MSR,                     \
      .needs = {PROC_MSR_BITMAPS})                                                                                    \
    X("wrmsr", CODE("\x0f\x30"), BY(insn_trap_msr, EXIT_WRMSR), .user = USER_GP, .rcx = INSN_MSR,                     \
      .needs = {PROC_MSR_BITMAPS})                                                                                    \
    X("in", CODE("\xec"), BY(insn_trap_port, EXIT_IO), .user = USER_GP, .rdx = INSN_PORT, .needs = {PROC_IO_BITMAPS}, \
      .qualification = IO_QUALIFICATION(INSN_PORT, 1, true, false, false, false))                                     \
    X("out", CODE("\xee"), BY(insn_trap_port, EXIT_IO), .user = USER_GP, .rdx = INSN_PORT, .needs = {PROC_IO_BITMAPS},\
      .qualification = IO_QUALIFICATION(INSN_PORT, 1, false, false, false, false))                                    \
    X("ins", CODE("\x6c"), BY(insn_trap_port, EXIT_IO), .user = USER_GP, .rdx = INSN_PORT, .needs = {PROC_IO_BITMAPS},\
      WRITES, .qualification = IO_QUALIFICATION(INSN_PORT, 1, true, true, false, false))                              \
    X("outs", CODE("\x6e"), BY(insn_trap_port, EXIT_IO), .user = USER_GP, .rdx = INSN_PORT,                           \
      .needs = {PROC_IO_BITMAPS}, READS, .qualification = IO_QUALIFICATION(INSN_PORT, 1, false, true, false, false))  \
    X("in-open", CODE("\xec"), BY(insn_trap_open_port, EXIT_IO), .rdx = INSN_PORT, .needs = {PROC_IO_BITMAPS},        \
      .qualification = IO_QUALIFICATION(INSN_PORT, 1, true, false, false, false))                                     \
    X("out-open", CODE("\xee"), BY(insn_trap_open_port, EXIT_IO), .rdx = INSN_PORT, .needs = {PROC_IO_BITMAPS},       \
      .qualification = IO_QUALIFICATION(INSN_PORT, 1, false, false, false, false))                                    \
    X("ins-open", CODE("\x6c"), BY(insn_trap_open_port, EXIT_IO), .rdx = INSN_PORT, .needs = {PROC_IO_BITMAPS},       \
      WRITES, .qualification = IO_QUALIFICATION(INSN_PORT, 1, true, true, false, false))                              \
    X("outs-open", CODE("\x6e"), BY(insn_trap_open_port, EXIT_IO), .rdx = INSN_PORT, .needs = {PROC_IO_BITMAPS},      \
      READS, .qualification = IO_QUALIFICATION(INSN_PORT, 1, false, true, false, false))                              \
    X("pushf", CODE("\x9c"), NEVER)                                                                                   \
    X("popf", CODE("\x9c\x9d"), NEVER)                                                                                \
    X("iret", CODE("\x8c\xd1\x48\x89\xe0\x51\x50\x9c\x8c\xc9\x51\x48\x8d\x05\x03\x00\x00\x00\x50\x48\xcf"), NEVER)    \
    X("int", CODE("\xcd\x80"), NEVER, .fault = FAULT(0x80), .user = USER_GP, .user_error = 0x80 << 3 | 2)             \
    X("int3", CODE("\xcc"), NEVER, .fault = FAULT(EXCEPTION_BP), .user = USER_GP, .user_error = 3 << 3 | 2)           \
    X("icebp", CODE("\xf1"), NEVER, .fault = FAULT(EXCEPTION_DB))                                                     \
    X("vmcall", CODE("\x0f\x01\xc1"), ALWAYS(EXIT_VMCALL))                                                            \
    X("vmlaunch", CODE("\x0f\x01\xc2"), ALWAYS(EXIT_VMLAUNCH))                                                        \
    X("vmresume", CODE("\x0f\x01\xc3"), ALWAYS(EXIT_VMRESUME))                                                        \
    X("vmxoff", CODE("\x0f\x01\xc4"), ALWAYS(EXIT_VMXOFF))                                                            \
    X("vmxon", CODE("\xf3\x0f\xc7\x33"), ALWAYS(EXIT_VMXON), READS, MEMORY_INFO(0, 0))                                \
    X("vmclear", CODE("\x66\x0f\xc7\x33"), ALWAYS(EXIT_VMCLEAR), READS, MEMORY_INFO(0, 0))                            \
    X("vmptrld", CODE("\x0f\xc7\x33"), ALWAYS(EXIT_VMPTRLD), READS, MEMORY_INFO(0, 0))                                \
    X("vmptrst", CODE("\x0f\xc7\x3b"), ALWAYS(EXIT_VMPTRST), WRITES, MEMORY_INFO(0, 0))                               \
    X("vmread", CODE("\x0f\x78\x0b"), ALWAYS(EXIT_VMREAD), WRITES, MEMORY_INFO(INFO_REG2(GPR_RCX), INFO_REG2(15)))    \
    X("vmwrite", CODE("\x0f\x79\x0b"), ALWAYS(EXIT_VMWRITE), READS, MEMORY_INFO(INFO_REG2(GPR_RCX), INFO_REG2(15)))   \
    X("invept", CODE("\x66\x0f\x38\x80\x0b"), ALWAYS(EXIT_INVEPT), READS, .needs = {EPT_INVEPT},                      \
      MEMORY_INFO(INFO_REG2(GPR_RCX), INFO_REG2(15)))                                                                 \
    X("invvpid", CODE("\x66\x0f\x38\x81\x0b"), ALWAYS(EXIT_INVVPID), READS, .needs = {EPT_INVVPID},                   \
      MEMORY_INFO(INFO_REG2(GPR_RCX), INFO_REG2(15)))                                                                 \
    X("vmfunc-off", CODE("\x0f\x01\xd4"), UNDEFINED)                                                                  \
    X("vmrun", CODE("\x0f\x01\xd8"), UNDEFINED, .needs = {NOT(CPU_SVM)})                                              \
    X("vmmcall", CODE("\x0f\x01\xd9"), UNDEFINED, .needs = {NOT(CPU_SVM)})                                            \
    X("vmload", CODE("\x0f\x01\xda"), UNDEFINED, .needs = {NOT(CPU_SVM)})                                             \
    X("vmsave", CODE("\x0f\x01\xdb"), UNDEFINED, .needs = {NOT(CPU_SVM)})                                             \
    X("stgi", CODE("\x0f\x01\xdc"), UNDEFINED, .needs = {NOT(CPU_SVM)})                                               \
    X("clgi", CODE("\x0f\x01\xdd"), UNDEFINED, .needs = {NOT(CPU_SVM)})                                               \
    X("skinit", CODE("\x0f\x01\xde"), UNDEFINED, .needs = {NOT(CPU_SVM)})                                             \
    X("invlpga", CODE("\x0f\x01\xdf"), UNDEFINED, .needs = {NOT(CPU_SVM)})

#define INSN_ROW(label_, ...) {.label = (label_), __VA_ARGS__},
#define INSN_LABEL(label_, ...) label_,

#endif
