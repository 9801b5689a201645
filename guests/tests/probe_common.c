#include <string.h>

#include "guests/lib/lab/lab.h"
#include "guests/tests/probe.h"

struct probe_place probe_place_begin(unsigned level, enum probe_access access)
{
    static const uint8_t code[][12] = {
        [PROBE_READ] = {0x8a, 0x04, 0x25, 0, 0, 0, 0, 0x0f, 0xa2},                /* MOV AL, [AT] */
        [PROBE_WRITE] = {0xc6, 0x04, 0x25, 0, 0, 0, 0, EPT_BYTE + 1, 0x0f, 0xa2}, /* MOV BYTE [AT], imm8 */
        [PROBE_FETCH] = {0x48, 0xc7, 0xc0, 0, 0, 0, 0, 0xff, 0xd0, 0x0f, 0xa2},   /* MOV RAX, AT; CALL RAX */
    };
    enum { ADDRESS_AT = 3, ADDRESS_BITS = 39 };
    const uint64_t size = 1ull << (12 + 9 * (level - 1));
    const uint32_t address = PROBE_AT;
    uint8_t bytes[sizeof *code];
    struct probe_place place;
    uint64_t data;

    if ((feature_capability(CAP_CPUID | 0x80000008) & 0xff) < ADDRESS_BITS)
        SKIP("the CPU has no physical addresses of %u bits", ADDRESS_BITS);
    memcpy(bytes, code[access], sizeof bytes);
    memcpy(bytes + ADDRESS_AT, &address, sizeof address);
    place.block = probe_guest_begin(bytes, sizeof bytes);
    memset(probe_guest_data(), EPT_BYTE, PAGE_BYTES);
    data = probe_guest_data_address();
    place.gpa = PROBE_FAR + data % size;
    place.entry = probe_guest_map(place.gpa, data - data % size, level);
    place.open = *place.entry;
    probe_guest_window(place.gpa, PAGE_USER);
    return place;
}
