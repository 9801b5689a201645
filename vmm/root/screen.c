#include "vmm/root/screen.h"

#include <stdlib.h>

#include <x86intrin.h>

#include "vmm/lib/syscall.h"
#include "vmm/root/config.h"
#include "vmm/root/vm.h"

enum { DRAWINGS_A_SECOND = 4 };

void screen_begin(struct screen *screen, const struct config *config, const struct machine_info *info)
{
    *screen = (struct screen){.config = config, .info = info};
    if (config->screen == CONFIG_SCREEN_LOG || info->tsc_hz < 10)
        return;
    screen->before = calloc(config->vms, sizeof(*screen->before));
    if (!screen->before)
        return;
    screen->start = screen->drawn = screen->next = __rdtsc();
}

static void draw(struct screen *screen, const struct vm *vm)
{
    uint64_t now = __rdtsc(), ticks = now - screen->drawn;
    size_t vms = screen->config->vms, chosen[SCREEN_VMS], n = screen_choose(vm, vms, chosen);
    uint32_t at = (uint32_t)n + 2;
    screen_row row;

    screen_rule(row, vms - n); /* the lowest row first, so that the text moves down once */
    sys_screen_write(at--, row, SCREEN_COLUMNS);
    while (n-- > 0) {
        screen_vm(row, &vm[chosen[n]], &screen->before[chosen[n]], ticks, screen->info->tsc_hz);
        sys_screen_write(at--, row, SCREEN_COLUMNS);
    }
    screen_head(row);
    sys_screen_write(1, row, SCREEN_COLUMNS);
    screen_title(row, screen, vm, now);
    sys_screen_write(0, row, SCREEN_COLUMNS);
    for (size_t i = 0; i < vms; i++)
        screen->before[i] = (struct screen_before){vm[i].status.exits, vm[i].status.run_ticks};
    screen->drawn = now;
    screen->next = now + screen->info->tsc_hz / DRAWINGS_A_SECOND;
}

bool screen_is_due(const struct screen *screen) { return screen->next && __rdtsc() >= screen->next; }

uint64_t screen_update(struct screen *screen, const struct vm *vm)
{
    if (screen_is_due(screen))
        draw(screen, vm);
    return screen->next;
}

void screen_end(struct screen *screen, const struct vm *vm)
{
    if (screen->next)
        draw(screen, vm);
}
