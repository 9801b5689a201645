/* What the files of the probe share: the block, and the pages that it points to. */
#ifndef GUESTS_LIB_LAB_PROBE_BLOCK_H
#define GUESTS_LIB_LAB_PROBE_BLOCK_H

#include "config/lab.h"
#include "guests/lib/lab/probe.h"

enum { PROBE_PAGE = 4096, PROBE_FIELDS_END = 0x8000 /* of encodings of VMCS fields */ };
#define PROBE(number) LAB_WHAT(LAB_PROBE, number)

enum probe_page { PROBE_NO_EPT, PROBE_NO_TABLES, PROBE_SCRATCH, PROBE_LINK, PROBE_MSR_AREA, PROBE_VMCB, PROBE_PAGES };
extern uint8_t probe_pages[PROBE_PAGES][PROBE_PAGE];

extern struct entry_values probe_wanted; /* the block: probe_values.c */
extern struct entry_values probe_frame;  /* what is there before a base is set */
extern bool probe_ready;                 /* probe_frame is made; false: it has to be, before the next entry */

/* A field of the block or of the frame: false if it has no value. */
bool probe_values_read(struct entry_values *values, uint32_t field, uint64_t *value);

/* Writes a field of the block, and logs what it was; false if there is no room. More than 1024 writes since probe_values_begin()
 * end the row as an ERROR. */
bool probe_values_write(uint32_t field, uint64_t value);

/* The block is a base, now that it has all been written; and is that base again. No mark is good any more. */
void probe_values_base(void);
void probe_values_begin(void);

/* Calls back for each field of the block that may have changed since this was called before; more than once for some. */
void probe_values_each_changed(void (*look)(const struct entry_pair *pair));

/* The host's address of a page; ends the row as a SKIP if the VM is not one for that. */
uint64_t probe_host_address(enum probe_page page);

/* Whether the CPU has a field. */
bool probe_has(uint32_t field);

/* A field of the block, 0 if it has none; a field of the frame. */
uint64_t probe_get(uint32_t field);
void probe_put(uint32_t field, uint64_t value);

/* Writes the frame's controls and state; probe_put has the last word. */
void probe_make_frame(enum backend backend);

/* Of a back end: makes the frame; enters the block. */
void probe_vmx_prepare(void);
struct probe_result probe_vmx_enter(void);
void probe_svm_prepare(void);
struct probe_result probe_svm_enter(void);

#endif
