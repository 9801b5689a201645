/* A lab's guest that sets random control fields to random values. Whatever comes of it is its own: the guard brings it back. */
#include <setjmp.h>

#include "config/lab.h"
#include "guests/demo/hostile/hostile.h"
#include "guests/lib/common/cpu.h"
#include "guests/lib/common/hypercall.h"
#include "guests/lib/common/interrupt.h"
#include "guests/lib/common/test.h"

enum { DEFAULT_PAIRS = 100000, ROUND_PAIRS = 32, ROUND_EXITS = 2000, ROUND_MS = 20, VECTORS = 256 };

/* None of these is on a stack: the guest's may be anywhere when it is brought back. */
static struct lab_observation guarded, observed;
static struct lab_refusal refusal;
static struct lab_pair pair;
static struct {
    uint64_t wanted, ticks, pairs, done, refused, nonsense, mute, strange, guards, traps, exits;
} count;
static jmp_buf way_back;

/* Events that were injected, and exceptions of what the fields made of us: the round is over. Their frames may be of any form. */
static void leave(struct interrupt_frame *frame)
{
    (void)frame;
    longjmp(way_back, 1);
}

/*
 * VMCS encodings: width in bits 14:13, type in 11:10, index in 9:1. Not RIP, RSP and CR3: executing anything, and writing
 * anywhere, is not what this is about.
 */
static uint64_t vmx_field(uint64_t r)
{
    const uint64_t rip = 0x681e, rsp = 0x681c, cr3 = 0x6802, rflags = 0x6820;
    uint64_t what = (r & 3) << 13 | (r >> 2 & 7 ? 0 : r >> 5 & 3) << 10 | (r >> 7 & 0x3f) << 1;

    return what == rip || what == rsp || what == cr3 || what == rflags ? 0 : what;
}

/* The controls of the VMCB that there are, and now and then any other place and size. */
static uint64_t svm_field(uint64_t r)
{
    static const struct {
        uint8_t offset, bytes;
    } controls[] = {
        {0x00, 4}, {0x04, 4}, {0x08, 4}, {0x0c, 4}, {0x10, 4}, {0x14, 4}, {0x3c, 2}, {0x3e, 2}, {0x40, 8}, {0x48, 8},
        {0x50, 8}, {0x58, 4}, {0x5c, 1}, {0x60, 8}, {0x68, 8}, {0x70, 8}, {0x78, 8}, {0x80, 8}, {0x88, 8}, {0x90, 8},
        {0xa8, 8}, {0xb0, 8}, {0xb8, 8}, {0xc0, 4}, {0xc8, 8}, {0xd0, 1},
    };
    const uint64_t end = 0x6ff, rip = 0x578, rsp = 0x5d8, cr3 = 0x550, rflags = 0x570, rax = 0x5f8;
    uint64_t bytes = 1ull << (r & 3), offset = (r >> 8) % end & ~(bytes - 1), i = (r >> 32) % (sizeof controls / sizeof *controls);

    if ((r & 0xf0) || offset == rip || offset == rsp || offset == cr3 || offset == rflags || offset == rax)
        return VMCB_FIELD(controls[i].offset, controls[i].bytes);
    return VMCB_FIELD(offset, bytes);
}

/* What there is now, or all of it anew, with some bits changed; or anything. */
static uint64_t make_value(uint64_t what)
{
    uint64_t r = hostile_random();

    pair = (struct lab_pair){what, 0};
    if ((r & 3) == 0 || hypercall(HC_LAB_RESULTS, (uint64_t)&pair, 1, 0) < 0)
        return hostile_value();
    return pair.value ^ (r & 12 ? 1ull << (r >> 8 & (r & 16 ? 31 : 63)) : hostile_value());
}

static uint64_t make_number(enum lab_kind kind)
{
    uint64_t r = hostile_random();

    switch (kind) {
    case LAB_FIELD:
        return hypercall_is_svm ? svm_field(r) : vmx_field(r);
    case LAB_PORT:
        return r & 1 ? r >> 8 & 0xffff : 0x7fe8 + (r >> 8 & 0x3f);
    case LAB_MSR_READ:
    case LAB_MSR_WRITE:
        return (r & 1 ? 0xc0000080 : 0) + (r >> 8 & (r & 2 ? 0x1fff : 0xff));
    case LAB_ENTRY_LOAD:
    case LAB_EXIT_STORE:
    case LAB_EXIT_LOAD:
        return (r >> 8 & 31) << 32 | (0xc0000080 + (r >> 16 & 3)) | (r >> 18 & 1) << 8;
    case LAB_EPTP:
        return r >> 8 & 1023;
    case LAB_NESTED:
        return (r >> 8 & 0x3ff) << 12 | (r >> 32 & 3);
    default:
        return hostile_value() >> 8;
    }
}

/* All kinds, also those that are not the guest's, and some that are none; fields half of the time. */
static void set_one(void)
{
    uint64_t r = hostile_random(), kind = r & 1 ? LAB_FIELD : (r >> 8) % (LAB_ALL + 2);
    uint64_t what = LAB_WHAT(kind, make_number((enum lab_kind)kind)), value = make_value(what);
    long result;

    if (kind == LAB_PORT || kind == LAB_MSR_READ || kind == LAB_MSR_WRITE || kind == LAB_EPTP)
        value = r >> 32 & 3;
    pair = (struct lab_pair){what, value};
    count.pairs++;
    refusal.why[0] = 0;
    result = hypercall(HC_LAB_MACHINE, (uint64_t)&pair, 1, (uint64_t)&refusal);
    count.done += result == 0;
    count.refused += result == -ABI_EACCES;
    count.nonsense += result == -ABI_EINVAL || result == -ABI_EFAULT;
    count.mute += result == -ABI_EACCES && refusal.why[0] == 0;
    count.strange += result > 0 || result < -ABI_EINTR;
}

/* Things that the controls are about. Not MOV to CR8 on SVM: QEMU's emulation (7.2) dies of it while V_IRQ is set. */
static void use(uint64_t r)
{
    uint64_t port = 0x7ff0 + (r >> 8 & 31);

    switch (r & 15) {
    case 0:
        cpu_id((uint32_t)(r >> 8 & 7), 0);
        break;
    case 1:
        cpu_read_tsc();
        break;
    case 2:
        __asm__ volatile("in %%dx, %%al" : : "d"(port) : "eax");
        break;
    case 3:
        __asm__ volatile("out %%eax, %%dx" : : "d"(0xfff0 + (r >> 8 & 15)), "a"(0));
        break;
    case 4:
        __asm__ volatile("rdmsr" : : "c"(0xc0000080 + (r >> 8 & 3)) : "eax", "edx");
        break;
    case 5:
        __asm__ volatile("mov %%cr0, %%rax; mov %%rax, %%cr0" : : : "rax");
        break;
    case 6:
        __asm__ volatile("mov %%cr4, %%rax; mov %%rax, %%cr4" : : : "rax");
        break;
    case 7:
        if (!hypercall_is_svm)
            __asm__ volatile("mov %%cr8, %%rax; mov %0, %%cr8" : : "r"(r >> 8 & 15) : "rax");
        break;
    case 8:
        __asm__ volatile("mov %%db3, %%rax; mov %%rax, %%db3" : : : "rax");
        break;
    case 9:
        __asm__ volatile("pause; pause; wbinvd; invlpg (%0)" : : "r"(&pair) : "memory");
        break;
    case 10:
        __asm__ volatile("sidt %0; str %%eax" : "=m"(*(char (*)[10])refusal.why) : : "eax");
        break;
    case 11:
        __asm__ volatile("sti; nop; nop; cli" : : : "memory");
        break;
    case 12:
        __asm__ volatile("int3");
        break;
    case 13:
        __asm__ volatile("wrmsr" : : "c"(0xc0000082), "a"(0), "d"(0));
        break;
    default:
        break;
    }
}

/*
 * One hypercall that may return again later: inline, for the frame of a function that has returned is gone by then. What its
 * caller keeps on the stack must not change in between, so the callers do nothing else.
 */
static inline __attribute__((always_inline)) long call_twice(unsigned long number, unsigned long a, unsigned long b,
                                                             unsigned long c)
{
    long result;

    if (hypercall_is_svm)
        __asm__ volatile("vmmcall" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
    else
        __asm__ volatile("vmcall" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
    return result;
}

/* Until the guard ends it, or a trap, or it is over by itself. Observed or not. */
static __attribute__((noinline)) void play_round(void)
{
    for (unsigned i = 0; i < ROUND_PAIRS; i++) {
        uint64_t r = hostile_random();

        set_one();
        if ((r & 15) == 0)
            call_twice(HC_LAB_OBSERVE, (uint64_t)&observed, r >> 8 & 3 ? LAB_SKIP : r >> 16 & 7, hostile_value());
        if ((r >> 4 & 3) == 0)
            use(hostile_random());
    }
}

static __attribute__((noinline)) void guarded_round(void)
{
    if (call_twice(HC_LAB_GUARD, (uint64_t)&guarded, count.ticks, ROUND_EXITS) == 0)
        play_round();
    else
        count.guards++;
}

void lab_mode(uint64_t pairs)
{
    count.wanted = pairs ? pairs : DEFAULT_PAIRS;
    count.ticks = (uint64_t)cpu_id(CPUID_NESTOR_INFO, 0).ebx * ROUND_MS;
    for (unsigned vector = 0; vector < VECTORS; vector++)
        interrupt_set_handler((uint8_t)vector, leave);
    while (count.pairs < count.wanted) {
        if (setjmp(way_back) == 0)
            guarded_round();
        else
            count.traps++;
        hypercall(HC_LAB_RESET, 0, 0, 0); /* before the guard goes: what is set could be the end of us */
        hypercall(HC_LAB_GUARD, 0, 0, 0);
        count.exits += observed.exits;
    }
    test_result(count.done > count.pairs / 20 && count.refused > count.pairs / 100 && count.strange == 0,
                "%lu pairs: %lu set, %lu refused, %lu nonsense, %lu strange results", count.pairs, count.done, count.refused,
                count.nonsense, count.strange);
    test_result(count.mute == 0, "%lu refusals without a word", count.mute);
    test_result(count.guards > 0, "%lu rounds ended by the guard, %lu by a trap; %lu observed exits", count.guards,
                count.traps, count.exits);
    test_result(hypercall(HC_NULL, 0, 0, 0) == 0 && cpu_id(0x40000000, 0).eax == CPUID_NESTOR_INFO, "all is as at the start");
}
