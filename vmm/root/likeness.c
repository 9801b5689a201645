#include "vmm/root/likeness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/root/console.h"
#include "vmm/root/list.h"
#include "vmm/root/module.h"
#include "vmm/root/passport.h"

struct profiles {
    struct profile *list;
    size_t count;
};

/* A paragraph of comments, as KTAP has them: of at most 119 columns, as a text from tools/passport. */
static void print_comment(const char *text)
{
    struct list_line line = {.key = sizeof("# passport:"), .columns = LIST_COLUMNS - 1, .between = "", .again = "# passport:   "};

    list_start(&line, "# passport:");
    list_add_words(&line, text);
    console_line("%s", line.text);
}

static void print_mistake(const char *why) { console_line("# passport: %s", why); }

/* False if there are none. */
static bool read_profiles(struct profiles *profiles)
{
    struct module_info module;
    uint32_t number;
    const char *text;
    char *copy;

    if (!module_find("profiles", &number) || !module_map(number, &module, &text))
        return false;
    copy = malloc(module.bytes + 1);
    if (!copy) {
        console_line("# passport: no memory for the profiles");
        return false;
    }
    memcpy(copy, text, module.bytes);
    profiles->count = profile_read(module.name, copy, module.bytes, &profiles->list, print_mistake);
    return profiles->count > 0;
}

static void print_unknown(const struct profiles *profiles, const char *wanted)
{
    char text[500];
    size_t used = (size_t)snprintf(text, sizeof(text), "%.64s: no such profile; there are:", wanted);

    for (size_t i = 0; i < profiles->count && used < sizeof(text); i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, " %.*s", (int)profiles->list[i].name_bytes,
                                 profiles->list[i].name);
    print_comment(text);
}

static void print_difference(const struct profile *passport, const struct profile *profile)
{
    char text[PROFILE_TELLS_BYTES + 200], more[80] = "";
    struct profile_difference d;

    profile_compare(passport, profile, &d);
    if (d.left_out)
        snprintf(more, sizeof(more), "%s%u more, which tools/passport tells of a log", d.used ? "; and " : "", d.left_out);
    snprintf(text, sizeof(text), "%s %.*s%s%s%s", d.keys ? "differs from" : "like", (int)profile->name_bytes, profile->name,
             d.keys ? ": " : "", d.tells, more);
    print_comment(text);
}

void likeness_print(const struct machine_info *info, const char *wanted)
{
    static struct profiles profiles;
    const struct profile *profile;
    struct profile passport;

    if (!read_profiles(&profiles))
        return;
    passport_take(info, &passport);
    profile = wanted[0] ? profile_find(profiles.list, profiles.count, wanted)
                        : profile_nearest(&passport, profiles.list, profiles.count);
    if (profile)
        print_difference(&passport, profile);
    else
        print_unknown(&profiles, wanted);
}
