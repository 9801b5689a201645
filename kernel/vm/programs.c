/* root.elf and monitor.elf among the boot modules, and their mapping into tasks. */
#include "kernel/boot/modules.h"
#include "kernel/cpu/panic.h"
#include "kernel/vm/image.h"
#include "kernel/vm/task.h"
#include "lib/string.h"
#include "mm/direct.h"

struct program {
    const char *name;
    const struct module *module;
    struct image image;
};

static struct program root = {.name = "root.elf"}, monitor = {.name = "monitor.elf"};

static void init(struct program *program)
{
    const char *error;
    uint64_t value;

    program->module = module_by_name(program->name);
    if (!program->module)
        panic("module %s is missing: load it with the kernel (docs/boot.md)", program->name);
    error = image_parse(&program->image, mm_direct(program->module->start), program->module->bytes, &value);
    if (error)
        panic("module %s: %s (%llx)", program->name, error, (unsigned long long)value);
}

void images_init(void)
{
    init(&root);
    init(&monitor);
}

/* One page of a segment, private to the task: what the file has of it, and zeros. */
static int load_page(struct task *task, const struct program *program, const struct image_segment *s, uint64_t page)
{
    uint64_t from = page > s->address ? page : s->address, file_end = s->address + s->file_bytes;
    uint64_t to = page + PAGE_BYTES < file_end ? page + PAGE_BYTES : file_end;
    hpa_t frame;
    int error = task_page(task, page, s->rights, &frame);

    if (!error && from < to)
        memcpy((char *)mm_direct(frame) + from % PAGE_BYTES,
               (const char *)mm_direct(program->module->start) + s->offset + (from - s->address), to - from);
    return error;
}

static int load_segment(struct task *task, const struct program *program, const struct image_segment *s)
{
    uint64_t start = align_down(s->address, PAGE_BYTES), end = align_up(s->address + s->bytes, PAGE_BYTES);
    int error = 0;

    if (!(s->rights & MM_WRITE) && s->bytes == s->file_bytes)
        return mm_table_map(&task->space, start, HPA(program->module->start.value + align_down(s->offset, PAGE_BYTES)),
                            end - start, s->rights | MM_USER);
    for (uint64_t page = start; page < end && !error; page += PAGE_BYTES)
        error = load_page(task, program, s, page);
    return error;
}

static int load(struct task *task, const struct program *program)
{
    int error = 0;

    for (unsigned i = 0; i < program->image.segments && !error; i++)
        error = load_segment(task, program, &program->image.segment[i]);
    task->entry = program->image.entry;
    task->image_end = program->image.end;
    return error;
}

int image_load_root(struct task *task) { return load(task, &root); }

int image_load_monitor(struct task *task) { return load(task, &monitor); }
