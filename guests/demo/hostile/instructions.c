/* Instructions that a guest can't have, or that only look as if they could hurt: what each must do, as data. */
#include "guests/demo/hostile/hostile.h"

#include <string.h>

#include "guests/lib/common/cpu.h"
#include "guests/lib/common/interrupt.h"
#include "guests/lib/common/test.h"
#include "guests/lib/x64/descriptors.h"

enum { CODE_BYTES = 16, DEFAULT_LEAVES = 10000 };

/* Outcomes, a bit each. */
#define DONE (1ull << ATTEMPT_DONE)
#define DE   (1ull << 0)
#define DB   (1ull << 1)
#define BP   (1ull << 3)
#define UD   (1ull << VECTOR_UD)
#define GP   (1ull << VECTOR_GP)
#define PF   (1ull << VECTOR_PF)

/* Each is run with RAX = address of `operand`, RCX = RDX = 0, interrupts off. */
static const struct instruction {
    const char *name;
    uint8_t code[CODE_BYTES - 1];
    uint8_t bytes;
    uint64_t outcomes; /* those that are right: more than one where it depends on the CPU */
} instructions[] = {
    {"VMXON", {0xf3, 0x0f, 0xc7, 0x30}, 4, UD},
    {"VMXOFF", {0x0f, 0x01, 0xc4}, 3, UD},
    {"VMPTRLD", {0x0f, 0xc7, 0x30}, 3, UD},
    {"VMPTRST", {0x0f, 0xc7, 0x38}, 3, UD},
    {"VMCLEAR", {0x66, 0x0f, 0xc7, 0x30}, 4, UD},
    {"VMLAUNCH", {0x0f, 0x01, 0xc2}, 3, UD},
    {"VMRESUME", {0x0f, 0x01, 0xc3}, 3, UD},
    {"VMREAD", {0x0f, 0x78, 0xc1}, 3, UD},
    {"VMWRITE", {0x0f, 0x79, 0xc1}, 3, UD},
    {"VMFUNC", {0x0f, 0x01, 0xd4}, 3, UD},
    {"INVEPT", {0x66, 0x0f, 0x38, 0x80, 0x08}, 5, UD},
    {"INVVPID", {0x66, 0x0f, 0x38, 0x81, 0x08}, 5, UD},
    {"VMRUN", {0x0f, 0x01, 0xd8}, 3, UD},
    {"VMLOAD", {0x0f, 0x01, 0xda}, 3, UD},
    {"VMSAVE", {0x0f, 0x01, 0xdb}, 3, UD},
    {"STGI", {0x0f, 0x01, 0xdc}, 3, UD},
    {"CLGI", {0x0f, 0x01, 0xdd}, 3, UD},
    {"SKINIT", {0x0f, 0x01, 0xde}, 3, UD},
    {"INVLPGA", {0x0f, 0x01, 0xdf}, 3, UD},
    {"INVLPGB", {0x0f, 0x01, 0xfe}, 3, UD},
    {"TLBSYNC", {0x0f, 0x01, 0xff}, 3, UD},
    {"RDPRU", {0x0f, 0x01, 0xfd}, 3, UD},
    {"MCOMMIT", {0xf3, 0x0f, 0x01, 0xfa}, 4, UD},
    {"GETSEC", {0x0f, 0x37}, 2, UD},
    {"RSM", {0x0f, 0xaa}, 2, UD},
    {"MONITOR", {0x0f, 0x01, 0xc8}, 3, UD},
    {"MWAIT", {0x0f, 0x01, 0xc9}, 3, UD},
    {"UMONITOR", {0xf3, 0x0f, 0xae, 0xf0}, 4, UD | DONE},
    {"UMWAIT", {0xf2, 0x0f, 0xae, 0xf1}, 4, UD | DONE},
    {"TPAUSE", {0x66, 0x0f, 0xae, 0xf1}, 4, UD | DONE},
    {"ENCLS", {0x0f, 0x01, 0xcf}, 3, UD},
    {"PCONFIG", {0x0f, 0x01, 0xc5}, 3, UD},
    {"XSETBV", {0x0f, 0x01, 0xd1}, 3, UD},
    {"XGETBV", {0x0f, 0x01, 0xd0}, 3, UD},
    {"XSAVE", {0x0f, 0xae, 0x20}, 3, UD},
    {"XSAVES", {0x0f, 0xc7, 0x28}, 3, UD},
    {"XRSTORS", {0x0f, 0xc7, 0x18}, 3, UD},
    {"VZEROUPPER", {0xc5, 0xf8, 0x77}, 3, UD},
    {"SYSCALL, not enabled", {0x0f, 0x05}, 2, UD},
    {"SYSRET, not enabled", {0x0f, 0x07}, 2, UD},
    {"SYSENTER to nowhere", {0x0f, 0x34}, 2, UD | GP},
    {"SYSEXIT to nowhere", {0x48, 0x0f, 0x35}, 3, UD | GP},
    {"RDPMC", {0x0f, 0x33}, 2, GP},
    {"INVD", {0x0f, 0x08}, 2, DONE},
    {"WBINVD", {0x0f, 0x09}, 2, DONE},
    {"INVLPG", {0x0f, 0x01, 0x38}, 3, DONE},
    {"INVPCID", {0x66, 0x0f, 0x38, 0x82, 0x08}, 5, UD | GP | DONE},
    {"CLTS", {0x0f, 0x06}, 2, DONE},
    {"SMSW", {0x0f, 0x01, 0xe0}, 3, DONE},
    {"LMSW of the same", {0x0f, 0x01, 0xe0, 0x0f, 0x01, 0xf0}, 6, DONE},
    {"LMSW without PE", {0x0f, 0x01, 0xe0, 0x83, 0xe0, 0xfe, 0x0f, 0x01, 0xf0}, 9, DONE},
    {"SWAPGS twice", {0x0f, 0x01, 0xf8, 0x0f, 0x01, 0xf8}, 6, DONE},
    {"RDTSCP", {0x0f, 0x01, 0xf9}, 3, UD | DONE},
    {"RDPID", {0xf3, 0x0f, 0xc7, 0xf8}, 4, UD | DONE},
    {"RDRAND", {0x0f, 0xc7, 0xf0}, 3, UD | DONE},
    {"RDSEED", {0x0f, 0xc7, 0xf8}, 3, UD | DONE},
    {"CLAC", {0x0f, 0x01, 0xca}, 3, UD | DONE},
    {"STAC, CLAC", {0x0f, 0x01, 0xcb, 0x0f, 0x01, 0xca}, 6, UD | DONE},
    {"MOV from CR1", {0x0f, 0x20, 0xc8}, 3, UD},
    {"MOV from CR7", {0x0f, 0x20, 0xf8}, 3, UD},
    {"MOV to CR1", {0x0f, 0x22, 0xc8}, 3, UD},
    {"MOV from CR8", {0x44, 0x0f, 0x20, 0xc0}, 4, DONE},
    {"LLDT 0", {0x0f, 0x00, 0xd1}, 3, DONE},
    {"LTR of a data segment", {0x66, 0xb9, 0x10, 0x00, 0x0f, 0x00, 0xd9}, 7, GP},
    {"task switch by JMP", {0xff, 0x28}, 2, GP},
    {"task switch by CALL", {0xff, 0x18}, 2, GP},
    {"IRET with NT", {0x9c, 0x48, 0x81, 0x0c, 0x24, 0x00, 0x40, 0x00, 0x00, 0x9d, 0x48, 0xcf}, 12, GP},
    {"UD0", {0x0f, 0xff, 0xc0}, 3, UD},
    {"UD1", {0x0f, 0xb9, 0xc0}, 3, UD},
    {"UD2", {0x0f, 0x0b}, 2, UD},
    {"LOCK NOP", {0xf0, 0x90}, 2, UD},
    {"INT3", {0xcc}, 1, BP},
    {"INT1", {0xf1}, 1, UD | DB},
    {"INTO", {0xce}, 1, UD},
    {"division by 0", {0xf7, 0xf1}, 2, DE},
    {"jump to no canonical address", {0x48, 0xb8, 0, 0, 0, 0, 0, 0x80, 0, 0, 0xff, 0xe0}, 12, GP | PF},
    {"read of no canonical address", {0x48, 0xb8, 0, 0, 0, 0, 0, 0x80, 0, 0, 0x8a, 0x00}, 12, GP},
    {"jump to an unmapped page", {0x48, 0xb8, 0, 0, 0, 0, 0, 0x40, 0, 0, 0xff, 0xe0}, 12, PF},
    {"CPUID with TF", {0x9c, 0x48, 0x81, 0x0c, 0x24, 0x00, 0x01, 0x00, 0x00, 0x9d, 0x0f, 0xa2, 0x90}, 13, DB},
    {"CPUID behind STI", {0xfb, 0x0f, 0xa2, 0xfa}, 4, DONE},
    {"CPUID behind MOV SS", {0x8c, 0xd1, 0x8e, 0xd1, 0x0f, 0xa2}, 6, DONE},
    {"WBINVD behind MOV SS", {0x8c, 0xd1, 0x8e, 0xd1, 0x0f, 0x09}, 6, DONE},
    {"UD2 behind MOV SS", {0x8c, 0xd1, 0x8e, 0xd1, 0x0f, 0x0b}, 6, UD},
};

enum { INSTRUCTIONS = sizeof instructions / sizeof instructions[0], RET = 0xc3 };

/* What a memory operand is: as a far pointer, one to our TSS. */
static struct __attribute__((aligned(4096))) {
    uint32_t offset;
    uint16_t selector;
    uint8_t rest[4096 - 6];
} operand;

static uint8_t code[CODE_BYTES];

static void run_code(uint64_t unused)
{
    uint64_t rax = (uint64_t)&operand, rcx = 0, rdx = 0;

    (void)unused;
    __asm__ volatile("call *%3"
                     : "+a"(rax), "+c"(rcx), "+d"(rdx)
                     : "r"(code)
                     : "rbx", "rsi", "rdi", "r8", "r9", "r10", "r11", "cc", "memory");
}

void instructions_mode(uint64_t count)
{
    (void)count;
    for (unsigned i = 0; i < INSTRUCTIONS; i++) {
        const struct instruction *in = &instructions[i];
        unsigned outcome;

        memset(&operand, 0, sizeof operand);
        operand.selector = SELECTOR_TSS;
        memcpy(code, in->code, in->bytes);
        code[in->bytes] = RET;
        outcome = attempt(run_code, 0);
        if (outcome == ATTEMPT_DONE)
            test_result(in->outcomes & DONE, "%s is done", in->name);
        else
            test_result(in->outcomes >> outcome & 1, "%s gets exception %u", in->name, outcome);
    }
}

void cpuid_mode(uint64_t count)
{
    uint64_t leaves = count ? count : DEFAULT_LEAVES, sum = 0;

    for (uint64_t i = 0; i < leaves; i++) {
        struct cpuid_result r = cpu_id((uint32_t)hostile_value(), (uint32_t)hostile_value());

        sum += r.eax + r.ebx + r.ecx + r.edx;
    }
    test_result(sum > 0, "CPUID of %lu random leaves", leaves);
}
