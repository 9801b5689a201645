#include "vmm/root/counters.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/lib/syscall.h"
#include "vmm/root/console.h"
#include "vmm/root/vm.h"

void counters_take(struct counters *counters, uint32_t number)
{
    static struct exit_counter all[EXIT_COUNTERS];
    int64_t n = sys_vm_counters(number, all, EXIT_COUNTERS);

    *counters = (struct counters){0};
    if (n <= 0)
        return;
    counters->row = malloc((size_t)n * sizeof(all[0]));
    if (!counters->row)
        return;
    memcpy(counters->row, all, (size_t)n * sizeof(all[0]));
    counters->n = (unsigned)n;
}

static void print_vm(const char *vm, const struct counters *c)
{
    for (unsigned i = 0, next; i < c->n; i = next) {
        uint64_t count = 0;

        for (next = i; next < c->n && strcmp(c->row[next].name, c->row[i].name) == 0; next++)
            count += c->row[next].count;
        console_line("# %-20s %-*s %12" PRIu64, vm, EXIT_NAME_BYTES, c->row[i].name, count);
    }
}

void counters_print(const struct vm *vm, size_t vms)
{
    console_line("# %-20s %-*s %12s", "VM", EXIT_NAME_BYTES, "exit", "count");
    for (size_t i = 0; i < vms; i++)
        print_vm(vm[i].config->name, &vm[i].counters);
}
