/* Each hypercall once in ring 3, where none is allowed. */
#include "guests/demo/fault/fault.h"
#include "guests/lib/common/hypercall.h"
#include "guests/lib/common/interrupt.h"
#include "guests/lib/common/test.h"
#include "guests/lib/x64/descriptors.h"

/* ring3_call.asm: what hypercall(number, 0, 0, 0) returns in ring 3; leaves the stack to come back to in the TSS. */
long ring3_call(unsigned long number);
extern const char ring3_hlt[], ring3_return[];

/* HLT is not for ring 3: its #GP is the way back. */
static void general_protection(struct interrupt_frame *frame)
{
    if (frame->ip != (unsigned long)ring3_hlt || frame->cs != SELECTOR_USER_CODE)
        interrupt_report(frame);
    frame->ip = (unsigned long)ring3_return;
    frame->cs = SELECTOR_CODE;
    frame->ss = SELECTOR_DATA;
    frame->sp = guest_tss.rsp[0];
}

void fault_try_ring3(void)
{
    static const struct {
        unsigned long number;
        const char *name;
    } calls[] = {
        {HC_NULL, "HC_NULL"},       {HC_YIELD, "HC_YIELD"}, {HC_TIMER, "HC_TIMER"},
        {HC_CONSOLE, "HC_CONSOLE"}, {HC_EXIT, "HC_EXIT"},   {HC_TEST, "HC_TEST"},
        {HC_MEMORY, "HC_MEMORY"},   {HC_ARGS, "HC_ARGS"},   {~0ul, "an unknown call"},
    };

    interrupt_set_handler(VECTOR_GP, general_protection);
    for (unsigned i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        long got = ring3_call(calls[i].number);

        test_result(got == -ABI_EPERM, "%s from ring 3 is refused with EPERM (returned %ld)", calls[i].name, got);
    }
    test_result(hypercall(HC_NULL, 0, 0, 0) == 0, "ring 0 is still served");
}
