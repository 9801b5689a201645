/* sources: vmm/entry */
/*
 * Says why a VM entry fails, from a text with the fields of the control block and the capability registers: the first
 * rule that is broken, in the manual's order. docs/entry.md shows how. Ends with 0 if no rule is broken, 1 if one is,
 * 2 if the text has errors or can't be read.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/entry/entry.h"

enum { STATUS_GOOD, STATUS_BROKEN, STATUS_ERROR };

static const char usage[] = "usage: tools/why-entry [--all] [--svm | --vmx] [FILE]   (no FILE, or -: standard input)\n"
                            "       tools/why-entry --list\n"
                            "\n"
                            "Says which rule of the manual makes a VM entry fail. FILE has a line `NAME value` for "
                            "each field of the VMCS or VMCB\n"
                            "that is known, and for each capability register; a name may be the VMCS encoding or the "
                            "MSR's number, `=` may stand\n"
                            "between, values are decimal or 0x..., and # begins a comment:\n"
                            "\n"
                            "    GUEST_CR0           0x80000031\n"
                            "    0x6804              0x2020        # GUEST_CR4\n"
                            "    IA32_VMX_CR4_FIXED0 0x2000\n"
                            "    CPUID_80000008_EAX  0x3028\n"
                            "\n"
                            "Rules that need a value which is not there are not checked, and counted.\n"
                            "\n"
                            "  --all        all broken rules, not only the first\n"
                            "  --svm --vmx  which kind; without it, a field of a VMCB makes it SVM\n"
                            "  --list       all rules, a line each: id, field, what must be so, what comes of it\n"
                            "  --help       this text\n";

static struct dump {
    const char *name;
    unsigned line, errors;
    bool has_vmcb;
    struct entry_values values;
    struct entry_caps caps;
} dump;

__attribute__((format(printf, 1, 2))) static void complain(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fprintf(stderr, "%s:%u: ", dump.name, dump.line);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    dump.errors++;
}

/* ---- Reading -------------------------------------------------------------------------------------------------- */

static bool read_number(const char *text, uint64_t *number)
{
    char *end;

    errno = 0;
    *number = strtoull(text, &end, 0);
    return *text >= '0' && *text <= '9' && !*end && errno == 0;
}

/* A name, the encoding of a field that has one, or the number of an MSR that is a capability register. */
static bool find_field(const char *name, uint32_t *field)
{
    uint64_t number;

    if (entry_field_find(name, field))
        return true;
    if (!read_number(name, &number) || number >= ENTRY_STATE)
        return false;
    *field = (uint32_t)number;
    if (*entry_field_name(*field))
        return true;
    for (*field = ENTRY_CAP; *field < ENTRY_CAP_END; ++*field)
        if (entry_cap_index(*field) == number)
            return true;
    return false;
}

static bool is_cap(uint32_t field) { return field >= ENTRY_CAP && field < ENTRY_CAP_END; }

static bool is_vmcb(uint32_t field) { return field >> 16 && field < ENTRY_STATE; }

static void keep(const char *name, uint32_t field, uint64_t value)
{
    struct entry_block block = entry_values_block(&dump.values);
    unsigned bits = entry_field_bits(field), cap = field - ENTRY_CAP;
    uint64_t before;

    if (bits < 64 && value >> bits)
        complain("%s has %u bits, 0x%" PRIx64 " has more", name, bits, value);
    else if (is_cap(field) ? dump.caps.known >> cap & 1 : block.read(block.context, field, &before))
        complain("%s has a value already", name);
    else if (is_cap(field)) {
        dump.caps.value[cap] = value;
        dump.caps.known |= 1ull << cap;
    } else if (!block.write(block.context, field, value))
        complain("too many fields");
    dump.has_vmcb |= is_vmcb(field);
}

static void read_line(char *line)
{
    static const char blanks[] = " \t\r\n=:";
    char *name, *value, *rest = line;
    uint32_t field;
    uint64_t number;

    line[strcspn(line, "#")] = 0;
    name = strtok_r(line, blanks, &rest);
    value = name ? strtok_r(NULL, blanks, &rest) : NULL;
    if (!name)
        return;
    if (!find_field(name, &field))
        complain("no field is called \"%s\"", name);
    else if (!value)
        complain("%s has no value", name);
    else if (!read_number(value, &number))
        complain("\"%s\" is not a number", value);
    else if (strtok_r(NULL, blanks, &rest))
        complain("there is something behind the value of %s", name);
    else
        keep(name, field, number);
}

static bool read_dump(const char *path)
{
    bool is_stdin = !path || strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    bool good;

    dump.name = is_stdin ? "stdin" : path;
    while (file && getline(&line, &room, file) >= 0) {
        dump.line++;
        read_line(line);
    }
    good = file && !ferror(file);
    if (!good)
        fprintf(stderr, "why-entry: %s: %s\n", dump.name, strerror(errno));
    free(line);
    if (file && !is_stdin)
        fclose(file);
    return good;
}

/* ---- Telling -------------------------------------------------------------------------------------------------- */

static void print_finding(const struct entry_finding *finding)
{
    char text[2048];

    entry_finding_text(finding, text, sizeof text);
    fputs(text, stdout);
}

static int explain(enum backend backend, bool all)
{
    static struct entry_finding findings[400];
    struct entry_block block = entry_values_block(&dump.values);
    unsigned broken = entry_check_all(backend, &block, &dump.caps, findings, 400, NULL);
    char text[16384];

    for (unsigned i = 0; i < broken && (all || i == 0); i++)
        print_finding(&findings[i]);
    if (broken == 0)
        printf("no rule is broken\n");
    else if (broken > 1 && !all)
        printf("%u more rule%s broken: --all tells\n", broken - 1, broken == 2 ? " is" : "s are");
    entry_unknown_text(backend, &block, &dump.caps, NULL, text, sizeof text);
    fputs(text, stdout);
    return broken ? STATUS_BROKEN : STATUS_GOOD;
}

static void list_rules(void)
{
    for (enum backend backend = BACKEND_VMX; backend <= BACKEND_SVM; backend++)
        for (unsigned i = 0; i < entry_rule_count(backend); i++) {
            const struct entry_rule *rule = entry_rule(backend, i);
            struct entry_verdict verdict = entry_rule_verdict(rule);
            char text[80];

            entry_verdict_text(&verdict, text, sizeof text);
            printf("%s.%s: %s (%s)\n", rule->id, entry_field_name(rule->field), rule->must, text);
        }
}

static int bad_usage(const char *what, const char *which)
{
    fprintf(stderr, "why-entry: %s: %s\n%s", what, which, usage);
    return STATUS_ERROR;
}

int main(int argc, char **argv)
{
    enum backend backend = BACKEND_NONE;
    struct entry_block block;
    const char *path = NULL;
    bool all = false;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(usage, stdout);
            return STATUS_GOOD;
        }
        if (strcmp(argv[i], "--list") == 0) {
            list_rules();
            return STATUS_GOOD;
        }
        if (strcmp(argv[i], "--all") == 0)
            all = true;
        else if (strcmp(argv[i], "--svm") == 0 || strcmp(argv[i], "--vmx") == 0)
            backend = argv[i][2] == 's' ? BACKEND_SVM : BACKEND_VMX;
        else if (argv[i][0] == '-' && argv[i][1])
            return bad_usage("unknown option", argv[i]);
        else if (path)
            return bad_usage("more than one file", argv[i]);
        else
            path = argv[i];
    }
    if (!read_dump(path) || dump.errors)
        return STATUS_ERROR;
    block = entry_values_block(&dump.values);
    entry_state_assume(&block);
    return explain(backend != BACKEND_NONE ? backend : dump.has_vmcb ? BACKEND_SVM : BACKEND_VMX, all);
}
