/* What CPUID tells guests: the CPU's own answer, less what a guest can't have here, plus Nestor's leaves. */
#include "kernel/cpu/timer.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/virt_ops.h"
#include "lib/x86.h"

/* Bits of a leaf (all subleaves) that are cleared, then bits that are set. */
struct cpuid_row {
    uint32_t leaf;
    struct cpuid_result clear, set;
};

static const struct cpuid_row rows[] = {
    /* clear MONITOR, VMX, SMX, XSAVE, OSXSAVE, AVX, F16C, FMA, PCID, x2APIC, TSC-deadline, MCE, MCA; set hypervisor */
    {1, .clear = {.ecx = 1u << 3 | 1u << 5 | 1u << 6 | 1u << 12 | 1u << 17 | 1u << 21 | 1u << 24 | 1u << 26 | 1u << 27 |
                         1u << 28 | 1u << 29,
                  .edx = 1u << 7 | 1u << 14},
     .set = {.ecx = 1u << 31}},
    /* clear what needs XSAVE state or CR4 bits that guests do not get: AVX2, INVPCID, MPX, AVX-512, PT; PKU, CET, ... */
    {7, .clear = {.ebx = 1u << 5 | 1u << 10 | 1u << 14 | 0xdc230000u | 1u << 25,
                  .ecx = 1u << 1 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 | 0x5f00u | 1u << 16 | 1u << 24,
                  .edx = ~0u}},
    {0xd, .clear = {~0u, ~0u, ~0u, ~0u}},          /* XSAVE */
    {0xa, .clear = {~0u, ~0u, ~0u, ~0u}},          /* performance monitoring */
    {0x80000001, .clear = {.ecx = 1u << 2 | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 15 | 1u << 16}}, /* SVM, IBS, XOP, SKINIT, LWP, FMA4 */
    {0x8000000a, .clear = {~0u, ~0u, ~0u, ~0u}},   /* SVM's own */
};

/* Leaves whose answer depends on the subleaf, or on the CPU: these are asked for each time. */
static const uint32_t leaves_asked[] = {0x1, 0x4, 0x7, 0xb, 0xd, 0xf, 0x10, 0x12, 0x14, 0x17, 0x18, 0x1a, 0x1b, 0x1d, 0x1e, 0x1f,
                                        0x8000001d, 0x8000001e, 0x80000020, 0x80000026};

/* The others are asked for once, at boot: under another hypervisor each CPUID is an exit. Bits 30 and 31 of a leaf tell
 * basic, hypervisor and extended ones; the first LEAVES of each are kept, with these bits lowest in their index. */
enum { LEAVES = 32, RANGES = 4 };

static struct {
    struct cpuid_result result;
    bool known;
} answers[LEAVES * RANGES];

static uint32_t answer_index(uint32_t leaf) { return leaf << 2 | leaf >> 30; }

static struct cpuid_result nestor_leaf(uint32_t leaf)
{
    if (leaf == CPUID_NESTOR)
        return (struct cpuid_result){CPUID_NESTOR_INFO, 0x7473654e, 0x654e726f, 0x726f7473}; /* NestorNestor */
    if (leaf == CPUID_NESTOR_INFO)
        return (struct cpuid_result){virt->backend, (uint32_t)(timer_tsc_hz() / 1000), 0, 0};
    return (struct cpuid_result){0};
}

static struct cpuid_result ask(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_result r;

    if (leaf >> 16 == CPUID_NESTOR >> 16)
        return nestor_leaf(leaf);
    r = x86_cpuid(leaf, subleaf);
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].leaf != leaf)
            continue;
        r.eax = (r.eax & ~rows[i].clear.eax) | rows[i].set.eax;
        r.ebx = (r.ebx & ~rows[i].clear.ebx) | rows[i].set.ebx;
        r.ecx = (r.ecx & ~rows[i].clear.ecx) | rows[i].set.ecx;
        r.edx = (r.edx & ~rows[i].clear.edx) | rows[i].set.edx;
        break;
    }
    return r;
}

static bool is_asked(uint32_t leaf)
{
    for (unsigned i = 0; i < sizeof leaves_asked / sizeof *leaves_asked; i++)
        if (leaves_asked[i] == leaf)
            return true;
    return false;
}

void vcpu_cpuid_init(void)
{
    for (uint32_t i = 0; i < LEAVES * RANGES; i++) {
        uint32_t leaf = i >> 2 | i << 30;

        answers[i].known = !is_asked(leaf);
        answers[i].result = ask(leaf, 0);
    }
}

static void write_answer(uint64_t *gpr, struct cpuid_result r)
{
    gpr[GPR_RAX] = r.eax;
    gpr[GPR_RBX] = r.ebx;
    gpr[GPR_RCX] = r.ecx;
    gpr[GPR_RDX] = r.edx;
}

/* The APIC ID, in the leaves that tell it, is the vCPU's number, on whichever pCPU it is. AMD's one has the core and the node
 * beside it: each vCPU is a core. */
static void put_id(struct cpuid_result *r, uint32_t leaf, uint32_t id)
{
    if (leaf == 1)
        r->ebx = (r->ebx & 0x00ffffff) | id << 24;
    else if (leaf == 0xb || leaf == 0x1f)
        r->edx = id;
    else if (leaf == 0x8000001e)
        *r = (struct cpuid_result){.eax = id, .ebx = id};
}

static __attribute__((noinline)) enum verdict handle_asked(const struct vcpu *vcpu)
{
    uint64_t *gpr = vcpu->page->gpr;
    uint32_t leaf = (uint32_t)gpr[GPR_RAX];
    struct cpuid_result r = leaf == 1 ? answers[answer_index(1)].result : ask(leaf, (uint32_t)gpr[GPR_RCX]);

    put_id(&r, leaf, vcpu->id);
    write_answer(gpr, r);
    return VERDICT_ANSWERED;
}

enum verdict vcpu_handle_cpuid(struct vcpu *vcpu)
{
    uint64_t *gpr = vcpu->page->gpr;
    uint32_t i = answer_index((uint32_t)gpr[GPR_RAX]);

    if (i >= LEAVES * RANGES || !answers[i].known)
        return handle_asked(vcpu);
    write_answer(gpr, answers[i].result);
    return VERDICT_ANSWERED;
}
