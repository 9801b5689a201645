#include "kernel/boot/modules.h"

#include "kernel/cpu/panic.h"
#include "lib/string.h"
#include "mm/account.h"
#include "mm/direct.h"

static struct module modules[MAX_MODULES];
static unsigned count;

static bool overlaps(const struct boot_module *a, const struct boot_module *b)
{
    return a->start < b->end && b->start < align_up(a->end, PAGE_BYTES) && b->start != b->end;
}

static bool has_its_own_pages(const struct boot_info *info, unsigned index)
{
    const struct boot_module *m = &info->module[index];

    for (unsigned i = 0; i < info->modules; i++)
        if (i != index && overlaps(m, &info->module[i]))
            return false;
    return is_aligned(m->start, PAGE_BYTES);
}

static hpa_t move(const struct boot_module *m)
{
    unsigned order = 0;
    hpa_t to;

    while ((PAGE_BYTES << order) < m->end - m->start)
        order++;
    to = mm_page_alloc(&mm_kernel_account, order);
    if (hpa_is_none(to))
        panic("no memory to move module %s (%llu bytes)", m->name, (unsigned long long)(m->end - m->start));
    memcpy(mm_direct(to), mm_direct(HPA(m->start)), m->end - m->start);
    return to;
}

void modules_init(const struct boot_info *info)
{
    for (unsigned i = 0; i < info->modules; i++) {
        const struct boot_module *boot = &info->module[i];
        struct module *m = &modules[i];

        *m = (struct module){HPA(boot->start), boot->end - boot->start, 0, boot};
        m->pages = align_up(m->bytes, PAGE_BYTES) / PAGE_BYTES;
        if (m->bytes && !has_its_own_pages(info, i))
            m->start = move(boot);
        if (m->bytes)
            memset((char *)mm_direct(m->start) + m->bytes, 0, m->pages * PAGE_BYTES - m->bytes);
    }
    count = info->modules;
}

const struct module *module_find(uint64_t index) { return index < count ? &modules[index] : NULL; }

const struct module *module_by_name(const char *name)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(modules[i].boot->name, name) == 0)
            return &modules[i];
    return NULL;
}
