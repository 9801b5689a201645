/* What the modes of the hostile guest have in common. */
#ifndef GUESTS_DEMO_HOSTILE_HOSTILE_H
#define GUESTS_DEMO_HOSTILE_HOSTILE_H

#include <stdbool.h>
#include <stdint.h>

/* A mode runs to its end and reports by test_result(), or it is the end of the VM. `count` is its second argument, 0 if
 * there is none. */
typedef void hostile_mode(uint64_t count);

hostile_mode hypercalls_mode;  /* hypercalls.c: so many with random arguments (100000) */
hostile_mode hypercalls_die_mode; /* hypercalls.c: until, after up to so many calls, a second vCPU ends the VM (1000) */
hostile_mode channels_mode;    /* channels.c: so many calls about channels with random arguments (10000) */
hostile_mode ports_mode;       /* ports.c: each port, or each `count`-th */
hostile_mode msrs_mode;        /* msrs.c: each MSR with so many hostile values (1) */
hostile_mode instructions_mode; /* instructions.c: privileged and virtualization instructions */
hostile_mode bits_mode;        /* bits.c: each bit of the control and debug registers */
hostile_mode cpuid_mode;       /* instructions.c: so many random leaves (10000) */
hostile_mode swapgs_mode;      /* swapgs.c: a GS base of our own in the MSR that the kernel may rely on */
hostile_mode rewrite_mode;     /* rewrite.c: code that rewrites itself, so many times (10000) */
hostile_mode timers_mode;      /* timers.c: so many deadlines, now, never, soon (2000) */
hostile_mode pages_mode;       /* memory.c: each page that there is */
hostile_mode console_mode;     /* flood.c: so many characters without an end of line (1000000) */
hostile_mode lines_mode;       /* flood.c: lines of all characters, escape sequences, results made up */
hostile_mode results_mode;     /* flood.c: so many result lines (900) */
hostile_mode tables_mode;      /* tables.c: so many reads while a second vCPU rewrites their page tables (5000) */
hostile_mode tables_die_mode;  /* tables.c: until, after so many rewrites, they lead to a hole (5000) */
hostile_mode lab_mode;         /* lab.c: so many control fields of a lab set to random values (100000) */
hostile_mode spin_mode;        /* hostile.c: with interrupts off, for ever */

/* deaths.c: each is the end of the VM, as the name in hostile.c's table says. */
hostile_mode read_hole_mode, write_hole_mode, execute_hole_mode, far_hole_mode, tables_hole_mode, stack_hole_mode,
    idt_hole_mode, gdt_hole_mode, idt_nowhere_mode, no_stack_mode, halt_mode, string_io_mode;

/* The third argument (1), and the next of the numbers that it begins. */
extern unsigned hostile_seed;
uint64_t hostile_random(void);

/* One of the values at which programs break: 0, 1, all ones, ends of ranges, not canonical, or just random. */
uint64_t hostile_value(void);

/* attempt.c: no exception. */
enum { ATTEMPT_DONE = 32 };

/*
 * attempt.c: runs f(argument) with interrupts off. Returns ATTEMPT_DONE, or the vector of the exception that ended it.
 * What f changed stays changed; stack and IDT must be good when an exception comes.
 */
unsigned attempt(void (*f)(uint64_t), uint64_t argument);

#endif
