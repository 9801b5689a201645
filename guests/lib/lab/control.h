/*
 * The control fields of the test's own vCPU. What the kernel's field policy does not let the guest have ends the row as an
 * ERROR with its reason, unless the test tries. All of it is normal again when the next row begins.
 */
#ifndef GUESTS_LIB_LAB_CONTROL_H
#define GUESTS_LIB_LAB_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/fields.h"
#include "config/lab.h"
#include "guests/lib/feature/needs.h"

/* Sets, clears, or tells a control by its name: PROC_HLT, EXITC_SAVE_PAT, INTERCEPT_CPUID. */
void lab_set(enum feature_need control);
void lab_clear(enum feature_need control);
void lab_set_to(enum feature_need control, bool on);
bool lab_is_set(enum feature_need control);

/* Where a control is: its field, and its bit in there. */
uint64_t lab_control_field(enum feature_need control);
uint64_t lab_control_bit(enum feature_need control);

/* A field by its encoding, or what else enum lab_kind has. Reading: as of the last observed exit, or now if there was none. */
void lab_write(uint64_t what, uint64_t value);
uint64_t lab_read(uint64_t what);
void lab_read_pairs(struct lab_pair *pairs, size_t n); /* several at once: fills in the values */

/* Several at once, in one hypercall: LAB_WRITE({CR0_MASK, mask}, {CR0_READ_SHADOW, shadow}). */
#define LAB_WRITE(...)                                                                                                \
    lab_write_pairs((const struct lab_pair[]){__VA_ARGS__},                                                           \
                    sizeof((const struct lab_pair[]){__VA_ARGS__}) / sizeof(struct lab_pair))
void lab_write_pairs(const struct lab_pair *pairs, size_t n);

/* n are written, and then the m behind them read, in one hypercall; or, instead of an ERROR, false: then of fields without control
 * bits. */
void lab_run(struct lab_pair *pairs, size_t n, size_t m);
bool lab_try_run(struct lab_pair *pairs, size_t n, size_t m);

/* As lab_write and lab_read, but false instead of an ERROR; *refusal, which may be null, says why. */
bool lab_try(uint64_t what, uint64_t value, struct lab_refusal *refusal);
bool lab_try_set(enum feature_need control, bool on, struct lab_refusal *refusal);
bool lab_try_read(uint64_t what, uint64_t *value);

/* Bits of the bitmaps: whether the access exits, on VMX with PROC_IO_BITMAPS or PROC_MSR_BITMAPS set. */
void lab_trap_port(uint16_t port, bool exits);
void lab_trap_rdmsr(uint32_t msr, bool exits);
void lab_trap_wrmsr(uint32_t msr, bool exits);

/* Vectors that exit: the exception bitmap. */
void lab_trap_exceptions(uint32_t vectors);

/* The entry of a page of guest memory in the VM's EPT or NPT. level: 1 for 4 KiB, 2, 3. */
uint64_t lab_nested_read(uint64_t gpa, unsigned level);
void lab_nested_write(uint64_t gpa, unsigned level, uint64_t entry);

/* The name of a field, config/fields.h: "GUEST_CR0"; "" for what has none. */
const char *field_name(uint64_t what);

/* For the library: forgets what control fields the rows before have written; LAB_RETURN has cleared a control. */
void lab_controls_reset(void);
void lab_control_cleared(enum feature_need control);

/* For the library, too: what HC_LAB_RESET makes good may not be as at the start any more; whether that is so in this row. */
void lab_touch(void);
bool lab_is_touched(void);

#endif
