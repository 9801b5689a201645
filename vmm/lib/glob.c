#include "vmm/lib/glob.h"

#include <string.h>

bool glob_matches(const char *pattern, const char *text, size_t bytes)
{
    for (; *pattern && *pattern != '*'; pattern++, text++, bytes--)
        if (bytes == 0 || (*pattern != '?' && *text != *pattern))
            return false;
    if (*pattern == 0)
        return bytes == 0;
    for (size_t skip = 0; skip <= bytes; skip++)
        if (glob_matches(pattern + 1, text + skip, bytes - skip))
            return true;
    return false;
}

bool glob_matches_one(const char *patterns, const char *text, size_t bytes)
{
    for (; *patterns; patterns += strlen(patterns) + 1)
        if (glob_matches(patterns, text, bytes))
            return true;
    return false;
}
