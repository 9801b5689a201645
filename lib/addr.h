/* Two kinds of address as two types, so that the compiler refuses to mix them; and alignment. */
#ifndef LIB_ADDR_H
#define LIB_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct { uint64_t value; } hpa_t; /* host-physical address */
typedef struct { uint64_t value; } gpa_t; /* guest-physical address */

#define HPA(v) ((hpa_t){v})
#define GPA(v) ((gpa_t){v})

/* "No such address", for functions that return one. */
#define HPA_NONE HPA(~0ull)

static inline bool hpa_is_none(hpa_t a) { return a.value == ~0ull; }

enum { PAGE_SHIFT = 12 };
#define PAGE_BYTES (1ull << PAGE_SHIFT)
#define KIB (1ull << 10)
#define MIB (1ull << 20)
#define GIB (1ull << 30)

/* Rounds to a multiple of a power of two. align_up wraps to 0 near the end of the address space: check before. */
static inline uint64_t align_down(uint64_t v, uint64_t a) { return v & ~(a - 1); }
static inline uint64_t align_up(uint64_t v, uint64_t a) { return (v + a - 1) & ~(a - 1); }
static inline bool is_aligned(uint64_t v, uint64_t a) { return (v & (a - 1)) == 0; }

/* The structure whose `member` is at `pointer`. */
#define container_of(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))

#endif
