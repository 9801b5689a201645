/*
 * The state of the vCPU that rows share. Control registers, segments, descriptor tables and the task register are brought
 * back for each row, whatever the rows before did; MSRs and debug registers where a test has said that it changes them.
 */
#ifndef GUESTS_LIB_LAB_STATE_H
#define GUESTS_LIB_LAB_STATE_H

#include <stdint.h>

/* The MSR is as it is now when the next row begins. */
void lab_keep_msr(uint32_t msr);

/* DR0-3, DR6 and DR7 are at their reset values when the next row begins. */
void lab_reset_debug_registers(void);

/* For the library: what is brought back is what it is now; and bring it back. */
void state_setup(void);
void state_reset(void);

#endif
