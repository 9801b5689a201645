/* For the rules on segment registers: the fields of one, and whether it is usable. */
#ifndef VMM_ENTRY_SEGMENT_H
#define VMM_ENTRY_SEGMENT_H

#include "vmm/entry/rule.h"

/* The number of a segment field's register, as in the encodings: ES 0, CS, SS, DS, FS, GS, LDTR 6, TR 7. */
static inline unsigned segment_number(uint32_t field)
{
    static const uint32_t firsts[] = {GUEST_ES_SELECTOR, GUEST_ES_LIMIT, GUEST_ES_ACCESS_RIGHTS, GUEST_ES_BASE};
    unsigned number = 0;

    for (unsigned i = 0; i < 4; i++)
        if (field >= firsts[i] && field < firsts[i] + 16)
            number = (field - firsts[i]) / 2;
    return number;
}

/* Another field of the same register, given that of ES: GUEST_ES_LIMIT. */
static inline uint32_t segment_field(uint32_t of_es, uint32_t field) { return of_es + 2 * segment_number(field); }

static inline uint64_t segment_rights(struct entry_context *context, uint32_t field)
{
    return entry_get(context, segment_field(GUEST_ES_ACCESS_RIGHTS, field));
}

/* CS and TR count as usable whatever their bit says: for TR that is a rule of its own. */
static inline bool segment_is_usable(struct entry_context *context, uint32_t field)
{
    enum { CS = 1, TR = 7 };
    unsigned number = segment_number(field);

    return number == CS || number == TR || !(segment_rights(context, field) & AR_UNUSABLE);
}

#endif
