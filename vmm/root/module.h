/* The boot modules, by name. */
#ifndef VMM_ROOT_MODULE_H
#define VMM_ROOT_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The number of the first module of that name; false if there is none. Modules are known by file names, so a folder
 * before the name does not count.
 */
bool module_find(const char *name, uint32_t *number);

/*
 * The machine description: the module whose name ends in ".conf". If there are several, the one that `config=NAME` on
 * the kernel's command line names, else the first. Prints which, or what is wrong, and returns false.
 */
bool module_find_config(const char *command_line, uint32_t *number);

/*
 * Maps a module: *info says what it is called and how large it is, *text is where its bytes are (NULL if it has none).
 * On an error says so and returns false.
 */
struct module_info;
bool module_map(uint32_t number, struct module_info *info, const char **text);

#endif
