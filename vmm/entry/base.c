/* Known-good bases: guest state for each mode, and for who has none, controls and host state. */
#include "vmm/entry/rule.h"

#define PAT_RESET 0x0007040600070406ull

/* Descriptors as a kernel has them: CS 8, data 10H, TSS 18H. */
#define SEGMENT(name, selector, base, limit, rights)                                                                   \
    SET(GUEST_##name##_SELECTOR, selector), SET(GUEST_##name##_BASE, base), SET(GUEST_##name##_LIMIT, limit),          \
        SET(GUEST_##name##_ACCESS_RIGHTS, rights)
#define FLAT(name)         SEGMENT(name, 0x10, 0, 0xffffffff, 0xc093)
#define REAL(name, rights) SEGMENT(name, 0x100, 0x1000, 0xffff, rights)
#define FLAT_SEGMENTS(cs_rights)                                                                                       \
    SEGMENT(CS, 8, 0, 0xffffffff, cs_rights), FLAT(SS), FLAT(DS), FLAT(ES), FLAT(FS), FLAT(GS)
#define REAL_SEGMENTS(cs_rights, rights)                                                                               \
    REAL(CS, cs_rights), REAL(SS, rights), REAL(DS, rights), REAL(ES, rights), REAL(FS, rights), REAL(GS, rights)

#define CONTROL_REGISTERS(cr0, cr4, efer)                                                                              \
    SET(GUEST_CR0, (cr0) | CR0_NE | CR0_ET), SET(GUEST_CR4, (cr4) | CR4_VMXE), SET(GUEST_IA32_EFER, efer)

/* What is the same in all of them. */
static const struct entry_bits vmx_common[] = {
    SEGMENT(LDTR, 0, 0, 0, AR_UNUSABLE),
    SEGMENT(TR, 0x18, 0, 0x67, 0x8b),
    SET(GUEST_GDTR_BASE, 0),
    SET(GUEST_GDTR_LIMIT, 0xffff),
    SET(GUEST_IDTR_BASE, 0),
    SET(GUEST_IDTR_LIMIT, 0xffff),
    SET(GUEST_DR7, 0x400),
    SET(GUEST_IA32_DEBUGCTL, 0),
    SET(GUEST_IA32_PAT, PAT_RESET),
    SET(GUEST_SYSENTER_CS, 0),
    SET(GUEST_SYSENTER_ESP, 0),
    SET(GUEST_SYSENTER_EIP, 0),
    SET(GUEST_INTERRUPTIBILITY, 0),
    SET(GUEST_ACTIVITY, 0),
    SET(GUEST_PENDING_DEBUG, 0),
    SET(VMCS_LINK_POINTER, ~0ull),
    SET(ENTRY_INTERRUPTION_INFO, 0),
    SET(ENTRY_EXCEPTION_ERROR_CODE, 0),
    SET(ENTRY_INSTRUCTION_LENGTH, 0),
    SET(GUEST_RFLAGS, RFLAGS_ONE | RFLAGS_IF),
    SET(GUEST_PDPTE0, 0),
    SET(GUEST_PDPTE1, 0),
    SET(GUEST_PDPTE2, 0),
    SET(GUEST_PDPTE3, 0),
    {0},
};

static const struct entry_bits long64[] = {
    CONTROL_REGISTERS(CR0_PE | CR0_PG | CR0_WP, CR4_PAE, EFER_LME | EFER_LMA),
    ON(ENTRY_CONTROLS, ENTRYC_IA32E_MODE_GUEST),
    FLAT_SEGMENTS(0xa09b),
    {0},
};
static const struct entry_bits compat[] = {
    CONTROL_REGISTERS(CR0_PE | CR0_PG | CR0_WP, CR4_PAE, EFER_LME | EFER_LMA),
    ON(ENTRY_CONTROLS, ENTRYC_IA32E_MODE_GUEST),
    FLAT_SEGMENTS(0xc09b),
    {0},
};
static const struct entry_bits paged32[] = {
    CONTROL_REGISTERS(CR0_PE | CR0_PG | CR0_WP, 0, 0),
    OFF(ENTRY_CONTROLS, ENTRYC_IA32E_MODE_GUEST),
    FLAT_SEGMENTS(0xc09b),
    {0},
};
static const struct entry_bits pae[] = {
    CONTROL_REGISTERS(CR0_PE | CR0_PG | CR0_WP, CR4_PAE, 0),
    OFF(ENTRY_CONTROLS, ENTRYC_IA32E_MODE_GUEST),
    FLAT_SEGMENTS(0xc09b),
    {0},
};
static const struct entry_bits unpaged[] = {
    CONTROL_REGISTERS(CR0_PE, 0, 0),
    OFF(ENTRY_CONTROLS, ENTRYC_IA32E_MODE_GUEST),
    FLAT_SEGMENTS(0xc09b),
    {0},
};
static const struct entry_bits real[] = {
    CONTROL_REGISTERS(0, 0, 0),
    OFF(ENTRY_CONTROLS, ENTRYC_IA32E_MODE_GUEST),
    REAL_SEGMENTS(0x9b, 0x93),
    {0},
};
static const struct entry_bits vm86[] = {
    CONTROL_REGISTERS(CR0_PE | CR0_PG, 0, 0),
    OFF(ENTRY_CONTROLS, ENTRYC_IA32E_MODE_GUEST),
    REAL_SEGMENTS(0xf3, 0xf3),
    SET(GUEST_RFLAGS, RFLAGS_VM | RFLAGS_ONE | RFLAGS_IF),
    {0},
};

static const struct entry_bits restricted[] = {OFF(PROC2_CONTROLS, PROC2_UNRESTRICTED_GUEST), {0}};
static const struct entry_bits restricted_hlt[] = {
    OFF(PROC2_CONTROLS, PROC2_UNRESTRICTED_GUEST), SET(GUEST_ACTIVITY, 1), {0}};
static const struct entry_bits unrestricted[] = {ON(PROC2_CONTROLS, PROC2_UNRESTRICTED_GUEST), {0}};
static const struct entry_bits unrestricted_hlt[] = {
    ON(PROC2_CONTROLS, PROC2_UNRESTRICTED_GUEST), SET(GUEST_ACTIVITY, 1), {0}};

/* Virtual-8086 mode has CPL 3, and HLT activity state goes with CPL 0 alone. */
static const struct entry_base vmx_bases[] = {
    {"long64", BASE_LONG64, {vmx_common, long64, restricted}},
    {"compat", BASE_COMPAT, {vmx_common, compat, restricted}},
    {"paged32", BASE_PAGED32, {vmx_common, paged32, restricted}},
    {"pae", BASE_PAE, {vmx_common, pae, restricted}},
    {"vm86", BASE_VM86, {vmx_common, vm86, restricted}},
    {"long64-ug", BASE_LONG64, {vmx_common, long64, unrestricted}},
    {"compat-ug", BASE_COMPAT, {vmx_common, compat, unrestricted}},
    {"paged32-ug", BASE_PAGED32, {vmx_common, paged32, unrestricted}},
    {"pae-ug", BASE_PAE, {vmx_common, pae, unrestricted}},
    {"unpaged", BASE_UNPAGED, {vmx_common, unpaged, unrestricted}},
    {"real", BASE_REAL, {vmx_common, real, unrestricted}},
    {"vm86-ug", BASE_VM86, {vmx_common, vm86, unrestricted}},
    {"long64-hlt", BASE_LONG64 | BASE_HLT, {vmx_common, long64, restricted_hlt}},
    {"compat-hlt", BASE_COMPAT | BASE_HLT, {vmx_common, compat, restricted_hlt}},
    {"paged32-hlt", BASE_PAGED32 | BASE_HLT, {vmx_common, paged32, restricted_hlt}},
    {"pae-hlt", BASE_PAE | BASE_HLT, {vmx_common, pae, restricted_hlt}},
    {"long64-ug-hlt", BASE_LONG64 | BASE_HLT, {vmx_common, long64, unrestricted_hlt}},
    {"compat-ug-hlt", BASE_COMPAT | BASE_HLT, {vmx_common, compat, unrestricted_hlt}},
    {"paged32-ug-hlt", BASE_PAGED32 | BASE_HLT, {vmx_common, paged32, unrestricted_hlt}},
    {"pae-ug-hlt", BASE_PAE | BASE_HLT, {vmx_common, pae, unrestricted_hlt}},
    {"unpaged-hlt", BASE_UNPAGED | BASE_HLT, {vmx_common, unpaged, unrestricted_hlt}},
    {"real-hlt", BASE_REAL | BASE_HLT, {vmx_common, real, unrestricted_hlt}},
};

/* ---- SVM ---------------------------------------------------------------------------------------------------- */

/* Attributes are bits 11:0: the descriptor's bits 55:52 and 47:40. */
#define SVM_SEGMENT(name, selector, base, limit, attributes)                                                           \
    SET(VMCB_##name##_SELECTOR, selector), SET(VMCB_##name##_BASE, base), SET(VMCB_##name##_LIMIT, limit),             \
        SET(VMCB_##name##_ATTRIBUTES, attributes)
#define SVM_SEGMENTS(cs, data, base, limit)                                                                            \
    SVM_SEGMENT(CS, (base) ? (base) >> 4 : 8, base, limit, cs),                                                        \
        SVM_SEGMENT(SS, (base) ? (base) >> 4 : 16, base, limit, data),                                                 \
        SVM_SEGMENT(DS, (base) ? (base) >> 4 : 16, base, limit, data),                                                 \
        SVM_SEGMENT(ES, (base) ? (base) >> 4 : 16, base, limit, data),                                                 \
        SVM_SEGMENT(FS, (base) ? (base) >> 4 : 16, base, limit, data),                                                 \
        SVM_SEGMENT(GS, (base) ? (base) >> 4 : 16, base, limit, data)
#define SVM_REGISTERS(cr0, cr4, efer)                                                                                  \
    SET(VMCB_CR0, (cr0) | CR0_ET), SET(VMCB_CR4, cr4), SET(VMCB_EFER, (efer) | EFER_SVME)

static const struct entry_bits svm_common[] = {
    SVM_SEGMENT(GDTR, 0, 0, 0xffff, 0),
    SVM_SEGMENT(IDTR, 0, 0, 0xffff, 0),
    SVM_SEGMENT(LDTR, 0, 0, 0, 0x82),
    SVM_SEGMENT(TR, 0x18, 0, 0x67, 0x8b),
    SET(VMCB_CPL, 0),
    SET(VMCB_DR6, 0xffff0ff0),
    SET(VMCB_DR7, 0x400),
    SET(VMCB_RFLAGS, RFLAGS_ONE | RFLAGS_IF),
    SET(VMCB_EVENTINJ, 0),
    SET(VMCB_INTERRUPT_SHADOW, 0),
    SET(VMCB_G_PAT, PAT_RESET),
    SET(VMCB_DBGCTL, 0),
    SET(VMCB_CLEAN, 0),
    SET(VMCB_S_CET, 0),
    {0},
};
static const struct entry_bits svm_long64[] = {
    SVM_REGISTERS(CR0_PE | CR0_PG | CR0_WP, CR4_PAE, EFER_LME | EFER_LMA),
    SVM_SEGMENTS(0xa9b, 0xc93, 0, 0xffffffff),
    {0},
};
static const struct entry_bits svm_compat[] = {
    SVM_REGISTERS(CR0_PE | CR0_PG | CR0_WP, CR4_PAE, EFER_LME | EFER_LMA),
    SVM_SEGMENTS(0xc9b, 0xc93, 0, 0xffffffff),
    {0},
};
static const struct entry_bits svm_paged32[] = {
    SVM_REGISTERS(CR0_PE | CR0_PG | CR0_WP, 0, 0),
    SVM_SEGMENTS(0xc9b, 0xc93, 0, 0xffffffff),
    {0},
};
static const struct entry_bits svm_pae[] = {
    SVM_REGISTERS(CR0_PE | CR0_PG | CR0_WP, CR4_PAE, 0),
    SVM_SEGMENTS(0xc9b, 0xc93, 0, 0xffffffff),
    {0},
};
static const struct entry_bits svm_unpaged[] = {
    SVM_REGISTERS(CR0_PE, 0, 0),
    SVM_SEGMENTS(0xc9b, 0xc93, 0, 0xffffffff),
    {0},
};
static const struct entry_bits svm_real[] = {SVM_REGISTERS(0, 0, 0), SVM_SEGMENTS(0x9b, 0x93, 0x1000, 0xffff), {0}};
static const struct entry_bits svm_vm86[] = {
    SVM_REGISTERS(CR0_PE | CR0_PG, 0, 0),
    SVM_SEGMENTS(0xf3, 0xf3, 0x1000, 0xffff),
    SET(VMCB_CPL, 3),
    SET(VMCB_RFLAGS, RFLAGS_VM | RFLAGS_ONE | RFLAGS_IF),
    {0},
};

static const struct entry_base svm_bases[] = {
    {"long64", BASE_LONG64, {svm_common, svm_long64}},    {"compat", BASE_COMPAT, {svm_common, svm_compat}},
    {"paged32", BASE_PAGED32, {svm_common, svm_paged32}}, {"pae", BASE_PAE, {svm_common, svm_pae}},
    {"unpaged", BASE_UNPAGED, {svm_common, svm_unpaged}}, {"real", BASE_REAL, {svm_common, svm_real}},
    {"vm86", BASE_VM86, {svm_common, svm_vm86}},
};

/* ---- Both --------------------------------------------------------------------------------------------------- */

unsigned entry_base_count(enum backend backend)
{
    return backend == BACKEND_SVM ? sizeof svm_bases / sizeof *svm_bases : sizeof vmx_bases / sizeof *vmx_bases;
}

const struct entry_base *entry_base(enum backend backend, unsigned number)
{
    return backend == BACKEND_SVM ? &svm_bases[number] : &vmx_bases[number];
}

/* A field that the block does not have is none that the CPU looks at. */
static void write_list(const struct entry_bits *list, const struct entry_block *block, const struct entry_caps *caps)
{
    for (; list && list->mask; list++)
        entry_write(list, 0, block, caps);
}

void entry_base_set(const struct entry_base *base, const struct entry_block *block, const struct entry_caps *caps)
{
    for (unsigned i = 0; i < sizeof base->part / sizeof *base->part; i++)
        write_list(base->part[i], block, caps);
}
