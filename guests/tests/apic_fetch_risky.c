/*
 * Fetches from the APIC-access page. Not in config/tests.conf: Bochs 2.7 ends ("getHostMemAddr vetoed direct read"). On real
 * CPUs these can run: make run TESTS='fetch_apic*'.
 */
#include "guests/lib/lab/lab.h"
#include "guests/tests/apic.h"

static const uint16_t offsets[] = {0x000, APIC_ID, APIC_TPR, APIC_SVR, APIC_ICR, 0x7ff, 0xfff};
static const struct feature_axis axes[] = {
    AXIS("000", "020", "080", "0f0", "300", "7ff", "fff"), AXIS("kernel", "user"), {0}};

FEATURE_GRID(fetch_apic, VMX,
             NEEDS(PROC_TPR_SHADOW, PROC2_VIRTUALIZE_APIC_ACCESSES, NOT(PROC_CR8_LOAD), NOT(PROC_CR8_STORE)),
             "APIC-Access VM Exits", "an instruction fetch exits, also where the TPR is", axes)
{
    void (*code)(void) = (void (*)(void))(APIC_ADDRESS + offsets[at[0]]);
    struct exit_record e;

    apic_begin();
    if (at[1])
        e = OBSERVE(IN_USER(code()));
    else
        e = OBSERVE(code());
    EXPECT_EXIT(EXIT_APIC_ACCESS);
    EXPECT_BITS(e.qualification, 0xffff, APIC_QUALIFICATION(ACCESS_TYPE_FETCH, offsets[at[0]]));
    EXPECT_EQ(e.rip, (uint64_t)code);
}
