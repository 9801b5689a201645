#include "mm/direct.h"

uint64_t mm_direct_base = 0xffff800000000000ull;
