/* The live screen: a table of the VMs in the upper part, drawn in place; the log scrolls below it. */
#ifndef VMM_ROOT_SCREEN_H
#define VMM_ROOT_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/abi.h"
#include "vmm/root/row.h"

struct vm;
struct config;

enum { SCREEN_VMS = 15 }; /* rows for VMs; more VMs take turns: those that run come first */

/* "in guest", "asleep". Static storage. */
const char *screen_state_name(enum vcpu_state state);

/* What was on the screen for a VM at the last drawing, for rates. */
struct screen_before {
    uint64_t exits, run_ticks;
};

struct screen {
    const struct config *config;
    const struct machine_info *info;
    uint64_t start, drawn, next;  /* TSC: of the run's begin, of the last drawing, when the next is due; 0 = off */
    struct screen_before *before; /* one a VM; from malloc */
};

/* Sets the screen up if the config wants it live, the TSC's rate is known, and there is memory. */
void screen_begin(struct screen *screen, const struct config *config, const struct machine_info *info);

bool screen_is_due(const struct screen *screen);

/* Draws if it is time to; -> TSC at which it is time again, or 0: never. */
uint64_t screen_update(struct screen *screen, const struct vm *vm);

/* Draws how it ended. */
void screen_end(struct screen *screen, const struct vm *vm);

/* ---- One row at a time: pure C ---- */

/* Totals, the first row. */
void screen_title(screen_row row, const struct screen *screen, const struct vm *vm, uint64_t now);

/* The names of the columns. */
void screen_head(screen_row row);

/* A VM, with rates over `ticks` since `before`. */
void screen_vm(screen_row row, const struct vm *vm, const struct screen_before *before, uint64_t ticks,
               uint64_t tsc_hz);

/* The line below the table: says how many VMs are not in it. */
void screen_rule(screen_row row, size_t hidden);

/* Chooses the VMs to show, in the config's order; -> how many, at most SCREEN_VMS. */
size_t screen_choose(const struct vm *vm, size_t vms, size_t chosen[SCREEN_VMS]);

#endif
