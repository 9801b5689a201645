#include "guests/lib/common/cpu.h"
#include "guests/lib/common/hypercall.h"

bool hypercall_is_svm;

void hypercall_setup(void) { hypercall_is_svm = cpu_id(CPUID_NESTOR_INFO, 0).eax == BACKEND_SVM; }

long hypercall(unsigned long number, unsigned long a, unsigned long b, unsigned long c)
{
    if (hypercall_is_svm)
        __asm__ volatile("vmmcall" : "+a"(number) : "b"(a), "c"(b), "d"(c) : "memory");
    else
        __asm__ volatile("vmcall" : "+a"(number) : "b"(a), "c"(b), "d"(c) : "memory");
    return (long)number;
}

void guest_exit(long status)
{
    hypercall(HC_EXIT, (unsigned long)status, 0, 0);
    cpu_stop();
}
