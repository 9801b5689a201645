/* The trace of the run, as lines on the serial line that tools/trace reads. docs/trace.md has their form. */
#ifndef VMM_ROOT_TRACE_H
#define VMM_ROOT_TRACE_H

#include <stddef.h>

#include "config/abi.h"

struct vm;

/* Has the kernel keep a long trace from now on; before the first VM is created. Says so if it can't. */
void trace_begin(void);

/* Writes what each pCPU's ring holds to the serial line: up to now, the newest TRACE_RECORDS of each. */
void trace_dump(const struct vm *vm, size_t vms);

enum { TRACE_TEXT_BYTES = 96 }; /* enough for every text that trace_format makes */

/* Writes a record as text, relative to the one before it in its line, or NULL for the first; -> its length. */
size_t trace_format(char text[TRACE_TEXT_BYTES], const struct trace_record *record, const struct trace_record *before);

#endif
