/*
 * VM entries with a control block of the test's own, any field of which it writes, in a VM with `lab = full`: what comes of
 * one comes back (config/lab.h, LAB_PROBE). The block is one that vmm/entry writes rows to: beside fields it takes what is in
 * memory and what is before the instruction, and has the addresses of pages for it.
 */
#ifndef GUESTS_LIB_LAB_PROBE_H
#define GUESTS_LIB_LAB_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/entry/entry.h"

/* The capability registers of the CPU that Nestor runs on. */
const struct entry_caps *probe_caps(void);

/* The block, which has this base on a host state that works; ends the row as a SKIP if the VM is not one for it. What a
 * guest state like that executes first exits, as it has no memory. */
struct entry_block probe_begin(const struct entry_base *base);

/* Whether the block has this base, so that probe_begin() of it takes no hypercall. */
bool probe_is_on(const struct entry_base *base);

/* Whether it is the base as it is: nothing has been written to it. */
bool probe_is_base(void);

/* The block as it is now; and back: false if it can't be, as it has begun anew since, or was brought back to before that. */
struct probe_mark {
    unsigned writes, serial;
    uint64_t written;
};
struct probe_mark probe_mark(void);
bool probe_bring_back(struct probe_mark mark);

/* The block as it is, for who has begun it. */
struct entry_block probe_block(void);

/* What came of an entry: exited, then with what; or not, then `error` is the VM-instruction error, 0 of VMfailInvalid. */
struct probe_result {
    bool exited;
    uint64_t error, reason, qualification;
};
struct probe_result probe_enter(void);

/* On VMX: writes the fields of the block, so that an entry has nothing left to write. */
void probe_write(void);

/* On VMX: reads those of some fields, at most ENTRY_VALUES_MAX, that are fields of a VMCS; what others are stays as it is. */
void probe_read(struct entry_pair *pairs, unsigned n);

/* All fields of the VMCS, as they are then; and those that are not so any more: how many, the first `room` of them
 * in changed[], with their value now. */
void probe_note(void);
unsigned probe_changed(struct entry_pair *changed, unsigned room);

/* On SVM: the first byte of the VMCB, from one on, that is not as the last entry found it, 4096 if there is none; a field as
 * that entry left it. */
unsigned probe_vmcb_changed(unsigned from);
uint64_t probe_vmcb_field(uint32_t field);

#endif
