#include "kernel/cpu/trace.h"

#include "kernel/vm/virt_ops.h"
#include "lib/print.h"
#include "mm/account.h"
#include "mm/direct.h"

enum {
    FULL_BYTES = TRACE_RECORDS * sizeof(struct trace_record),
    FULL_ORDER = __builtin_ctz(FULL_BYTES / PAGE_BYTES),
    PRINTED = 16
};

_Static_assert(PAGE_BYTES << FULL_ORDER == FULL_BYTES, "TRACE_RECORDS is a power of two");

bool trace_init_pcpu(struct pcpu *pcpu)
{
    hpa_t page = mm_page_alloc(&mm_kernel_account, 0);

    if (hpa_is_none(page))
        return false;
    trace_ring_init(&pcpu->trace, mm_direct(page), PAGE_BYTES);
    return true;
}

int trace_start(void)
{
    for (unsigned i = 0; i < pcpu_count; i++) {
        hpa_t small = mm_direct_hpa(pcpus[i]->trace.record), block;

        if (pcpus[i]->trace.mask == TRACE_RECORDS - 1)
            continue;
        block = mm_page_alloc(&mm_kernel_account, FULL_ORDER);
        if (hpa_is_none(block))
            return -ABI_ENOMEM;
        trace_ring_move(&pcpus[i]->trace, mm_direct(block), FULL_BYTES);
        mm_page_free(&mm_kernel_account, small, 0);
    }
    return 0;
}

static const char *kind_text(uint32_t kind)
{
    static const struct {
        enum trace_kind kind;
        const char *text;
    } rows[] = {
        {TRACE_SWITCH, "its turn begins"},
        {TRACE_STOP, "its turn ends"},
        {TRACE_PASS, "takes a turn over"},
        {TRACE_MONITOR, "to its monitor"},
        {TRACE_RUN, "its monitor enters"},
        {TRACE_WAKE, "wakes"},
        {TRACE_STEAL, "is stolen"},
        {TRACE_MOVE, "is moved"},
        {TRACE_FAULT, "nested page fault"},
        {TRACE_INTERRUPT, "interrupt"},
        {TRACE_MESSAGE, "message"},
        {TRACE_VM_START, "VM starts"},
        {TRACE_VM_END, "VM ends"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].kind == kind)
            return rows[i].text;
    return "?";
}

static void print_record(const struct trace_record *r)
{
    const char *text = r->kind == TRACE_EXIT ? virt->exit_name(r->a) : kind_text(r->kind);

    if ((uint16_t)r->who == TRACE_ROOT)
        print("  root  ");
    else
        print("  vm %u vcpu %u  ", r->who & 0xffff, r->who >> 16);
    print("%s (%llx, %llx)\n", text, (unsigned long long)r->a, (unsigned long long)r->b);
}

void trace_print(const struct pcpu *pcpu)
{
    uint64_t next = pcpu->trace.next;

    print("last events of pCPU %u, the newest last; an exit has its reason and RIP:\n", pcpu->id);
    for (uint64_t i = next > PRINTED ? next - PRINTED : 0; i < next; i++)
        print_record(&pcpu->trace.record[i & pcpu->trace.mask]);
}
