#include "vmm/root/saved.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/abi.h"
#include "vmm/lib/error.h"
#include "vmm/lib/syscall.h"
#include "vmm/root/console.h"
#include "vmm/root/module.h"

enum { PAGE = 4096, PIECE = 4096 };

static uint64_t whole_pages(uint64_t bytes) { return (bytes + PAGE - 1) & ~(uint64_t)(PAGE - 1); }

struct saved saved_anew(const struct saved *saved)
{
    return (struct saved){
        .buffer = saved->buffer, .room = saved->room, .module = saved->module, .module_bytes = saved->module_bytes};
}

/* All of memory, a record's head for each page at the worst, and the rest. Pages are there only once they were touched. */
bool saved_prepare(struct saved *saved, const struct vm_config *config)
{
    enum { PER_PAGE = 32, PER_VCPU = 8192, REST = 65536 };
    uint64_t pages = config->memory_bytes / PAGE;
    char *block;

    if (saved->buffer)
        return true;
    saved->room = whole_pages(config->memory_bytes + pages * PER_PAGE + config->vcpus * PER_VCPU + REST);
    block = malloc(saved->room + PAGE);
    if (!block)
        return false;
    saved->buffer = (uint8_t *)whole_pages((uintptr_t)block);
    memset(saved->buffer, 0, saved->room);
    return true;
}

bool saved_find(struct saved *saved, const char *name, char *why, size_t room)
{
    struct module_info info;
    uint32_t number;
    int64_t result;

    if (saved->module)
        return true;
    if (!module_find(name, &number)) {
        snprintf(why, room, "there is no module `%s`", name);
        return false;
    }
    result = sys_module_info(number, &info);
    if (result >= 0)
        result = info.bytes ? sys_module_map(number) : -ABI_EINVAL;
    if (result < 0) {
        snprintf(why, room, "module `%s`: %s", name, result == -ABI_EINVAL ? "it is empty" : error_text(result));
        return false;
    }
    saved->module = (const uint8_t *)result;
    saved->module_bytes = info.bytes;
    return true;
}

struct vm_window saved_window(const void *bytes, uint64_t n)
{
    return (struct vm_window){(uintptr_t)bytes, whole_pages(n)};
}

/* The kernel writes with interrupts off: in pieces. */
static int64_t write_all(const void *bytes, uint64_t n)
{
    int64_t result = 0;

    for (uint64_t at = 0; at < n && result >= 0; at += PIECE)
        result = sys_debug_write((const char *)bytes + at, n - at < PIECE ? n - at : PIECE);
    return result;
}

void saved_write_out(const struct saved *saved, const char *name)
{
    char head[80];
    int n = snprintf(head, sizeof(head), "NESTOR STATE %s %" PRIu64 "\n", name, saved->bytes);
    bool out =
        write_all(head, (uint64_t)n) >= 0 && write_all(saved->buffer, saved->bytes) >= 0 && write_all("\n", 1) >= 0;

    console_line("# saved: %s, %" PRIu64 " KiB%s", name, saved->bytes >> 10,
                 out ? "" : "; no debug port to send them to");
}
