/* sources: kernel/svm/lab_policy.c tests/lib_support.c */
/* What the guest of an SVM lab may set: single rules, and what holds of the controls whatever it sets. */
#include "kernel/svm/lab_policy.h"

#include <string.h>

#include "config/abi.h"
#include "tests/lib_support.h"

#define WHAT(member) VMCB_FIELD(offsetof(struct vmcb, member), sizeof(((struct vmcb *)0)->member))

enum { ALL_FEATURES = -1, WRITES = 200000 };

static const uint64_t cr = WHAT(control.intercept[INTERCEPT_CR]), dr = WHAT(control.intercept[INTERCEPT_DR]),
                      exception = WHAT(control.intercept[INTERCEPT_EXCEPTION]),
                      misc1 = WHAT(control.intercept[INTERCEPT_MISC1]), misc2 = WHAT(control.intercept[INTERCEPT_MISC2]),
                      misc3 = WHAT(control.intercept[INTERCEPT_MISC3]), v_intr = WHAT(control.v_intr),
                      lbr = WHAT(control.lbr_control), tlb = WHAT(control.tlb_control), asid = WHAT(control.asid),
                      nested = WHAT(control.nested_control), clean = WHAT(control.clean),
                      pause_count = WHAT(control.pause_filter_count), dbgctl = WHAT(save.dbgctl);

static const uint32_t misc1_kept = INTERCEPT_INTR | INTERCEPT_NMI | INTERCEPT_SMI | INTERCEPT_INIT | INTERCEPT_INVD |
                                   INTERCEPT_INVLPGA | INTERCEPT_IOIO | INTERCEPT_MSR | INTERCEPT_FERR_FREEZE |
                                   INTERCEPT_SHUTDOWN;
static const uint32_t misc2_kept = INTERCEPT_VMRUN | INTERCEPT_VMMCALL | INTERCEPT_SKINIT | INTERCEPT_XSETBV;
static const uint32_t gif = INTERCEPT_STGI | INTERCEPT_CLGI, vmload = INTERCEPT_VMLOAD | INTERCEPT_VMSAVE;

/* As after lab_reset. */
static void start(struct vmcb_control *c)
{
    memset(c, 0, sizeof *c);
    c->intercept[INTERCEPT_EXCEPTION] = 1 << 1 | 1 << 17 | 1 << 18;
    c->intercept[INTERCEPT_MISC1] = misc1_kept | INTERCEPT_HLT | INTERCEPT_CPUID;
    c->intercept[INTERCEPT_MISC2] = misc2_kept | gif | vmload;
    c->v_intr = V_INTR_MASKING | V_IGN_TPR | V_INTR_PRIO;
    c->nested_control = NESTED_NP_ENABLE;
    c->asid = 7;
}

static uint64_t get(const struct vmcb_control *c, uint64_t what)
{
    uint64_t value = 0;

    memcpy(&value, (const char *)c + (what & 0xffff), what >> 16);
    return value;
}

static void set(struct vmcb_control *c, uint64_t what, uint64_t value)
{
    memcpy((char *)c + (what & 0xffff), &value, what >> 16);
}

/* Writes if that is allowed: the bits that are refused. */
static uint64_t write_field(struct vmcb_control *c, uint32_t features, uint64_t what, uint64_t value)
{
    struct svm_lab_answer answer;

    CHECK(svm_lab_policy(c, features, what, value, &answer));
    CHECK(!answer.why == !answer.refused);
    if (answer.why)
        CHECK(strlen(answer.why) < sizeof(((struct vcpu_page *)0)->refused_why));
    else if ((what & 0xffff) < sizeof *c)
        set(c, what, value);
    return answer.refused;
}

/* A change of one field from the start: bits that are turned over, bits that are refused. */
static void check_single_rules(void)
{
    static const struct {
        const uint64_t *what;
        uint32_t features;
        uint64_t turned, refused;
    } rows[] = {
        {&cr, 0, UINT32_MAX, 0},
        {&dr, 0, UINT32_MAX, 0},
        {&exception, 0, UINT32_MAX, 0},
        {&misc1, 0, INTERCEPT_HLT | INTERCEPT_CPUID | INTERCEPT_VINTR | INTERCEPT_RSM, 0},
        {&misc1, 0, INTERCEPT_INTR, INTERCEPT_INTR},
        {&misc1, 0, INTERCEPT_HLT | INTERCEPT_IOIO | INTERCEPT_INVD, INTERCEPT_IOIO | INTERCEPT_INVD},
        {&misc1, ALL_FEATURES, INTERCEPT_SHUTDOWN, INTERCEPT_SHUTDOWN},
        {&misc2, 0, INTERCEPT_MONITOR | INTERCEPT_WBINVD, 0},
        {&misc2, ALL_FEATURES, INTERCEPT_VMRUN, INTERCEPT_VMRUN},
        {&misc2, ALL_FEATURES, INTERCEPT_VMMCALL, INTERCEPT_VMMCALL},
        {&misc2, ALL_FEATURES, INTERCEPT_CLGI, INTERCEPT_CLGI},
        {&misc2, ALL_FEATURES, INTERCEPT_VMSAVE, INTERCEPT_VMSAVE},
        {&misc3, 0, UINT32_MAX, 0},
        {&pause_count, 0, UINT16_MAX, 0},
        {&asid, 0, 1, 1},
        {&asid, 0, 0, 0},
        {&tlb, 0, TLB_CONTROL_FLUSH_ALL, 0},
        {&tlb, 0, 2, 0xff},
        {&tlb, 0, TLB_CONTROL_FLUSH_ASID, TLB_CONTROL_FLUSH_ASID},
        {&tlb, SVM_FLUSH_BY_ASID, TLB_CONTROL_FLUSH_ASID, 0},
        {&tlb, SVM_FLUSH_BY_ASID, TLB_CONTROL_FLUSH_ASID_LOCAL, 0},
        {&v_intr, 0, V_TPR | V_IRQ | V_INTR_PRIO | V_IGN_TPR | V_INTR_VECTOR, 0},
        {&v_intr, ALL_FEATURES, V_INTR_MASKING | V_IRQ, V_INTR_MASKING},
        {&v_intr, 0, V_GIF_ENABLE, V_GIF_ENABLE},
        {&v_intr, SVM_VIRTUAL_GIF, V_GIF_ENABLE | V_GIF, 0},
        {&v_intr, ALL_FEATURES, 1ull << 31, 1ull << 31},
        {&nested, ALL_FEATURES, NESTED_NP_ENABLE, NESTED_NP_ENABLE},
        {&nested, ALL_FEATURES, 2, 2},
        {&lbr, 0, LBR_ENABLE, LBR_ENABLE},
        {&lbr, SVM_LBR_VIRTUALIZATION, LBR_ENABLE, 0},
        {&lbr, SVM_LBR_VIRTUALIZATION, VIRTUAL_VMLOAD, VIRTUAL_VMLOAD},
        {&lbr, SVM_VIRTUAL_VMLOAD_VMSAVE, VIRTUAL_VMLOAD, 0},
        {&lbr, ALL_FEATURES, 4, 4},
        {&clean, 0, UINT32_MAX, 0},
        {&dbgctl, 0, 1, UINT64_MAX},
        {&dbgctl, SVM_LBR_VIRTUALIZATION, 1, 0},
    };

    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vmcb_control c;
        uint64_t old;

        start(&c);
        old = (*rows[i].what & 0xffff) < sizeof c ? get(&c, *rows[i].what) : 0;
        CHECK(write_field(&c, rows[i].features, *rows[i].what, old ^ rows[i].turned) == rows[i].refused);
    }
}

/* STGI and CLGI are the guest's only as long as it has a GIF of its own, VMLOAD and VMSAVE only with nested addresses. */
static void check_coupled(void)
{
    struct svm_lab_answer answer;
    struct vmcb_control c;

    start(&c);
    CHECK(write_field(&c, ALL_FEATURES, v_intr, c.v_intr | V_GIF_ENABLE | V_GIF) == 0);
    CHECK(write_field(&c, ALL_FEATURES, misc2, c.intercept[INTERCEPT_MISC2] & ~gif) == 0);
    CHECK(write_field(&c, ALL_FEATURES, v_intr, c.v_intr & ~(uint64_t)V_GIF_ENABLE) == V_GIF_ENABLE);
    CHECK(write_field(&c, ALL_FEATURES, misc2, c.intercept[INTERCEPT_MISC2] | INTERCEPT_CLGI) == 0);
    CHECK(write_field(&c, ALL_FEATURES, v_intr, c.v_intr & ~(uint64_t)V_GIF_ENABLE) == V_GIF_ENABLE);
    CHECK(write_field(&c, ALL_FEATURES, misc2, c.intercept[INTERCEPT_MISC2] | gif) == 0);
    CHECK(svm_lab_policy(&c, ALL_FEATURES, v_intr, c.v_intr & ~(uint64_t)V_GIF_ENABLE, &answer));
    CHECK(!answer.why && answer.clean == CLEAN_ALL);
    CHECK(svm_lab_policy(&c, ALL_FEATURES, v_intr, c.v_intr | V_IRQ, &answer));
    CHECK(!answer.why && answer.clean == CLEAN_TPR);

    CHECK(write_field(&c, ALL_FEATURES, lbr, VIRTUAL_VMLOAD) == 0);
    CHECK(write_field(&c, ALL_FEATURES, misc2, c.intercept[INTERCEPT_MISC2] & ~vmload) == 0);
    CHECK(write_field(&c, ALL_FEATURES, lbr, 0) == VIRTUAL_VMLOAD);
    CHECK(write_field(&c, ALL_FEATURES, misc2, c.intercept[INTERCEPT_MISC2] | vmload) == 0);
    CHECK(write_field(&c, ALL_FEATURES, lbr, 0) == 0);
}

/* Fields of all monitors, addresses of the host, and parts of fields. */
static void check_other_fields(void)
{
    static const uint64_t others[] = {
        WHAT(control.iopm_base_pa), WHAT(control.msrpm_base_pa), WHAT(control.nested_cr3), WHAT(control.exitcode),
        WHAT(control.tsc_offset),   WHAT(control.eventinj),      WHAT(save.efer),          WHAT(save.rip),
        VMCB_FIELD(0, 8),           VMCB_FIELD(1, 4),            VMCB_FIELD(0x60, 4),      UINT64_MAX,
    };
    struct svm_lab_answer answer;
    struct vmcb_control c;

    start(&c);
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++)
        CHECK(!svm_lab_policy(&c, ALL_FEATURES, others[i], 0, &answer));
}

/* What keeps the host safe, but for the exceptions, which lab.c adds. */
static void check_host_is_safe(const struct vmcb_control *c, uint32_t features)
{
    CHECK((c->intercept[INTERCEPT_MISC1] & misc1_kept) == misc1_kept);
    CHECK((c->intercept[INTERCEPT_MISC2] & misc2_kept) == misc2_kept);
    CHECK((c->intercept[INTERCEPT_MISC2] & gif) == gif || (c->v_intr & V_GIF_ENABLE && features & SVM_VIRTUAL_GIF));
    CHECK((c->intercept[INTERCEPT_MISC2] & vmload) == vmload ||
          (c->lbr_control & VIRTUAL_VMLOAD && features & SVM_VIRTUAL_VMLOAD_VMSAVE));
    CHECK(c->v_intr & V_INTR_MASKING);
    CHECK(c->nested_control == NESTED_NP_ENABLE);
    CHECK(c->asid == 7);
    CHECK(c->iopm_base_pa == 0 && c->msrpm_base_pa == 0 && c->nested_cr3 == 0);
}

static void check_random_writes(void)
{
    const uint64_t fields[] = {cr, dr, exception, misc1, misc2, misc3, v_intr, lbr, tlb, asid, nested, clean, pause_count};
    unsigned accepted = 0;
    struct vmcb_control c;

    test_seed(4);
    start(&c);
    for (unsigned i = 0; i < WRITES; i++) {
        uint64_t what = fields[test_random() % (sizeof fields / sizeof *fields)], bits = (what >> 16) * 8, value;
        uint32_t features = i < WRITES / 2 ? 0 : (uint32_t)ALL_FEATURES;

        value = get(&c, what) ^ (test_random() & test_random() & test_random() & test_random());
        if (test_random() % 2)
            value = get(&c, what) ^ 1ull << test_random() % bits;
        value &= bits < 64 ? (1ull << bits) - 1 : UINT64_MAX;
        accepted += write_field(&c, features, what, value) == 0;
        check_host_is_safe(&c, features);
    }
    CHECK(accepted > WRITES / 4);
}

int main(void)
{
    check_single_rules();
    test_passed("each rule, from the start");
    check_coupled();
    test_passed("controls that go together");
    check_other_fields();
    test_passed("fields that are not the lab's");
    check_random_writes();
    test_passed("random writes leave the host safe");
    return test_done();
}
