/*
 * The state of a vCPU in a file: architectural registers by architectural numbers, so that a VM that was saved with one back
 * end can go on with the other. What is absent in a file is as after reset.
 */
#ifndef VMM_STATE_ITEM_H
#define VMM_STATE_ITEM_H

#include "vmm/monitor/reg.h"
#include "vmm/state/file.h"

/* Where each value is kept meanwhile: the general registers, all of enum reg, and CR8. */
enum { SLOT_REG = GPR_COUNT, SLOT_CR8 = SLOT_REG + REG_COUNT, SLOT_COUNT };

struct state_vcpu {
    bool present[SLOT_COUNT];
    uint64_t value[SLOT_COUNT];
};

struct state_item {
    uint64_t number; /* in the file: that of the register where it has one, such as an MSR's */
    uint16_t slot;
    uint64_t reset; /* in an optional section */
};

/* A section is a kind of record. An optional one is left out of a file when all of it is as after reset. */
struct state_section {
    const char *kind;
    uint16_t version;
    bool optional;
    uint16_t count;
    const struct state_item *items;
};

extern const struct state_section state_sections[];
extern const unsigned state_section_count;

/* The section of that kind, or NULL; the item of that number in it, or NULL. */
const struct state_section *state_section_find(const struct state_record *record);
const struct state_item *state_item_find(const struct state_section *section, uint64_t number);

/* Writes a record for each section of a vCPU. */
void state_put_vcpu(struct state_writer *writer, uint32_t number, const struct state_vcpu *vcpu);

/* What a file that has been checked (state_check) says about a vCPU. */
void state_get_vcpu(const struct state_file *file, uint32_t number, struct state_vcpu *vcpu);

#endif
