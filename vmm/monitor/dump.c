#include "vmm/monitor/dump.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/registers.h"
#include "vmm/lib/report.h"

typedef unsigned long long ull; /* for printf */

static const struct bit {
    const char *group, *name; /* the name begins with the group */
    unsigned bit;
} bits[] = {
#define X(group, bit, name) {#group, #name, bit},
    REGISTER_BITS(X) REGISTER_BITS_MORE(X)
#undef X
};

struct text {
    char text[REPORT_LINE + 1];
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *format, ...)
{
    size_t room = sizeof(t->text) - t->used;
    va_list list;
    int more;

    va_start(list, format);
    more = vsnprintf(t->text + t->used, room, format, list);
    va_end(list);
    t->used += more < 0 ? 0 : (size_t)more < room ? (size_t)more : room - 1;
}

static struct text begin(const struct guest *guest)
{
    struct text t = {.used = 0};

    add(&t, "vCPU %u", (unsigned)guest->vcpu.number);
    return t;
}

/* ", CR0 0x80000011 (PE ET PG)". */
static void add_register(struct text *t, struct guest *guest, enum reg reg)
{
    uint64_t value = guest_get_one(guest, reg);
    const char *between = " (";

    add(t, ", %s 0x%llx", reg_name(reg), (ull)value);
    for (const struct bit *b = bits; b < bits + sizeof(bits) / sizeof(bits[0]); b++) {
        if (strcmp(b->group, reg_name(reg)) != 0 || !(value >> b->bit & 1))
            continue;
        add(t, "%s%s", between, b->name + strlen(b->group) + 1);
        between = " ";
    }
    if (between[1] == 0)
        add(t, ")");
}

static void note_registers(struct guest *guest, const enum reg *regs, size_t count)
{
    struct text t = begin(guest);

    for (size_t i = 0; i < count; i++)
        add_register(&t, guest, regs[i]);
    guest_note("%s", t.text);
}

/* What the members of the record are called by each vendor. */
static void note_exit(struct guest *guest, const struct guest_exit *last)
{
    const struct exit_record *e = &guest->vcpu.page->exit;
    struct text t = begin(guest);

    if (e->rip == 0 && e->reason == 0) {
        add(&t, ", no exit has come to its monitor");
    } else {
        add(&t, ", last exit to its monitor %s (0x%llx) at RIP 0x%llx", last->name, (ull)e->reason, (ull)e->rip);
        if (guest->vm->backend == BACKEND_SVM)
            add(&t, ", EXITINFO1 0x%llx, EXITINFO2 0x%llx", (ull)e->qualification, (ull)e->qualification2);
        else if (e->groups & EXIT_GROUP_QUALIFICATION)
            add(&t, ", qualification 0x%llx", (ull)e->qualification);
    }
    guest_note("%s", t.text);
}

/* Both vendors have the valid bit there. */
static void add_event(struct text *t, struct guest *guest, enum reg reg)
{
    if (guest_get_one(guest, reg) >> 31 & 1)
        add_register(t, guest, reg);
}

static void note_pending(struct guest *guest)
{
    struct text t = begin(guest);
    const char *before = ", interrupts that wait";

    for (unsigned word = 0; word < 4; word++)
        for (uint64_t left = guest_get_one(guest, REG_PENDING + word); left; left &= left - 1) {
            add(&t, "%s 0x%x", before, word * 64 + (unsigned)__builtin_ctzll(left));
            before = "";
        }
    if (before[0])
        add(&t, ", no interrupt waits");
    add_event(&t, guest, REG_EVENT);
    add_event(&t, guest, REG_CUT_SHORT);
    if (guest_get_one(guest, REG_ACTIVITY))
        add(&t, ", in HLT");
    guest_note("%s", t.text);
}

void dump_vcpu(struct guest *guest, const struct guest_exit *last)
{
    const enum reg where[] = {REG_RIP, REG_RSP, reg_segment(SEG_CS, SEG_SELECTOR), reg_segment(SEG_SS, SEG_SELECTOR), REG_RFLAGS};
    static const enum reg control[] = {REG_CR0, REG_CR3, REG_CR4, REG_EFER};

    note_registers(guest, where, sizeof(where) / sizeof(where[0]));
    note_registers(guest, control, sizeof(control) / sizeof(control[0]));
    note_exit(guest, last);
    note_pending(guest);
}
