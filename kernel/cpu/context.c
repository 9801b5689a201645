#include "kernel/cpu/context.h"

#include "kernel/cpu/features.h"
#include "kernel/cpu/pcpu.h"
#include "lib/string.h"
#include "lib/x86.h"

static const uint32_t msr_numbers[CONTEXT_MSRS] = {
    [CONTEXT_STAR] = MSR_STAR,     [CONTEXT_LSTAR] = MSR_LSTAR,
    [CONTEXT_CSTAR] = MSR_CSTAR,   [CONTEXT_SFMASK] = MSR_SFMASK,
    [CONTEXT_TSC_AUX] = MSR_TSC_AUX, [CONTEXT_KERNEL_GS_BASE] = MSR_KERNEL_GS_BASE,
};

/* What ring 3 and the SYSCALL entry need. The same on all pCPUs, but for the entry. */
static uint64_t kernel_msr[CONTEXT_MSRS];

static uint64_t kernel_value(enum context_msr i)
{
    return i == CONTEXT_LSTAR ? pcpu_syscall_entry(pcpu_this()) : kernel_msr[i];
}

static bool msr_exists(enum context_msr i) { return i != CONTEXT_TSC_AUX || cpu_features.rdtscp; }

/* Bits that MXCSR may have; set once. */
static uint32_t mxcsr_mask;

/* In bytes 28 to 31 of an FXSAVE image; 0 stands for the bits of the first CPUs that had it. */
static uint32_t read_mxcsr_mask(void)
{
    struct context context;
    uint32_t mask;

    __asm__ volatile("fxsave64 %0" : "=m"(context.fpu));
    memcpy(&mask, &context.fpu[28], sizeof mask);
    return mask ? mask : 0xffbf;
}

void context_init_pcpu(void)
{
    if (cpu_features.xsave) {
        /* Guests could use what XCR0 allows; only FXSAVE state is switched, so only that is allowed. */
        x86_write_cr4(x86_read_cr4() | CR4_OSXSAVE);
        __asm__ volatile("xsetbv" : : "a"(1), "c"(0), "d"(0));
        x86_write_cr4(x86_read_cr4() & ~CR4_OSXSAVE);
    }
    if (cpu_features.rdtscp)
        x86_wrmsr(MSR_TSC_AUX, 0);
    for (enum context_msr i = 0; i < CONTEXT_MSRS; i++)
        kernel_msr[i] = msr_exists(i) ? x86_rdmsr(msr_numbers[i]) : 0;
    __asm__ volatile("fninit");
    mxcsr_mask = read_mxcsr_mask();
    x86_write_cr0(x86_read_cr0() | CR0_TS);
}

bool context_mxcsr_is_legal(uint32_t mxcsr) { return (mxcsr & ~mxcsr_mask) == 0; }

void context_init(struct context *context)
{
    memset(context, 0, sizeof *context);
    context->fpu[0] = 0x7f;  /* FCW 037FH */
    context->fpu[1] = 0x03;
    context->fpu[24] = 0x80; /* MXCSR 1F80H */
    context->fpu[25] = 0x1f;
    context->dr6 = 0xffff0ff0;
}

static void save_debug(struct context *context)
{
    __asm__ volatile("mov %%db0, %0" : "=r"(context->dr[0]));
    __asm__ volatile("mov %%db1, %0" : "=r"(context->dr[1]));
    __asm__ volatile("mov %%db2, %0" : "=r"(context->dr[2]));
    __asm__ volatile("mov %%db3, %0" : "=r"(context->dr[3]));
    __asm__ volatile("mov %%db6, %0" : "=r"(context->dr6));
}

static void load_debug(const struct context *context)
{
    __asm__ volatile("mov %0, %%db0" : : "r"(context->dr[0]));
    __asm__ volatile("mov %0, %%db1" : : "r"(context->dr[1]));
    __asm__ volatile("mov %0, %%db2" : : "r"(context->dr[2]));
    __asm__ volatile("mov %0, %%db3" : : "r"(context->dr[3]));
    __asm__ volatile("mov %0, %%db6" : : "r"(context->dr6));
}

void context_own_debug(struct context *context)
{
    if (context->owns_debug)
        return;
    context->eager = context->owns_debug = true;
    load_debug(context);
}

void context_add_dr6(struct context *context, uint64_t bits)
{
    uint64_t dr6;

    if (!context->owns_debug)
        context_own_debug(context);
    __asm__ volatile("mov %%db6, %0" : "=r"(dr6));
    __asm__ volatile("mov %0, %%db6" : : "r"(dr6 | bits));
}

/* SWAPGS changes KERNEL_GS_BASE without an exit, also for a guest that has never written one of these MSRs. The kernel has
 * no use for it, so that guest's monitor may run with it; but not with the other MSRs of this guest, which are switched from
 * now on. */
static void notice_swapgs(struct context *context)
{
    uint64_t base = x86_rdmsr(MSR_KERNEL_GS_BASE);

    if (!context->owns_msrs && base == kernel_value(CONTEXT_KERNEL_GS_BASE))
        return;
    context->eager = context->owns_msrs = true;
    context->msr[CONTEXT_KERNEL_GS_BASE] = base;
}

static void save(struct context *context)
{
    __asm__ volatile("clts; fxsave64 %0" : "=m"(context->fpu));
    notice_swapgs(context);
    if (context->owns_debug)
        save_debug(context);
}

static void write_msrs(const struct context *context)
{
    for (enum context_msr i = 0; i < CONTEXT_MSRS; i++)
        if (msr_exists(i))
            x86_wrmsr(msr_numbers[i], context->owns_msrs ? context->msr[i] : kernel_value(i));
}

void context_switch(struct context *context)
{
    struct pcpu *pcpu = pcpu_this();
    struct context *old = pcpu->context;

    if (old)
        save(old);
    __asm__ volatile("clts; fxrstor64 %0" : : "m"(context->fpu));
    if (context->owns_msrs || (old && old->owns_msrs))
        write_msrs(context);
    if (context->owns_debug)
        load_debug(context);
    pcpu->context = context;
    pcpu->fpu_open = true;
    context_close_fpu();
}

void context_open_fpu(struct context *context)
{
    if (pcpu_this()->context != context)
        context_switch(context);
    __asm__ volatile("clts");
    pcpu_this()->fpu_open = true;
}

void context_close_fpu(void)
{
    struct pcpu *pcpu = pcpu_this();

    if (pcpu->fpu_open)
        x86_write_cr0(x86_read_cr0() | CR0_TS);
    pcpu->fpu_open = false;
}

void context_unload(struct context *context)
{
    struct pcpu *pcpu = pcpu_this();
    static struct context neutral;

    if (pcpu->context != context)
        return;
    save(context);
    if (context->owns_msrs)
        write_msrs(&neutral);
    pcpu->context = NULL;
    pcpu->fpu_open = true;
    context_close_fpu();
}

int context_msr_index(uint32_t msr)
{
    for (enum context_msr i = 0; i < CONTEXT_MSRS; i++)
        if (msr_numbers[i] == msr && msr_exists(i))
            return (int)i;
    return -1;
}

bool context_msr_is_legal(enum context_msr index, uint64_t value)
{
    switch (index) {
    case CONTEXT_STAR:
        return true;
    case CONTEXT_TSC_AUX:
        return value >> 32 == 0 && (value == 0 || msr_exists(index));
    case CONTEXT_SFMASK:
        return value >> 32 == 0;
    default:
        return (uint64_t)((int64_t)(value << 16) >> 16) == value; /* canonical */
    }
}

void context_take_msrs(struct context *context)
{
    context->eager = context->owns_msrs = true;
    for (enum context_msr i = 0; i < CONTEXT_MSRS; i++)
        if (msr_exists(i))
            context->msr[i] = x86_rdmsr(msr_numbers[i]);
}

uint64_t context_msr_read(struct context *context, enum context_msr index)
{
    if (pcpu_this()->context == context)
        notice_swapgs(context);
    return context->msr[index];
}

void context_msr_write(struct context *context, enum context_msr index, uint64_t value)
{
    bool loaded = pcpu_this()->context == context, first;

    if (loaded)
        notice_swapgs(context);
    first = !context->owns_msrs;
    context->eager = context->owns_msrs = true;
    context->msr[index] = value;
    if (loaded && first)
        write_msrs(context);
    else if (loaded)
        x86_wrmsr(msr_numbers[index], value);
}
