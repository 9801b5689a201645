#include "vmm/root/channel.h"

#include <stdio.h>

#include "vmm/lib/error.h"
#include "vmm/lib/syscall.h"

typedef int64_t creator(uint32_t from, uint32_t to, uint64_t size);

static creator *const creators[] = {[CHANNEL_QUEUE] = sys_queue_create, [CHANNEL_RING] = sys_ring_create};

void channel_create(struct vm *vm, const struct channel_config *config)
{
    struct vm *ends[] = {&vm[config->from], &vm[config->to]};
    bool both = ends[0]->created && ends[1]->created;
    int64_t result = both ? creators[config->type](ends[0]->number, ends[1]->number, config->size) : -ABI_ENOENT;

    for (unsigned i = 0; i < 2 && result < 0; i++)
        if (ends[i]->created)
            vm_refuse(ends[i], "the %s from %s to %s can't be had: %s", config_channel_word(config->type), config->from_name,
                      config->to_name, both ? error_text(result) : "the other VM could not be created");
}
