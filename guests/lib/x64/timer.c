#include "guests/lib/x64/timer.h"
#include "guests/lib/common/cpu.h"
#include "guests/lib/common/hypercall.h"

uint64_t guest_tsc_per_ms(void) { return cpu_id(CPUID_NESTOR_INFO, 0).ebx; }

long timer_arm(uint64_t deadline, unsigned vector) { return hypercall(HC_TIMER, deadline, vector, 0); }
