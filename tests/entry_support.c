#include "tests/entry_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib_support.h"

enum { CPUS = 5 };
static struct entry_cpu cpus[CPUS + 1];

static void set(struct entry_cpu *cpu, uint32_t cap, uint64_t value)
{
    cpu->caps.value[cap - ENTRY_CAP] = value;
    cpu->caps.known |= 1ull << (cap - ENTRY_CAP);
}

static uint64_t control(uint64_t ones, uint64_t allowed) { return allowed << 32 | ones; }

static void set_fixed(struct entry_cpu *cpu, uint64_t cr4)
{
    set(cpu, CAP_IA32_VMX_CR0_FIXED0, 0x80000021);
    set(cpu, CAP_IA32_VMX_CR0_FIXED1, 0xffffffff);
    set(cpu, CAP_IA32_VMX_CR4_FIXED0, 0x2000);
    set(cpu, CAP_IA32_VMX_CR4_FIXED1, cr4);
}

/* All controls that config/bits.h has names for, LAM, FRED, CET, SGX, RTM, five-level paging. */
static void make_everything(struct entry_cpu *cpu)
{
    set(cpu, CAP_IA32_VMX_BASIC, 0x12345678 | 1ull << 55 | 1ull << 58);
    set(cpu, CAP_IA32_VMX_PINBASED_CTLS, control(0x16, 0xff));
    set(cpu, CAP_IA32_VMX_TRUE_PINBASED_CTLS, control(0x16, 0xff));
    set(cpu, CAP_IA32_VMX_PROCBASED_CTLS, control(0x401e172, 0xffffffff & ~1ull));
    set(cpu, CAP_IA32_VMX_TRUE_PROCBASED_CTLS, control(0x4006172, 0xffffffff & ~1ull));
    set(cpu, CAP_IA32_VMX_PROCBASED_CTLS2, control(1 << 2, 0xdfffffff)); /* descriptor-table exiting has to be */
    set(cpu, CAP_IA32_VMX_PROCBASED_CTLS3, 0x9f);
    set(cpu, CAP_IA32_VMX_EXIT_CTLS, control(0x36dff, 0xffffffff));
    set(cpu, CAP_IA32_VMX_TRUE_EXIT_CTLS, control(0x36dfb, 0xffffffff));
    set(cpu, CAP_IA32_VMX_EXIT_CTLS2, 0xf);
    set(cpu, CAP_IA32_VMX_ENTRY_CTLS, control(0x11ff, 0x1ffffff));
    set(cpu, CAP_IA32_VMX_TRUE_ENTRY_CTLS, control(0x11fb, 0x1ffffff));
    set(cpu, CAP_IA32_VMX_MISC, 4 << 16 | 7 << 6 | 1 << 5);
    set_fixed(cpu, 0x1fefbfffull | 1ull << 32);
    set(cpu, CAP_IA32_VMX_EPT_VPID_CAP, 0xf0106f34141ull | 1 << 23 | 1 << 7);
    set(cpu, CAP_IA32_VMX_VMFUNC, 1);
    set(cpu, CAP_IA32_PERF_CAPABILITIES, 1 << 15);
    set(cpu, CAP_CPUID_7_EBX, 1 << 2 | 1 << 11);
    set(cpu, CAP_CPUID_7_ECX, 1 << 7 | 1 << 24);
    set(cpu, CAP_CPUID_7_EDX, 1 << 20);
    set(cpu, CAP_CPUID_7_1_EAX, 1 << 26 | 1 << 17);
    set(cpu, CAP_CPUID_A_EAX, 8 << 8);
    set(cpu, CAP_CPUID_A_EDX, 4);
    set(cpu, CAP_CPUID_1_ECX, 1 << 21);
    set(cpu, CAP_CPUID_80000001_EDX, 1 << 29 | 1 << 20);
    set(cpu, CAP_CPUID_80000008_EAX, 57 << 8 | 46);
}

/* No TRUE registers, no secondary controls but EPT and unrestricted guest, no activity state but HLT. */
static void make_plain(struct entry_cpu *cpu)
{
    set(cpu, CAP_IA32_VMX_BASIC, 1);
    set(cpu, CAP_IA32_VMX_PINBASED_CTLS, control(0x16, 0x1f));
    set(cpu, CAP_IA32_VMX_PROCBASED_CTLS, control(0x401e172, 0xf7b9fffe));
    set(cpu, CAP_IA32_VMX_PROCBASED_CTLS2, control(0, 0x82));
    set(cpu, CAP_IA32_VMX_EXIT_CTLS, control(0x36dff, 0x36fff));
    set(cpu, CAP_IA32_VMX_ENTRY_CTLS, control(0x11ff, 0x13ff));
    set(cpu, CAP_IA32_VMX_MISC, 1 << 6);
    set_fixed(cpu, 0x27ff);
    set(cpu, CAP_IA32_VMX_EPT_VPID_CAP, 0x40 | 1 << 14);
    set(cpu, CAP_CPUID_7_EBX, 0);
    set(cpu, CAP_CPUID_7_ECX, 0);
    set(cpu, CAP_CPUID_7_EDX, 0);
    set(cpu, CAP_CPUID_7_1_EAX, 0);
    set(cpu, CAP_CPUID_80000001_EDX, 1 << 29);
    set(cpu, CAP_CPUID_80000008_EAX, 48 << 8 | 36);
}

static void make_bochs(struct entry_cpu *cpu)
{
    set(cpu, CAP_IA32_VMX_BASIC, 0x2b | 1ull << 54 | 1ull << 55);
    set(cpu, CAP_IA32_VMX_PINBASED_CTLS, control(0x16, 0x7f));
    set(cpu, CAP_IA32_VMX_TRUE_PINBASED_CTLS, control(0x16, 0x7f));
    set(cpu, CAP_IA32_VMX_PROCBASED_CTLS, control(0x401e172, 0xf7f9fffe));
    set(cpu, CAP_IA32_VMX_TRUE_PROCBASED_CTLS, control(0x4006172, 0xf7f9fffe));
    set(cpu, CAP_IA32_VMX_PROCBASED_CTLS2, control(0, 0x217ffff));
    set(cpu, CAP_IA32_VMX_EXIT_CTLS, control(0x36dff, 0x7fefff));
    set(cpu, CAP_IA32_VMX_TRUE_EXIT_CTLS, control(0x36dfb, 0x7fefff));
    set(cpu, CAP_IA32_VMX_ENTRY_CTLS, control(0x11ff, 0xd3ff));
    set(cpu, CAP_IA32_VMX_TRUE_ENTRY_CTLS, control(0x11fb, 0xd3ff));
    set(cpu, CAP_IA32_VMX_MISC, 1 << 30 | 4 << 16 | 7 << 6 | 1 << 5);
    set_fixed(cpu, 0x3727ff);
    set(cpu, CAP_IA32_VMX_EPT_VPID_CAP, 0xf0106334141ull);
    set(cpu, CAP_IA32_VMX_VMFUNC, 1);
    set(cpu, CAP_CPUID_7_EBX, 1 << 11);
    set(cpu, CAP_CPUID_7_ECX, 0);
    set(cpu, CAP_CPUID_7_EDX, 0);
    set(cpu, CAP_CPUID_7_1_EAX, 0);
    set(cpu, CAP_CPUID_A_EAX, 0);
    set(cpu, CAP_CPUID_A_EDX, 0);
    set(cpu, CAP_CPUID_80000001_EDX, 1 << 29 | 1 << 20);
    set(cpu, CAP_CPUID_80000008_EAX, 48 << 8 | 40);
}

static void make_svm(struct entry_cpu *cpu, bool plain)
{
    cpu->backend = BACKEND_SVM;
    set(cpu, CAP_CPUID_80000001_EDX, 1 << 20 | (plain ? 0 : 1 << 29));
    set(cpu, CAP_CPUID_80000008_EAX, 48 << 8 | (plain ? 40 : 48));
    set(cpu, CAP_CPUID_8000000A_EDX, plain ? 1 : 0x3ffffff);
    set(cpu, CAP_CPUID_7_ECX, plain ? 0 : 1 << 7);
}

const struct entry_cpu *entry_cpus(void)
{
    static const char *const names[CPUS] = {"everything", "plain", "bochs", "svm", "svm-plain"};

    if (!cpus[0].name) {
        for (unsigned i = 0; i < CPUS; i++)
            cpus[i] = (struct entry_cpu){.name = names[i], .backend = BACKEND_VMX};
        make_everything(&cpus[0]);
        make_plain(&cpus[1]);
        make_bochs(&cpus[2]);
        make_svm(&cpus[3], false);
        make_svm(&cpus[4], true);
    }
    return cpus;
}

const struct entry_cpu *entry_cpu(const char *name)
{
    for (const struct entry_cpu *cpu = entry_cpus(); cpu->name; cpu++)
        if (strcmp(cpu->name, name) == 0)
            return cpu;
    fprintf(stderr, "no CPU %s\n", name);
    abort();
}

bool entry_base_make(const struct entry_cpu *cpu, const struct entry_base *base, struct entry_values *values)
{
    struct entry_block block = entry_values_block(values);

    values->count = 0;
    entry_base_frame(cpu->backend, &block, &cpu->caps);
    entry_base_set(base, &block, &cpu->caps);
    return entry_check(cpu->backend, &block, &cpu->caps, NULL);
}

/* ---- One block at a time ---------------------------------------------------------------------------------------- */

static struct entry_values values;
static struct entry_block block;

const struct entry_base *entry_base_named(const struct entry_cpu *cpu, const char *name)
{
    for (unsigned i = 0; i < entry_base_count(cpu->backend); i++)
        if (strcmp(entry_base(cpu->backend, i)->name, name) == 0)
            return entry_base(cpu->backend, i);
    fprintf(stderr, "no base %s\n", name);
    abort();
}

const struct entry_cpu *block_start(const char *cpu_name, const char *base)
{
    const struct entry_cpu *cpu = entry_cpu(cpu_name);

    block = entry_values_block(&values);
    CHECK(entry_base_make(cpu, entry_base_named(cpu, base), &values));
    return cpu;
}

struct entry_block *block_now(void) { return &block; }

void block_put(uint32_t field, uint64_t value) { CHECK(block.write(block.context, field, value)); }

uint64_t block_get(uint32_t field)
{
    uint64_t value = 0;

    CHECK(block.read(block.context, field, &value));
    return value;
}

const char *block_broken(const struct entry_cpu *cpu)
{
    struct entry_finding finding;

    return entry_check(cpu->backend, &block, &cpu->caps, &finding) ? "" : finding.rule->id;
}
