/* What the kernel of `make bench` has beside the others: a hypercall that reads its counters. It stands before the kernel's
 * own hypercalls by the linker's --wrap. */
#include "guests/demo/bench/counters.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vmx/access.h"

uint64_t bench_vmreads, bench_vmwrites;

enum verdict __real_vcpu_handle_hypercall(struct vcpu *vcpu);
enum verdict __wrap_vcpu_handle_hypercall(struct vcpu *vcpu);

enum verdict __wrap_vcpu_handle_hypercall(struct vcpu *vcpu)
{
    uint64_t *gpr = vcpu->page->gpr;

    if (gpr[GPR_RAX] == HC_BENCH_VMREADS)
        gpr[GPR_RAX] = bench_vmreads;
    else if (gpr[GPR_RAX] == HC_BENCH_VMWRITES)
        gpr[GPR_RAX] = bench_vmwrites;
    else
        return __real_vcpu_handle_hypercall(vcpu);
    return VERDICT_ANSWERED;
}
