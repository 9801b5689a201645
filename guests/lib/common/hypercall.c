#include "guests/lib/common/cpu.h"
#include "guests/lib/common/hypercall.h"

bool hypercall_is_svm;

void hypercall_setup(void) { hypercall_is_svm = cpu_id(CPUID_NESTOR_INFO, 0).eax == BACKEND_SVM; }

/* Not inlined: the names of its instructions are there once. */
__attribute__((noinline, noclone)) long hypercall(unsigned long number, unsigned long a, unsigned long b, unsigned long c)
{
    __asm__ volatile("hypercall_again:\n"
                     "cmpb $0, %[svm]\n"
                     "jne hypercall_vmmcall\n"
                     "hypercall_vmcall:\n"
                     "vmcall\n"
                     "jmp 1f\n"
                     "hypercall_vmmcall:\n"
                     "vmmcall\n"
                     "1:\n"
                     : "+a"(number), "+b"(a)
                     : "c"(b), "d"(c), [svm] "m"(hypercall_is_svm)
                     : "memory", "cc");
    return (long)number;
}

bool hypercall_retry(unsigned long *ip)
{
    extern const char hypercall_again[], hypercall_vmcall[], hypercall_vmmcall[];
    bool was_svm = hypercall_is_svm;

    if (*ip != (unsigned long)hypercall_vmcall && *ip != (unsigned long)hypercall_vmmcall)
        return false;
    hypercall_setup();
    *ip = (unsigned long)hypercall_again;
    return hypercall_is_svm != was_svm;
}

void guest_exit(long status)
{
    hypercall(HC_EXIT, (unsigned long)status, 0, 0);
    cpu_stop();
}
