/* Hypercalls of the kernel that counts its VMREADs and VMWRITEs, tools/bench-kernel; no other kernel has them. */
#ifndef GUESTS_DEMO_BENCH_COUNTERS_H
#define GUESTS_DEMO_BENCH_COUNTERS_H

enum {
    HC_BENCH_VMREADS = 0xf0, /* (): how many since boot */
    HC_BENCH_VMWRITES,
};

#endif
