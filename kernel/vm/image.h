/* The two ring-3 programs, root.elf and monitor.elf: checked once at boot, then mapped into each task. */
#ifndef KERNEL_VM_IMAGE_H
#define KERNEL_VM_IMAGE_H

#include <stddef.h>
#include <stdint.h>

struct task;

enum { IMAGE_SEGMENTS = 8 };

struct image_segment {
    uint64_t address;    /* where it is linked */
    uint64_t offset;     /* in the file */
    uint64_t file_bytes;
    uint64_t bytes;      /* >= file_bytes; the rest is zero */
    unsigned rights;     /* enum mm_right */
};

struct image {
    uint64_t entry;
    uint64_t end;        /* first page above all segments */
    unsigned segments;
    struct image_segment segment[IMAGE_SEGMENTS];
};

/*
 * Reads the headers of a statically linked ELF64 program ("Program Header" in the ELF-64 Object File Format). NULL, or an
 * error text with the number that is wrong in *value. Segments lie in [TASK_IMAGE, TASK_HEAP_END), page by page apart,
 * and never are writable and executable.
 */
const char *image_parse(struct image *out, const void *file, size_t bytes, uint64_t *value);

/* Finds and checks both programs among the boot modules. Panics with the program's name and what is wrong. */
void images_init(void);

/* Maps a program into a task: what is read-only is the module's own pages, shared by all; the rest is private. Sets
 * task->entry and image_end. 0 or -ABI_ENOMEM. */
int image_load_root(struct task *task);
int image_load_monitor(struct task *task);

#endif
