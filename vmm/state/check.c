#include "vmm/state/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vmm/state/item.h"

typedef unsigned long long ull; /* for printf */

struct checker {
    const struct state_file *file;
    const struct state_vm *vm;
    struct state_content *content;
    uint32_t seen[MAX_VCPUS_PER_VM]; /* sections of each vCPU, a bit each */
    bool time, uart, line, halted, done;
    uint64_t memory_end; /* of the last MEMO */
    char *why;
};

__attribute__((format(printf, 2, 3))) static bool refuse(const struct checker *c, const char *format, ...)
{
    int used = snprintf(c->why, STATE_WHY_BYTES, "state %.63s: ", c->file->name);
    va_list list;

    va_start(list, format);
    vsnprintf(c->why + used, STATE_WHY_BYTES - (size_t)used, format, list);
    va_end(list);
    return false;
}

/* A kind for people: four letters, or what they should be. */
static const char *kind_text(const struct state_record *record, char text[STATE_KIND_BYTES + 1])
{
    for (unsigned i = 0; i < STATE_KIND_BYTES; i++) {
        char c = record->header.kind[i];

        text[i] = c > ' ' && c < 0x7f ? c : '?';
    }
    text[STATE_KIND_BYTES] = 0;
    return text;
}

static bool bad_record(const struct checker *c, const struct state_record *record, const char *what)
{
    char kind[STATE_KIND_BYTES + 1];

    return refuse(c, "record %s of %llu bytes: %s", kind_text(record, kind), (ull)record->header.bytes, what);
}

/* ---- One function a kind ---- */

static bool check_head(struct checker *c, const struct state_record *record)
{
    struct state_head *head = &c->content->head;

    if (record->header.bytes != sizeof(*head))
        return bad_record(c, record, "it has another size");
    memcpy(head, record->payload, sizeof(*head));
    head->name[sizeof(head->name) - 1] = 0;
    if (head->memory_bytes != c->vm->memory_bytes)
        return refuse(c, "it has %llu KiB of memory, the VM %llu KiB", (ull)head->memory_bytes >> 10,
                      (ull)c->vm->memory_bytes >> 10);
    if (head->vcpus != c->vm->vcpus)
        return refuse(c, "it has %u vCPUs, the VM %u", (unsigned)head->vcpus, (unsigned)c->vm->vcpus);
    if (head->guest_kind != c->vm->guest_kind)
        return refuse(c, "it is a guest of another kind than the VM's");
    return true;
}

static bool check_section(struct checker *c, const struct state_record *record)
{
    const struct state_section *section = state_section_find(record);
    uint64_t bytes = record->header.bytes;
    struct state_vcpu_head head;
    uint32_t bit = 1u << (section - state_sections);

    if (bytes < sizeof(head) || (bytes - sizeof(head)) % sizeof(struct state_pair_record))
        return bad_record(c, record, "no whole pairs");
    memcpy(&head, record->payload, sizeof(head));
    if (head.vcpu >= c->vm->vcpus || head.vcpu >= MAX_VCPUS_PER_VM)
        return refuse(c, "record %s: there is no vCPU %u", section->kind, (unsigned)head.vcpu);
    if (c->seen[head.vcpu] & bit)
        return refuse(c, "record %s of vCPU %u comes twice", section->kind, (unsigned)head.vcpu);
    c->seen[head.vcpu] |= bit;
    c->content->vcpus |= 1u << head.vcpu;
    for (uint64_t at = sizeof(head); at < bytes; at += sizeof(struct state_pair_record)) {
        struct state_pair_record pair;

        memcpy(&pair, record->payload + at, sizeof(pair));
        if (!state_item_find(section, pair.item))
            return refuse(c, "record %s of vCPU %u: there is no item 0x%llx", section->kind, (unsigned)head.vcpu,
                          (ull)pair.item);
    }
    return true;
}

static bool check_halted(struct checker *c, const struct state_record *record)
{
    uint32_t mask[2];

    if (record->header.bytes != sizeof(mask) || c->halted)
        return bad_record(c, record, "it has another size, or comes twice");
    c->halted = true;
    memcpy(mask, record->payload, sizeof(mask));
    if (mask[0] >> c->vm->vcpus)
        return refuse(c, "record HALT: there is no such vCPU");
    c->content->halted = mask[0];
    c->content->vcpus |= mask[0];
    return true;
}

static bool check_time(struct checker *c, const struct state_record *record)
{
    if (record->header.bytes != sizeof(c->content->tsc) || c->time)
        return bad_record(c, record, "it has another size, or comes twice");
    c->time = true;
    memcpy(&c->content->tsc, record->payload, sizeof(c->content->tsc));
    return true;
}

static bool check_uart(struct checker *c, const struct state_record *record)
{
    if (record->header.bytes != sizeof(c->content->uart) || c->uart)
        return bad_record(c, record, "it has another size, or comes twice");
    c->uart = true;
    memcpy(&c->content->uart, record->payload, sizeof(c->content->uart));
    return true;
}

static bool check_line(struct checker *c, const struct state_record *record)
{
    if (record->header.bytes > LINE_BYTES || c->line)
        return bad_record(c, record, "it is too long, or comes twice");
    c->line = true;
    c->content->line_bytes = record->header.bytes;
    memcpy(c->content->line, record->payload, record->header.bytes);
    return true;
}

static bool check_memory(struct checker *c, const struct state_record *record)
{
    struct state_memory_head head;
    uint64_t bytes = record->header.bytes - sizeof(head), limit = c->vm->memory_bytes;

    if (record->header.bytes < sizeof(head) || bytes == 0 || bytes % STATE_PAGE_BYTES)
        return bad_record(c, record, "no whole pages");
    memcpy(&head, record->payload, sizeof(head));
    if (head.gpa % STATE_PAGE_BYTES || bytes > limit || head.gpa > limit - bytes)
        return refuse(c, "record MEMO: 0x%llx bytes at 0x%llx do not fit into the VM's memory", (ull)bytes,
                      (ull)head.gpa);
    if (head.gpa < c->memory_end)
        return refuse(c, "record MEMO: 0x%llx comes behind 0x%llx", (ull)head.gpa, (ull)c->memory_end);
    c->memory_end = head.gpa + bytes;
    return true;
}

/* Its checksum has been compared. */
static bool check_done(struct checker *c, const struct state_record *record)
{
    (void)record;
    c->done = true;
    return true;
}

/* The kinds beside the vCPUs' sections. */
static const struct kind {
    const char *kind;
    uint16_t version;
    bool (*check)(struct checker *c, const struct state_record *record);
} kinds[] = {
    {"NEST", 1, check_head}, {"TIME", 1, check_time},   {"HALT", 1, check_halted}, {"UART", 1, check_uart},
    {"LINE", 1, check_line}, {"MEMO", 1, check_memory}, {"DONE", 1, check_done},
};

/* How a kind is checked, and the newest version that is known; false if the kind is unknown. */
static bool find_kind(const struct state_record *record, struct kind *found)
{
    const struct state_section *section = state_section_find(record);

    if (section) {
        *found = (struct kind){section->kind, section->version, check_section};
        return true;
    }
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (state_is(record, kinds[i].kind)) {
            *found = kinds[i];
            return true;
        }
    }
    return false;
}

static bool check_record(struct checker *c, const struct state_record *record)
{
    char text[STATE_KIND_BYTES + 1];
    unsigned version = record->header.version;
    struct kind kind;

    kind_text(record, text);
    if (!find_kind(record, &kind))
        return refuse(c, "record %s version %u: this Nestor knows no such record", text, version);
    if (version == 0 || version > kind.version)
        return refuse(c, "record %s version %u: this Nestor knows up to %u", text, version, kind.version);
    if (record->header.flags)
        return refuse(c, "record %s has flags 0x%x: this Nestor knows none", text, record->header.flags);
    return kind.check(c, record);
}

/* ---- The whole file ---- */

enum { DONE_BYTES = sizeof(struct state_record_header) + sizeof(struct state_done) };

/* It begins and ends as a state does, and nothing in between has changed. */
static bool check_frame(const struct checker *c)
{
    const struct state_file *file = c->file;
    uint64_t at = file->size - DONE_BYTES;
    struct state_record last;
    struct state_done done;

    if (file->size < STATE_KIND_BYTES || memcmp(file->bytes, "NEST", STATE_KIND_BYTES) != 0)
        return refuse(c, "it is no saved VM: it does not begin with a record NEST");
    if (file->size < 2 * DONE_BYTES || !state_next(file, &at, &last) || !state_is(&last, "DONE") || at != file->size ||
        last.header.bytes != sizeof(done))
        return refuse(c, "it is truncated: %llu bytes, and no record DONE at its end", (ull)file->size);
    memcpy(&done, last.payload, sizeof(done));
    if (done.checksum != state_checksum(file->bytes, file->size - DONE_BYTES))
        return refuse(c, "its checksum is not that of its bytes: it has changed since it was saved");
    return true;
}

bool state_check(const struct state_file *file, const struct state_vm *vm, struct state_content *content,
                 char why[STATE_WHY_BYTES])
{
    struct checker c = {.file = file, .vm = vm, .content = content, .why = why};
    struct state_record record;
    uint64_t at = 0;
    bool head = false;

    memset(content, 0, sizeof(*content));
    if (!check_frame(&c))
        return false;
    while (!c.done && state_next(file, &at, &record)) {
        if (head && state_is(&record, "NEST"))
            return refuse(&c, "record NEST comes twice");
        head = true;
        if (!check_record(&c, &record))
            return false;
    }
    if (!c.done || at != file->size)
        return refuse(&c, "at byte 0x%llx there is no whole record", (ull)at);
    if (!(content->vcpus & 1))
        return refuse(&c, "it has no vCPU 0");
    if (content->vcpus == content->halted)
        return refuse(&c, "none of its vCPUs can go on");
    return true;
}

void state_get_memory(const struct state_file *file, const struct guest_memory *memory)
{
    struct state_record record;
    uint64_t at = 0;

    while (state_next(file, &at, &record)) {
        struct state_memory_head head;
        uint64_t bytes = record.header.bytes - sizeof(head);

        if (!state_is(&record, "MEMO"))
            continue;
        memcpy(&head, record.payload, sizeof(head));
        memcpy(guest_memory_at(memory, head.gpa, bytes), record.payload + sizeof(head), bytes);
    }
}
