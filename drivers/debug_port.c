#include "drivers/debug_port.h"

#include "lib/x86.h"

bool debug_port_exists(void) { return x86_inb(DEBUG_PORT) == DEBUG_PORT; }

void debug_port_write(const char *bytes, size_t n) { x86_outsb(DEBUG_PORT, bytes, n); }
