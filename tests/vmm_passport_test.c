/* sources: vmm/passport/cpu.c vmm/passport/lines.c vmm/root/escape.c tests/lib_support.c */
/* The passport: CPUs and hypervisors by made-up CPUID leaves, registers by name, and what the id depends on. */
#include <stdio.h>
#include <string.h>

#include "tests/lib_support.h"
#include "vmm/passport/lines.h"

/* ---- CPUID ------------------------------------------------------------------------------------------------ */

static struct leaf {
    uint32_t leaf;
    struct cpuid_words words;
} leaves[16];
static unsigned count;
static struct cpuid_words unknown_leaf; /* what a leaf that is not there answers */

static struct cpuid_words cpuid(uint32_t leaf)
{
    for (unsigned i = 0; i < count; i++)
        if (leaves[i].leaf == leaf)
            return leaves[i].words;
    return unknown_leaf;
}

static void add(uint32_t leaf, uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
    CHECK(count < sizeof leaves / sizeof leaves[0]);
    leaves[count++] = (struct leaf){leaf, {eax, ebx, ecx, edx}};
}

static void add_signature(uint32_t leaf, const char signature[12])
{
    uint32_t words[3];

    memcpy(words, signature, 12);
    add(leaf, leaf + 1, words[0], words[1], words[2]);
}

/* A Skylake: family 6, model 55H, stepping 4. */
static void make_cpu(bool hypervisor)
{
    count = 0;
    unknown_leaf = (struct cpuid_words){0};
    add(0, 0x16, 0x756e6547, 0x6c65746e, 0x49656e69);
    add(1, 0x50654, 0, hypervisor ? 1u << 31 : 0, 0);
    add(0x80000000, 0x80000008, 0, 0, 0);
    add(0x80000008, 0x3027, 0, 0, 0);
}

static void add_brand(const char text[48])
{
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t w[4];

        memcpy(w, text + 16 * i, 16);
        add(0x80000002 + i, w[0], w[1], w[2], w[3]);
    }
}

static void expect_hypervisor(const char *expected)
{
    struct passport_cpu cpu;
    char text[128], small[6];

    passport_cpu_read(cpuid, &cpu);
    passport_cpu_hypervisor(&cpu, text, sizeof text);
    if (strcmp(text, expected) != 0)
        printf("# found |%s|, expected |%s|\n", text, expected);
    CHECK(strcmp(text, expected) == 0);
    passport_cpu_hypervisor(&cpu, small, sizeof small);
    CHECK(strncmp(small, expected, 5) == 0 && strlen(small) <= 5);
}

static void test_cpu(void)
{
    struct passport_cpu cpu;

    make_cpu(false);
    add_brand("      Some CPU @ 1 GHz                          ");
    passport_cpu_read(cpuid, &cpu);
    CHECK(strcmp(cpu.vendor, "GenuineIntel") == 0 && strcmp(cpu.brand, "Some CPU @ 1 GHz") == 0);
    CHECK(cpu.family == 6 && cpu.model == 0x55 && cpu.stepping == 4 && cpu.physical == 39 && cpu.linear == 48);
    CHECK(!cpu.hypervisor_present && cpu.hypervisors == 0);
    leaves[1].words.eax = 0x800f11; /* family 15 + 8, model 1 */
    passport_cpu_read(cpuid, &cpu);
    CHECK(cpu.family == 23 && cpu.model == 1 && cpu.stepping == 1);
    leaves[1].words.eax = 0x10573; /* family 5: the extended model does not count */
    passport_cpu_read(cpuid, &cpu);
    CHECK(cpu.family == 5 && cpu.model == 7);
    make_cpu(false);
    leaves[2].words.eax = 0x80000001; /* no brand, no widths */
    unknown_leaf = (struct cpuid_words){~0u, ~0u, ~0u, ~0u};
    passport_cpu_read(cpuid, &cpu);
    CHECK(cpu.brand[0] == 0 && cpu.physical == 0 && cpu.linear == 0);
    test_passed("vendor, brand, version, widths");
}

static void test_hypervisors(void)
{
    static const char *const all[][2] = {
        {"KVMKVMKVM\0\0\0", "KVM"},  {"TCGTCGTCGTCG", "QEMU TCG"},
        {"Microsoft Hv", "Hyper-V"}, {"VMwareVMware", "VMware"},
        {"XenVMMXenVMM", "Xen"},     {"VBoxVBoxVBox", "VirtualBox"},
        {"bhyve bhyve ", "bhyve"},   {"ACRNACRNACRN", "ACRN"},
        {"NestorNestor", "Nestor"},  {"abc\n d\"#\xff\0\0\0", "unknown (\"abc\\n d\"\\x23\\xFF\")"},
    };

    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
        make_cpu(true);
        add_signature(0x40000000, all[i][0]);
        expect_hypervisor(all[i][1]);
        leaves[1].words.ecx = 0; /* nobody says that there is one: the leaves mean nothing */
        expect_hypervisor("none");
    }
    make_cpu(true);
    add_signature(0x40000000, "Microsoft Hv");
    add_signature(0x40000100, "KVMKVMKVM\0\0\0");
    expect_hypervisor("Hyper-V, KVM at 40000100H");
    make_cpu(true);
    add_signature(0x40000000, "KVMKVMKVM\0\0\0");
    unknown_leaf = (struct cpuid_words){0x64, 0x340, 0x340, 7}; /* Intel: those of the highest basic leaf */
    expect_hypervisor("KVM");
    test_passed("hypervisors by their leaves, one below another, and leaves that are none");
}

/* ---- Registers -------------------------------------------------------------------------------------------- */

static struct machine_info info;
static char lines[8192];

static void collect(void *context, const char *key, const char *values, const char *names)
{
    size_t used = strlen(lines);

    CHECK(context == &info);
    snprintf(lines + used, sizeof lines - used, "%s: %s%s%s\n", key, values, *names ? " " : "", names);
}

static void decode(void)
{
    struct passport_cpu cpu;

    passport_cpu_read(cpuid, &cpu);
    lines[0] = 0;
    passport_lines(&info, &cpu, collect, &info);
}

static void set_cap(uint64_t index, uint64_t value)
{
    CHECK(info.caps < MAX_CAPS);
    info.cap[info.caps++] = (struct machine_cap){index, value};
}

/* One register, alone; its line. */
static void expect(uint64_t index, uint64_t value, const char *expected)
{
    make_cpu(false);
    info = (struct machine_info){.caps = 0};
    set_cap(index, value);
    decode();
    if (!strstr(lines, expected))
        printf("# found |%s|, expected |%s|\n", lines, expected);
    CHECK(strstr(lines, expected) != NULL);
}

static void test_registers(void)
{
    expect(0x3a, 0x5, "\nFEATURE_CONTROL: 3AH=0000000000000005 LOCK VMX_OUTSIDE_SMX\n");
    expect(0x3a, 0x1, "\nFEATURE_CONTROL: 3AH=0000000000000001 LOCK\n");
    expect(0xc0010114, 0x18, "\nVM_CR: C0010114H=0000000000000018 LOCK SVMDIS\n");
    expect(0x481, 0x0000007f00000016,
           "\nPIN: 481H=0000007f00000016 EXTERNAL_INTERRUPT NMI VIRTUAL_NMIS PREEMPTION_TIMER\n");
    expect(0x482, 0x0000008004018096, "\nPROC: 482H=0000008004018096 HLT!\n");
    expect(0x48b, 0xa000000200000000, "\nPROC2: 48BH=a000000200000000 EPT bit-29 INSTRUCTION_TIMEOUT\n");
    expect(0x48b, 0x2000000220000000,
           "\nPROC2: 48BH=2000000220000000 EPT\n"); /* bit 29 can only be 1, and has no name */
    expect(0x485, 0x0000001200440165,
           "\nMISC: 485H=0000001200440165 timer-shift=5 cr3-targets=68 msr-lists=0 mseg-revision=18 STORES_LMA "
           "ACTIVITY_HLT "
           "ACTIVITY_WAIT_FOR_SIPI\n");
    expect(
        0x480, 0x00da040000000004,
        "\nBASIC: 480H=00da040000000004 revision=4 region-bytes=1024 memory-type=6 DUAL_MONITOR INS_OUTS_INFORMATION "
        "TRUE_CONTROLS\n");
    expect(0x48c, 0x00000f0106734141,
           " EXECUTE_ONLY WALK_4 UC WB 2M 1G INVEPT ACCESSED_DIRTY ADVANCED_EXIT_INFORMATION ");
    expect(0x48a, 0x2e, "\nVMCS_ENUM: 48AH=000000000000002e highest-index=23\n");
    expect(CAP_CPUID | 3ull << 32 | 0x8000000a, 0x80000009,
           "\nSVM: 8000000AH.EDX=80000009 NESTED_PAGING NRIP_SAVE bit-31\n");
    expect(CAP_CPUID | 1ull << 32 | 0x8000000a, 0x10, "\nSVM_ASIDS: 8000000AH.EBX=00000010 count=16\n");
    CHECK(passport_asids(&info) == 16);
    expect(0x486, 0x80000021,
           "\nCR0: 486H=0000000080000021 PE! NE! PG!\n"); /* what the second one may add is not known */
    test_passed("each kind of register by name");
}

static void test_true_controls(void)
{
    make_cpu(false);
    info = (struct machine_info){.caps = 0};
    set_cap(0x482, 0xfff9fffe0401e172);
    set_cap(0x486, 0x80000021);
    set_cap(0x487, 0xffffffff);
    set_cap(0x48e, 0x0001800004006172);
    decode();
    CHECK(strstr(lines, "\nPROC: 482H=fff9fffe0401e172 48EH=0001800004006172 CR3_LOAD CR3_STORE\n") != NULL);
    CHECK(strstr(lines, "\nCR0: 486H=0000000080000021 487H=00000000ffffffff PE! MP EM TS ET NE! WP AM NW CD PG!\n") !=
          NULL);
    CHECK(passport_offers(&info, OFFER_PROC_CR3_LOAD) && !passport_offers(&info, OFFER_PROC_HLT));
    CHECK(!passport_offers(&info, OFFER_PROC2_EPT) && passport_asids(&info) == 0);
    test_passed("the second register counts where it is there");
}

/* All bits of all registers: the longest lines fit. */
static void test_room(void)
{
    static const uint64_t numbers[] = {0x3a,
                                       0x480,
                                       0x481,
                                       0x482,
                                       0x483,
                                       0x484,
                                       0x485,
                                       0x486,
                                       0x487,
                                       0x488,
                                       0x489,
                                       0x48a,
                                       0x48b,
                                       0x48c,
                                       0x491,
                                       0x492,
                                       0x493,
                                       0xc0010114,
                                       CAP_CPUID | 3ull << 32 | 0x8000000a};

    make_cpu(false);
    info = (struct machine_info){.caps = 0};
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        set_cap(numbers[i], numbers[i] >= 0x481 && numbers[i] <= 0x48b ? 0xffffffff00000000 : ~0ull);
    decode();
    CHECK(strstr(lines, " INSTRUCTION_TIMEOUT\n") && strstr(lines, " bit-63\n"));
    for (const char *line = lines; *line; line = strchr(line, '\n') + 1)
        CHECK((size_t)(strchr(line, '\n') - line) < PASSPORT_WORDS_BYTES - 100);
    test_passed("a register in which every bit is 1 fits");
}

/* ---- The id ------------------------------------------------------------------------------------------------ */

static const char *id(void)
{
    static char texts[2][PASSPORT_ID_BYTES];
    static unsigned turn;
    struct passport_cpu cpu;
    char *text = texts[turn ^= 1];

    passport_cpu_read(cpuid, &cpu);
    passport_make_id(&info, &cpu, text);
    CHECK(strlen(text) == 15 && strncmp(text, "nestor-", 7) == 0 && strspn(text + 7, "0123456789abcdef") == 8);
    return text;
}

static bool same_id(const struct machine_info *other)
{
    struct machine_info mine = info;
    char before[PASSPORT_ID_BYTES];
    bool same;

    strcpy(before, id());
    info = *other;
    same = strcmp(before, id()) == 0;
    info = mine;
    return same;
}

static void test_id(void)
{
    struct machine_info other;

    make_cpu(false);
    info = (struct machine_info){.backend = BACKEND_VMX, .pcpus = 1, .tsc_hz = 1, .platform = "qemu"};
    set_cap(0x48c, 0x00000f0106734141);
    other = info;
    other.pcpus = 4;
    other.tsc_hz = 2596000000;
    other.memory_bytes = other.memory_free = 1 << 30;
    other.boot_tsc = other.modules = 5;
    strcpy(other.platform, "acpi");
    strcpy(other.command_line, "end=acpi");
    CHECK(same_id(&other));
    other = info;
    other.microcode = 0x2006906ull << 32;
    CHECK(!same_id(&other));
    other = info;
    other.cap[0].value ^= 1 << 17;
    CHECK(!same_id(&other));
    other.caps = 0;
    CHECK(!same_id(&other));
    /* By another program, of "CPU \nHypervisor none\nCPUID GenuineIntel family=6 ... linear=48\n". */
    info.caps = 0;
    CHECK(strcmp(id(), "nestor-fe8aaa61") == 0);
    test_passed("the id tells machines apart, and not boots of one");
}

int main(void)
{
    test_cpu();
    test_hypervisors();
    test_registers();
    test_true_controls();
    test_room();
    test_id();
    return test_done();
}
