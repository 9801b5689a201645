/* What the families about the fields of a VMCS share: "Field Encoding in VMCS". */
#ifndef GUESTS_TESTS_VMXFIELDS_H
#define GUESTS_TESTS_VMXFIELDS_H

#include "guests/lib/lab/lab.h"

enum { FIELD_HIGH = 1, WIDTH_SHIFT = 13, TYPE_SHIFT = 10, INDEX_SHIFT = 1, WIDTHS = 4, TYPES = 4, TYPE_READ_ONLY = 1 };
enum { WIDTH_16, WIDTH_64, WIDTH_32, WIDTH_NATURAL };

struct field {
    const char *label;
    uint64_t field;
};
#define FIELD_ROW(encoding, name) {#name, encoding},
#define FIELD_LABEL(encoding, name) #name,
#define AXIS_FIELDS {(const char *const[]){VMCS_FIELDS(FIELD_LABEL)}, sizeof fields / sizeof *fields}

/* Whether the capability MSRs say that there is this field, of those that have a name. */
bool fields_should_exist(uint64_t field);

static inline unsigned field_width(uint64_t field) { return field >> WIDTH_SHIFT & 3; }

static inline unsigned field_type(uint64_t field) { return field >> TYPE_SHIFT & 3; }

#endif
