/* The bits of a guest's control registers, EFER and RFLAGS by name: X(group, bit, name). */
#ifndef CONFIG_REGISTERS_H
#define CONFIG_REGISTERS_H

/* "Control Registers" */
#define REGISTER_BITS(X)                                                                                              \
    X(CR0, 0, CR0_PE) X(CR0, 1, CR0_MP) X(CR0, 2, CR0_EM) X(CR0, 3, CR0_TS) X(CR0, 4, CR0_ET) X(CR0, 5, CR0_NE)       \
    X(CR0, 16, CR0_WP) X(CR0, 18, CR0_AM) X(CR0, 29, CR0_NW) X(CR0, 30, CR0_CD) X(CR0, 31, CR0_PG)                    \
    X(CR4, 0, CR4_VME) X(CR4, 1, CR4_PVI) X(CR4, 2, CR4_TSD) X(CR4, 3, CR4_DE) X(CR4, 4, CR4_PSE) X(CR4, 5, CR4_PAE)  \
    X(CR4, 6, CR4_MCE) X(CR4, 7, CR4_PGE) X(CR4, 8, CR4_PCE) X(CR4, 9, CR4_OSFXSR) X(CR4, 10, CR4_OSXMMEXCPT)         \
    X(CR4, 11, CR4_UMIP) X(CR4, 12, CR4_LA57) X(CR4, 13, CR4_VMXE) X(CR4, 14, CR4_SMXE) X(CR4, 16, CR4_FSGSBASE)      \
    X(CR4, 17, CR4_PCIDE) X(CR4, 18, CR4_OSXSAVE) X(CR4, 19, CR4_KL) X(CR4, 20, CR4_SMEP) X(CR4, 21, CR4_SMAP)        \
    X(CR4, 22, CR4_PKE) X(CR4, 23, CR4_CET) X(CR4, 24, CR4_PKS) X(CR4, 25, CR4_UINTR) X(CR4, 28, CR4_LAM_SUP)         \
    X(CR4, 32, CR4_FRED)

/* "Extended Feature Enable Register" of both manuals; "EFLAGS Register", without its bit that is always 1 */
#define REGISTER_BITS_MORE(X)                                                                                         \
    X(EFER, 0, EFER_SCE) X(EFER, 8, EFER_LME) X(EFER, 10, EFER_LMA) X(EFER, 11, EFER_NXE) X(EFER, 12, EFER_SVME)      \
    X(EFER, 13, EFER_LMSLE) X(EFER, 14, EFER_FFXSR) X(EFER, 15, EFER_TCE) X(RFLAGS, 0, RFLAGS_CF)                     \
    X(RFLAGS, 2, RFLAGS_PF) X(RFLAGS, 4, RFLAGS_AF) X(RFLAGS, 6, RFLAGS_ZF) X(RFLAGS, 7, RFLAGS_SF)                   \
    X(RFLAGS, 8, RFLAGS_TF) X(RFLAGS, 9, RFLAGS_IF) X(RFLAGS, 10, RFLAGS_DF) X(RFLAGS, 11, RFLAGS_OF)                 \
    X(RFLAGS, 14, RFLAGS_NT) X(RFLAGS, 16, RFLAGS_RF) X(RFLAGS, 17, RFLAGS_VM) X(RFLAGS, 18, RFLAGS_AC)               \
    X(RFLAGS, 19, RFLAGS_VIF) X(RFLAGS, 20, RFLAGS_VIP) X(RFLAGS, 21, RFLAGS_ID)

#endif
