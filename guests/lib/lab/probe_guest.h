/*
 * A guest of the probe that does something: a few pages of code and data, in 64-bit mode and CPL 0, with interrupts
 * off, behind page tables and nested page tables of its own. All exceptions exit, and so does CPUID. For VMs with
 * `lab = full`.
 *
 *     struct entry_block block = probe_guest_begin((const uint8_t *)"\x0f\xa2", 2);
 *     struct probe_result result;
 *
 *     block.write(block.context, GUEST_ACTIVITY, ACTIVITY_HALTED);
 *     result = probe_guest_enter();
 */
#ifndef GUESTS_LIB_LAB_PROBE_GUEST_H
#define GUESTS_LIB_LAB_PROBE_GUEST_H

#include <stddef.h>
#include <stdint.h>

#include "guests/lib/feature/needs.h"
#include "guests/lib/lab/probe.h"

/* Linear addresses: of code, data, and what probe_guest_window() maps, a page each; and where the stack ends. */
enum {
    PROBE_GUEST_CODE = 0x2000,
    PROBE_GUEST_DATA = 0x4000,
    PROBE_GUEST_STACK_END = 0x6000,
    PROBE_GUEST_WINDOW = 0x20000
};

/* The block, whose guest begins with this code; all else is 0. Ends the row as a SKIP where there is no probe. */
struct entry_block probe_guest_begin(const uint8_t *code, size_t bytes);

/* The page of data, as the test has it, and the host's address of it. */
uint8_t *probe_guest_data(void);
uint64_t probe_guest_data_address(void);

/* Maps gpa to a host address in the nested page tables: the entry of this level (1: 4 KiB, 2: 2 MiB, 3: 1 GiB), which
 * has all rights, and accessed and dirty clear. Its address. */
uint64_t *probe_guest_map(uint64_t gpa, uint64_t address, unsigned level);

/* The entry of a level that is on the way to a gpa which is mapped, or maps it. */
uint64_t *probe_guest_entry(uint64_t gpa, unsigned level);

/* What is behind PROBE_GUEST_WINDOW: a page that can be written, with these flags more. */
void probe_guest_window(uint64_t gpa, uint64_t flags);

/* Some bits of a field are 1; a control is, by its name. */
void probe_guest_set(struct entry_block *block, uint32_t field, uint64_t bits);
void probe_guest_control(struct entry_block *block, enum feature_need control);

/* CPL 3 from the start. */
void probe_guest_in_user_mode(struct entry_block *block);

/* Enters, as often as an interrupt of the host's comes first: then the guest begins again. */
struct probe_result probe_guest_enter(void);

/* A field of the control block after the exit. */
uint64_t probe_guest_field(uint32_t field);

#endif
