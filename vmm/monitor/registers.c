#include "vmm/monitor/registers.h"

#include <stdio.h>

#include "vmm/lib/report.h"
#include "vmm/monitor/guest.h"

enum { PER_LINE = 4 };

/* A line that is not told yet. */
struct row {
    char text[REPORT_LINE];
    int used;
};

static void add(struct row *row, const char *name, uint64_t value)
{
    row->used += snprintf(row->text + row->used, sizeof(row->text) - (size_t)row->used, "%s%s 0x%llx",
                          row->used > 0 ? ", " : "", name, (unsigned long long)value);
}

/* Tells the line if register i of so many is the last one in it. */
static void end_line(struct row *row, unsigned i, unsigned count)
{
    if ((i % PER_LINE != PER_LINE - 1 && i != count - 1) || row->used == 0)
        return;
    guest_note("%s", row->text);
    row->used = 0;
}

void registers_note(const struct guest *guest)
{
    static const char *const names[GPR_COUNT] = {"RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
                                                 "R8",  "R9",  "R10", "R11", "R12", "R13", "R14", "R15"};
    struct row row = {.used = 0};

    for (unsigned i = 0; i < GPR_COUNT; i++) {
        if (i != GPR_RSP) /* that is in the control block */
            add(&row, names[i], guest->vcpu.page->gpr[i]);
        end_line(&row, i, GPR_COUNT);
    }
    for (enum reg reg = 0; reg < REG_NOTED; reg++) {
        struct reg_value value = {.reg = reg};
        enum reg refused;

        if (vcpu_get(&guest->vcpu, &value, 1, &refused) == 0)
            add(&row, reg_name(reg), value.value);
        end_line(&row, reg, REG_NOTED);
    }
}
