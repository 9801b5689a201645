/* The state of the parser of the machine description, shared by its files. The parser's inner header. */
#ifndef VMM_ROOT_CONFIG_PARSER_H
#define VMM_ROOT_CONFIG_PARSER_H

#include "vmm/root/config.h"
#include "vmm/root/config_value.h"

enum section { SECTION_NONE, SECTION_MACHINE, SECTION_VM };

struct parser {
    const char *file;
    struct config *config;
    unsigned line;        /* where the parser is, from 1 */
    enum section section; /* what keys belong to; NONE before the first header and behind a wrong one */
    bool before_section;  /* no header yet */
    bool machine_seen;
    struct vm_config *vm; /* of SECTION_VM */
};

/* The keys of a VM whose presence is asked for after parsing: their places in the table, and bits of vm_config.seen. */
enum vm_key { KEY_IMAGE, KEY_QUOTA, KEY_PIN, KEY_OUTPUT, KEY_STATE };

static inline bool config_vm_has(const struct vm_config *vm, enum vm_key key) { return (vm->seen >> key & 1) != 0; }

/* Adds an error "FILE:LINE: ...". */
__attribute__((format(printf, 3, 4))) void config_error_at(struct parser *p, unsigned line, const char *format, ...);

/* config_channel.c: the value of a `queue` or `ring`; and what can be said of all of them once all VMs are known. */
void config_parse_channel(struct parser *p, enum channel_type type, struct slice value);
void config_finish_channels(struct parser *p);

/* One `name = value` of the current section, which is not SECTION_NONE. */
void config_parse_key(struct parser *p, struct slice name, struct slice value);

#endif
