/* Words `key=value` on the kernel's command line that are the root task's. */
#ifndef VMM_ROOT_OPTION_H
#define VMM_ROOT_OPTION_H

#include <stdbool.h>
#include <stddef.h>

struct config;

/* Copies the value of the first word `key=value`, cut to `room`; false and "" if there is none. */
bool option_find(const char *command_line, const char *key, char *value, size_t room);

/* What can be said in [machine] or on the command line, where it counts more: trace, counters, screen, passport, profile; and tests=GLOB and
 * shuffle=SEED, which become the last words of the args of each lab. Says what is wrong with a value and leaves the config's. */
void option_override(const char *command_line, struct config *config);

#endif
