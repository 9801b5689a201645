/*
 * An exit in neutral terms. The two decoders turn what the hardware told (struct exit_record) into it; the handlers see
 * nothing else. Both decoders are pure: tables by exit reason.
 */
#ifndef VMM_MONITOR_EXIT_H
#define VMM_MONITOR_EXIT_H

#include <stdbool.h>
#include <stdint.h>

#include "config/abi.h"

enum exit_kind {
    EXIT_OTHER, /* nothing that this monitor handles */
    EXIT_IO,
    EXIT_HYPERCALL,
    EXIT_MEMORY, /* guest-physical address without memory */
    EXIT_MSR_READ,
    EXIT_MSR_WRITE,
    EXIT_CR, /* MOV to or from a control register */
    EXIT_HALT,
    EXIT_TRIPLE_FAULT,
    EXIT_ENTRY_FAILURE, /* the CPU refused the guest's state */
    EXIT_UNDEFINED,     /* an instruction that this virtual CPU does not have: #UD */
    EXIT_PROTECTED,     /* one that it has, with an operand or at a time that it refuses: #GP(0) */
    EXIT_IGNORED,       /* one that has nothing to do here, such as INVD */
    EXIT_KINDS
};

struct guest_exit {
    enum exit_kind kind;
    const char *name; /* of the reason, as in the manual; static storage */
    const struct exit_record *record; /* what it was made of; reason and rip are for both vendors */
    union {
        struct {
            uint32_t bytes : 3; /* 1, 2 or 4 */
            uint32_t in : 1, string : 1, rep : 1;
            uint32_t : 10;
            uint32_t port : 16;
        } io;
        uint32_t io_bits; /* the same, for who finds it in this order */
        struct {
            uint64_t gpa;
            bool write, fetch;
            bool present; /* it is mapped, but not for this */
        } memory;
        struct {
            uint8_t number; /* CR0, CR4, CR8 ... */
            uint8_t gpr;    /* enum gpr */
            bool write;
        } cr;
    };
};

void vmx_exit_decode(const struct exit_record *record, struct guest_exit *out);
void svm_exit_decode(const struct exit_record *record, struct guest_exit *out);

#endif
