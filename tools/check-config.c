/* sources: vmm/root/config.c vmm/root/config_channel.c vmm/root/config_key.c vmm/root/config_value.c vmm/lib/end.c */
/*
 * Checks machine descriptions without booting: the same parser as the root task's. Prints every error as the root task
 * would; ends with 0 if there is none, 1 if there are some, 2 if a file can't be read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/root/config.h"

enum { STATUS_GOOD, STATUS_ERRORS, STATUS_UNREADABLE };

/* The part of a path behind its last '/': what the boot module will be called. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* All of a file, from malloc; NULL with errno set if it can't be read. */
static char *read_file(const char *path, size_t *bytes)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t room = 0, got = 1;

    *bytes = 0;
    while (file && got > 0) {
        if (room - *bytes < 4096) {
            char *grown = realloc(text, room += 65536);

            if (!grown)
                break;
            text = grown;
        }
        got = fread(text + *bytes, 1, room - *bytes, file);
        *bytes += got;
    }
    if (!file || got > 0 || ferror(file)) {
        free(text);
        text = NULL;
    }
    if (file)
        fclose(file);
    return text;
}

static int check(const char *path)
{
    struct config config;
    size_t bytes;
    char *text = read_file(path, &bytes);
    bool good;

    if (!text) {
        fprintf(stderr, "check-config: %s: %s\n", path, strerror(errno));
        return STATUS_UNREADABLE;
    }
    good = config_parse(base_name(path), text, bytes, &config);
    if (good)
        printf("%s: %zu VM%s, no errors\n", path, config.vms, config.vms == 1 ? "" : "s");
    for (size_t i = 0; i < config.errors && i < CONFIG_ERRORS; i++)
        printf("%s\n", config.error[i]);
    if (config.errors > CONFIG_ERRORS)
        printf("... and %zu more\n", config.errors - CONFIG_ERRORS);
    config_free(&config);
    free(text);
    return good ? STATUS_GOOD : STATUS_ERRORS;
}

int main(int argc, char **argv)
{
    int worst = STATUS_GOOD;

    if (argc < 2 || strcmp(argv[1], "--help") == 0) {
        printf("usage: check-config FILE.conf ...\nChecks machine descriptions; docs/config.md is their manual.\n");
        return argc < 2 ? STATUS_UNREADABLE : STATUS_GOOD;
    }
    for (int i = 1; i < argc; i++) {
        int status = check(argv[i]);

        worst = status > worst ? status : worst;
    }
    return worst;
}
