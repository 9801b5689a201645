/* A control block for who has none that works: controls and host state, as good as the CPU allows. */
#include "vmm/entry/rule.h"

enum { PAGE = 0x1000, CODE = 0x100000, STACK = 0x200000, TABLES = 0x8000 };

/* The CPU, memory, and places for what controls need. */
static const struct entry_bits state[] = {
    SET(STATE_INSTRUCTION, 0),
    SET(STATE_CPL, 0),
    SET(STATE_VMX_OPERATION, 1),
    SET(STATE_CPU_MODE, 0),
    SET(STATE_SMM, 0),
    SET(STATE_MOV_SS, 0),
    SET(STATE_CPU_CR0, CR0_PE | CR0_NE | CR0_ET | CR0_PG),
    SET(STATE_CPU_APIC_BASE, 0xfee00900),
    SET(STATE_CPU_RTIT_CTL, 0),
    SET(STATE_CURRENT_VMCS, 2 * PAGE),
    SET(STATE_LAUNCHED, 0),
    SET(STATE_VMXON_POINTER, 3 * PAGE),
    SET(STATE_VTPR, 0),
    SET(STATE_MEMORY_PDPTE0, 0),
    SET(STATE_MEMORY_PDPTE1, 0),
    SET(STATE_MEMORY_PDPTE2, 0),
    SET(STATE_MEMORY_PDPTE3, 0),
    SET(STATE_VMCB_ADDRESS, 4 * PAGE),
    SET(STATE_U_CET, 0),
    SET(STATE_SCRATCH_PAGE, 5 * PAGE),
    SET(STATE_LINK_PAGE, 6 * PAGE),
    SET(STATE_MSR_AREA, 7 * PAGE),
    SET(ENTRY_MSR_INDEX(0), 0xc0000102),
    SET(ENTRY_MSR_VALUE(0), 0),
    SET(ENTRY_MSR_INDEX(1), 0xc0000102),
    SET(ENTRY_MSR_VALUE(1), 0),
    COPY(STATE_CURRENT_VMCS_WORD, CAP_IA32_VMX_BASIC),
    NONE(STATE_CURRENT_VMCS_WORD, ~0ull << 31),
    COPY(STATE_LINK_WORD, CAP_IA32_VMX_BASIC),
    NONE(STATE_LINK_WORD, ~0ull << 31),
    {0},
};

static const struct entry_bits vmx_host[] = {
    SET(STATE_CPU_EFER, EFER_LME | EFER_LMA | EFER_NXE),
    SET(HOST_CR0, CR0_PE | CR0_NE | CR0_ET | CR0_PG | CR0_WP),
    SET(HOST_CR3, TABLES),
    SET(HOST_CR4, CR4_PAE | CR4_VMXE),
    SET(HOST_CS_SELECTOR, 8),
    SET(HOST_SS_SELECTOR, 0x10),
    SET(HOST_DS_SELECTOR, 0x10),
    SET(HOST_ES_SELECTOR, 0x10),
    SET(HOST_FS_SELECTOR, 0x10),
    SET(HOST_GS_SELECTOR, 0x10),
    SET(HOST_TR_SELECTOR, 0x18),
    SET(HOST_FS_BASE, 0),
    SET(HOST_GS_BASE, 0),
    SET(HOST_TR_BASE, 0),
    SET(HOST_GDTR_BASE, 0),
    SET(HOST_IDTR_BASE, 0),
    SET(HOST_SYSENTER_CS, 0),
    SET(HOST_SYSENTER_ESP, 0),
    SET(HOST_SYSENTER_EIP, 0),
    SET(HOST_RSP, STACK),
    SET(HOST_RIP, CODE),
    SET(HOST_IA32_EFER, EFER_LME | EFER_LMA),
    SET(HOST_IA32_PAT, 0x0007040600070406),
    {0},
};

static const struct entry_bits vmx_controls[] = {
    SET(VIRTUAL_PROCESSOR_ID, 1), SET(CR3_TARGET_COUNT, 0),     SET(EXIT_MSR_STORE_COUNT, 0),
    SET(EXIT_MSR_LOAD_COUNT, 0),  SET(ENTRY_MSR_LOAD_COUNT, 0), SET(EPT_POINTER, 9 * PAGE | 0x1e),
    SET(GUEST_CR3, TABLES),       SET(GUEST_RSP, STACK),        SET(GUEST_RIP, CODE),
    SET(EXCEPTION_BITMAP, 0),     SET(GUEST_SMBASE, 0),         {0},
};

static const struct entry_bits svm_block[] = {
    SET(STATE_CPU_EFER, EFER_LME | EFER_LMA | EFER_NXE | EFER_SVME),
    ON(VMCB_INTERCEPT_MISC2, INTERCEPT_VMRUN),
    SET(VMCB_INTERCEPT_CR, 0),
    SET(VMCB_INTERCEPT_MISC1, 0),
    SET(VMCB_IOPM_BASE_PA, 0x10000),
    SET(VMCB_MSRPM_BASE_PA, 0x14000),
    SET(VMCB_ASID, 1),
    SET(VMCB_V_INTR, 0),
    SET(VMCB_NESTED_CONTROL, 1),
    SET(VMCB_NESTED_CR3, 9 * PAGE),
    SET(VMCB_CR3, TABLES),
    SET(VMCB_RIP, CODE),
    SET(VMCB_RSP, STACK),
    {0},
};

static const struct entry_pair usual[] = {
    {STATE_CPL, 0}, {STATE_VMX_OPERATION, 1}, {STATE_CPU_MODE, 0}, {STATE_SMM, 0}, {STATE_MOV_SS, 0},
};
enum { USUAL = sizeof usual / sizeof *usual };

bool entry_state_usual(uint32_t field, uint64_t *value)
{
    for (unsigned i = 0; i < USUAL; i++)
        if (usual[i].field == field) {
            *value = usual[i].value;
            return true;
        }
    return false;
}

void entry_state_assume(const struct entry_block *block)
{
    uint64_t value;

    for (unsigned i = 0; i < USUAL; i++)
        if (!block->read(block->context, usual[i].field, &value))
            block->write(block->context, usual[i].field, usual[i].value);
}

static void write_list(const struct entry_bits *list, const struct entry_block *block, const struct entry_caps *caps)
{
    for (; list->mask; list++)
        entry_write(list, 0, block, caps);
}

/* What must be 1, and of `wanted` what may be. */
static void write_control(uint32_t field, uint64_t wanted, const struct entry_block *block,
                          const struct entry_caps *caps)
{
    struct entry_context context = {.block = block, .caps = caps};
    uint64_t ones = entry_control_ones(&context, field), allowed = entry_control_allowed(&context, field);

    block->write(block->context, field, ones | (wanted & allowed));
}

void entry_base_frame(enum backend backend, const struct entry_block *block, const struct entry_caps *caps)
{
    write_list(state, block, caps);
    if (backend == BACKEND_SVM) {
        write_list(svm_block, block, caps);
        return;
    }
    write_list(vmx_host, block, caps);
    write_list(vmx_controls, block, caps);
    write_control(PIN_CONTROLS, B(PIN_EXTERNAL_INTERRUPT) | B(PIN_NMI), block, caps);
    write_control(PROC_CONTROLS, B(PROC_SECONDARY) | B(PROC_HLT), block, caps);
    write_control(PROC2_CONTROLS, B(PROC2_EPT), block, caps);
    write_control(EXIT_CONTROLS, B(EXITC_HOST_64), block, caps);
    write_control(ENTRY_CONTROLS, 0, block, caps);
}
