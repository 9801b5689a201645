/* sources: vmm/monitor/vmx_exits.c vmm/monitor/svm_exits.c vmm/monitor/reg.c tests/lib_support.c */
/* The exit decoders, raw record in, neutral exit out; and the formats of segment rights. */
#include <stdio.h>
#include <string.h>

#include "tests/lib_support.h"
#include "vmm/monitor/exit.h"
#include "vmm/monitor/reg.h"

typedef void exit_decoder(const struct exit_record *record, struct guest_exit *out);

static struct guest_exit decode(exit_decoder *decoder, uint64_t reason, uint64_t qualification, uint64_t physical)
{
    struct exit_record record = {
        .reason = reason,
        .qualification = qualification,
        .physical = physical,
    };
    struct guest_exit e;

    memset(&e, 0xee, sizeof(e));
    decoder(&record, &e);
    CHECK(e.kind < EXIT_KINDS && e.name && e.record == &record);
    return e;
}

/* ---- What is only a kind and a name ----------------------------------------------------------------------- */

static const struct plain {
    exit_decoder *decoder;
    uint64_t reason;
    enum exit_kind kind;
    const char *name;
} plains[] = {
    {vmx_exit_decode, 2, EXIT_TRIPLE_FAULT, "TRIPLE_FAULT"},
    {vmx_exit_decode, 12, EXIT_HALT, "HLT"},
    {vmx_exit_decode, 18, EXIT_HYPERCALL, "VMCALL"},
    {vmx_exit_decode, 27, EXIT_UNDEFINED, "VMXON"},
    {vmx_exit_decode, 31, EXIT_MSR_READ, "RDMSR"},
    {vmx_exit_decode, 32, EXIT_MSR_WRITE, "WRMSR"},
    {vmx_exit_decode, 55, EXIT_PROTECTED, "XSETBV"},
    {vmx_exit_decode, 13, EXIT_IGNORED, "INVD"},
    {vmx_exit_decode, 9, EXIT_OTHER, "TASK_SWITCH"},
    {vmx_exit_decode, 35, EXIT_OTHER, "an exit unknown here"},
    {vmx_exit_decode, 69, EXIT_OTHER, "an exit unknown here"},
    {vmx_exit_decode, 0xffff, EXIT_OTHER, "an exit unknown here"},
    {vmx_exit_decode, 0x80000021, EXIT_ENTRY_FAILURE, "ENTRY_FAILURE_GUEST_STATE"},
    {vmx_exit_decode, 0x80000022, EXIT_ENTRY_FAILURE, "ENTRY_FAILURE_MSR_LOADING"},
    {vmx_exit_decode, 0x8000001e, EXIT_ENTRY_FAILURE, "IO_INSTRUCTION"},
    {svm_exit_decode, 0x7f, EXIT_TRIPLE_FAULT, "VMEXIT_SHUTDOWN"},
    {svm_exit_decode, 0x78, EXIT_HALT, "VMEXIT_HLT"},
    {svm_exit_decode, 0x81, EXIT_HYPERCALL, "VMEXIT_VMMCALL"},
    {svm_exit_decode, 0x80, EXIT_UNDEFINED, "VMEXIT_VMRUN"},
    {svm_exit_decode, 0x8d, EXIT_PROTECTED, "VMEXIT_XSETBV"},
    {svm_exit_decode, 0x89, EXIT_IGNORED, "VMEXIT_WBINVD"},
    {svm_exit_decode, 0x00, EXIT_OTHER, "VMEXIT_CR_READ"},
    {svm_exit_decode, 0x1f, EXIT_OTHER, "VMEXIT_CR_WRITE"},
    {svm_exit_decode, 0x5f, EXIT_OTHER, "VMEXIT_EXCP"},
    {svm_exit_decode, 0x404, EXIT_OTHER, "an exit unknown here"},
    {svm_exit_decode, 0xfffffffe, EXIT_OTHER, "an exit unknown here"},
    {svm_exit_decode, 0xffffffff, EXIT_ENTRY_FAILURE, "VMEXIT_INVALID"},
    {svm_exit_decode, ~0ull, EXIT_ENTRY_FAILURE, "VMEXIT_INVALID"},
};

static void test_plain(void)
{
    for (const struct plain *p = plains; p < plains + sizeof(plains) / sizeof(plains[0]); p++) {
        struct guest_exit e = decode(p->decoder, p->reason, 0, 0);

        CHECK(e.kind == p->kind && strcmp(e.name, p->name) == 0);
    }
    test_passed("exits by kind and name");
}

/* ---- I/O -------------------------------------------------------------------------------------------------- */

static const struct io {
    exit_decoder *decoder;
    uint64_t qualification;
    uint16_t port;
    uint8_t bytes;
    bool in, string, rep;
} ios[] = {
    {vmx_exit_decode, 0x03f80000, 0x3f8, 1, false, false, false},
    {vmx_exit_decode, 0x03fd0008, 0x3fd, 1, true, false, false},
    {vmx_exit_decode, 0xffff0001, 0xffff, 2, false, false, false},
    {vmx_exit_decode, 0x0cf8000b, 0xcf8, 4, true, false, false},
    {vmx_exit_decode, 0x00600038, 0x60, 1, true, true, true},
    {vmx_exit_decode, 0x00600051, 0x60, 2, false, true, false}, /* bit 6: port in an immediate */
    {svm_exit_decode, 0x03f80210, 0x3f8, 1, false, false, false},
    {svm_exit_decode, 0x03fd0211, 0x3fd, 1, true, false, false},
    {svm_exit_decode, 0xffff0220, 0xffff, 2, false, false, false},
    {svm_exit_decode, 0x0cf80241, 0xcf8, 4, true, false, false},
    {svm_exit_decode, 0x0060021d, 0x60, 1, true, true, true},
    {svm_exit_decode, 0x00600224, 0x60, 2, false, true, false},
};

static void test_io(void)
{
    for (const struct io *io = ios; io < ios + sizeof(ios) / sizeof(ios[0]); io++) {
        struct guest_exit e = decode(io->decoder, io->decoder == vmx_exit_decode ? 30 : 0x7b, io->qualification, 0);

        CHECK(e.kind == EXIT_IO && e.io.port == io->port && e.io.bytes == io->bytes);
        CHECK(e.io.in == io->in && e.io.string == io->string && e.io.rep == io->rep);
    }
    test_passed("I/O: port, width, direction, string and rep");
}

/* ---- Memory, MSRs, control registers ---------------------------------------------------------------------- */

static const struct memory {
    exit_decoder *decoder;
    uint64_t qualification;
    bool write, fetch;
} memories[] = {
    {vmx_exit_decode, 0x181, false, false},      {vmx_exit_decode, 0x182, true, false},
    {vmx_exit_decode, 0x184, false, true},       {svm_exit_decode, 0x100000004, false, false},
    {svm_exit_decode, 0x100000006, true, false}, {svm_exit_decode, 0x100000014, false, true},
};

static void test_memory(void)
{
    for (const struct memory *m = memories; m < memories + sizeof(memories) / sizeof(memories[0]); m++) {
        struct guest_exit e =
            decode(m->decoder, m->decoder == vmx_exit_decode ? 48 : 0x400, m->qualification, 0x3fe00008);

        CHECK(e.kind == EXIT_MEMORY && e.memory.gpa == 0x3fe00008);
        CHECK(e.memory.write == m->write && e.memory.fetch == m->fetch);
    }
    test_passed("memory: address, write and fetch");
}

static void test_msr(void)
{
    CHECK(decode(svm_exit_decode, 0x7c, 0, 0).kind == EXIT_MSR_READ);
    CHECK(decode(svm_exit_decode, 0x7c, 1, 0).kind == EXIT_MSR_WRITE);
    test_passed("MSRs of SVM: read and write");
}

static void test_cr(void)
{
    struct guest_exit e = decode(vmx_exit_decode, 28, 0x0100, 0); /* MOV CR0, RCX */

    CHECK(e.kind == EXIT_CR && e.cr.number == 0 && e.cr.gpr == GPR_RCX && e.cr.write);
    e = decode(vmx_exit_decode, 28, 0x0f18, 0); /* MOV R15, CR8 */
    CHECK(e.kind == EXIT_CR && e.cr.number == 8 && e.cr.gpr == GPR_R15 && !e.cr.write);
    CHECK(decode(vmx_exit_decode, 28, 0x20, 0).kind == EXIT_OTHER); /* CLTS */
    CHECK(decode(vmx_exit_decode, 28, 0x30, 0).kind == EXIT_OTHER); /* LMSW */
    test_passed("control registers: number, register, direction");
}

static void test_every_reason(void)
{
    for (uint64_t reason = 0; reason < 0x10000; reason++) {
        decode(vmx_exit_decode, reason, ~0ull, 0);
        decode(vmx_exit_decode, reason | 0x80000000, ~0ull, 0);
        decode(svm_exit_decode, reason, ~0ull, 0);
    }
    test_passed("no reason leads astray");
}

/* ---- Registers -------------------------------------------------------------------------------------------- */

static void test_rights(void)
{
    static const struct {
        uint64_t vmx, vmcb;
    } rights[] = {
        {0xc09b, 0xc9b}, {0xa09b, 0xa9b}, {0x0093, 0x093}, {0x008b, 0x08b}, {0xf0f3, 0xff3}, {RIGHTS_UNUSABLE, 0},
    };
    enum reg reg = reg_segment(SEG_CS, SEG_RIGHTS), limit = reg_segment(SEG_CS, SEG_LIMIT);

    for (unsigned i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
        CHECK(reg_to_vendor(BACKEND_SVM, reg, rights[i].vmx) == rights[i].vmcb);
        CHECK(reg_from_vendor(BACKEND_SVM, reg, rights[i].vmcb) == rights[i].vmx);
        CHECK(reg_to_vendor(BACKEND_VMX, reg, rights[i].vmx) == rights[i].vmx);
        CHECK(reg_from_vendor(BACKEND_VMX, reg, rights[i].vmx) == rights[i].vmx);
    }
    CHECK(reg_to_vendor(BACKEND_SVM, limit, 0xffffffff) == 0xffffffff);
    test_passed("segment rights in both formats");
}

static void test_rows(void)
{
    for (enum reg r = 0; r < REG_COUNT; r++) {
        uint64_t vmx = reg_what(BACKEND_VMX, r), svm = reg_what(BACKEND_SVM, r);

        CHECK(reg_name(r) && (vmx || svm));
        for (enum reg other = 0; other < r; other++) {
            CHECK(r >= REG_PENDING || strcmp(reg_name(r), reg_name(other)) != 0);
            CHECK(vmx == 0 || vmx != reg_what(BACKEND_VMX, other));
            CHECK(svm == 0 || svm != reg_what(BACKEND_SVM, other));
        }
    }
    CHECK(reg_what(BACKEND_VMX, REG_FPU + 63) == (VCPU_ITEM | (ITEM_FPU + 63)));
    CHECK(reg_what(BACKEND_SVM, REG_PENDING) == (VCPU_ITEM | ITEM_PENDING));
    CHECK(strcmp(reg_rows[reg_segment(SEG_TR, SEG_BASE)].name, "TR base") == 0);
    CHECK(reg_what(BACKEND_VMX, reg_segment(SEG_TR, SEG_BASE)) == 0x6814);
    CHECK(reg_what(BACKEND_SVM, reg_segment(SEG_TR, SEG_BASE)) == VMCB_FIELD(0x498, 8));
    CHECK(reg_what(BACKEND_SVM, REG_PDPTE0) == 0);
    test_passed("each register has one name and one place");
}

int main(void)
{
    test_plain();
    test_io();
    test_memory();
    test_msr();
    test_cr();
    test_every_reason();
    test_rights();
    test_rows();
    return test_done();
}
