/* Which known machine this one is like, and in which way it differs from that. */
#ifndef VMM_ROOT_LIKENESS_H
#define VMM_ROOT_LIKENESS_H

struct machine_info;

/*
 * Compares the passport with the profiles in the boot module `profiles`, and prints some lines "# passport: ...": of the nearest
 * one, or of that of the name `wanted` if that is not "". Says what is wrong with a profile. Without the module: nothing.
 */
void likeness_print(const struct machine_info *info, const char *wanted);

#endif
