/* sources: vmm/root/config.c vmm/root/config_channel.c vmm/root/config_key.c vmm/root/config_value.c vmm/lib/end.c tests/lib_support.c */
/* The parser of the machine description: what it reads, and each of its errors, word for word. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib_support.h"
#include "vmm/root/config.h"

/* Parses a copy of exactly the bytes, so that ASan sees a read behind them. */
static bool parse(const char *text, size_t bytes, struct config *config)
{
    char *copy = malloc(bytes ? bytes : 1);
    bool good;

    memcpy(copy, text, bytes);
    good = config_parse("a.conf", copy, bytes, config);
    free(copy);
    CHECK(good == (config->errors == 0));
    return good;
}

/* ---- What it reads ---------------------------------------------------------------------------------------- */

static void test_defaults(void)
{
    static const char text[] = "[vm a]\nimage = a.elf";
    struct config config;

    CHECK(parse(text, sizeof(text) - 1, &config));
    CHECK(config.vms == 1 && config.timeout_s == 60 && config.name[0] == 0);
    CHECK(!config.trace && !config.counters && config.screen == CONFIG_SCREEN_LIVE);
    CHECK(strcmp(config.vm[0].name, "a") == 0 && strcmp(config.vm[0].image, "a.elf") == 0);
    CHECK(config.vm[0].kind == GUEST_NESTOR && config.vm[0].memory_bytes == 1 << 20 && config.vm[0].vcpus == 1);
    CHECK(config.vm[0].quota_pages == 256 + 256 && config.vm[0].timeslice_us == 0 && !config.vm[0].pinned);
    CHECK(config.vm[0].console && !config.vm[0].lab && !config.vm[0].background && !config.vm[0].has_output);
    CHECK(config.vm[0].args[0] == 0 && !config.vm[0].bad_hypercall_kills);
    CHECK(config.vm[0].expect.kind == END_EXIT && config.vm[0].expect.status == 0);
    config_free(&config);
    test_passed("a VM of only an image has the defaults");
}

static void test_all_keys(void)
{
    static const char text[] = "# a comment\r\n\r\n  [machine]\t\r\n name=two VMs \r\ntimeout = 86400\r\n"
                               "trace = yes\ncounters = yes\nscreen = log\n"
                               "[vm first]\r\nimage = x.bin\r\nkind = flat16\r\nmemory = 64K\r\nquota = 2M\r\n"
                               "vcpus = 1\r\npin = 63\r\ntimeslice = 500\r\nargs = a b  # c = d\r\nconsole = no\r\n"
                               "lab = no\r\nexpect = exit -7\r\noutput = a\\n\\tb\\\\\r\nbackground = no\r\n"
                               "bad-hypercall = kill\r\n[ vm\tsecond-2_b.c ]\r\nimage = y\r\nquota = 100\r\n"
                               "background = yes\r\noutput =\r\n";
    struct config config;
    const struct vm_config *vm;

    CHECK(parse(text, sizeof(text) - 1, &config));
    CHECK(strcmp(config.name, "two VMs") == 0 && config.timeout_s == 86400 && config.vms == 2);
    CHECK(config.trace && config.counters && config.screen == CONFIG_SCREEN_LOG);
    vm = &config.vm[0];
    CHECK(strcmp(vm->name, "first") == 0 && strcmp(vm->image, "x.bin") == 0 && vm->kind == GUEST_FLAT16);
    CHECK(vm->memory_bytes == 65536 && vm->quota_pages == 512 && vm->pinned && vm->pin == 63);
    CHECK(vm->timeslice_us == 500 && strcmp(vm->args, "a b  # c = d") == 0 && !vm->console);
    CHECK(vm->expect.kind == END_EXIT && vm->expect.status == -7 && vm->bad_hypercall_kills);
    CHECK(vm->has_output && strcmp(vm->output, "a\n\tb\\") == 0);
    vm = &config.vm[1];
    CHECK(strcmp(vm->name, "second-2_b.c") == 0 && vm->quota_pages == 100 && vm->background);
    CHECK(vm->expect.kind == END_RUNNING && vm->has_output && vm->output[0] == 0);
    config_free(&config);
    test_passed("all keys, CRLF, blanks and comments");
}

static void test_lab(void)
{
    static const char text[] = "[vm a]\nimage = a\n[vm b]\nimage = b\nlab = yes\n[vm c]\nimage = c\nlab = full\n"
                               "[vm d]\nimage = d\nlab = no\n";
    struct config config;

    CHECK(parse(text, sizeof(text) - 1, &config));
    CHECK(config.vm[0].lab == LAB_NONE && config.vm[1].lab == LAB_YES && config.vm[2].lab == LAB_FULL);
    CHECK(config.vm[3].lab == LAB_NONE);
    config_free(&config);
    test_passed("lab is no, yes or full");
}

static void test_channels(void)
{
    static const char text[] = "[machine]\nqueue = a -> b\nring=b->\n"
                               "ring =\tb  ->\ta  pages=256 \r\nqueue = b -> a slots=1\nqueue = a -> b slots=4096\n"
                               "ring = a -> b\n[vm a]\nimage = a\n[vm b]\nimage = b\n";
    static const struct channel_config expected[] = {
        {.type = CHANNEL_QUEUE, .from = 0, .to = 1, .size = 64, .line = 2},
        {.type = CHANNEL_RING, .from = 1, .to = 0, .size = 256, .line = 4},
        {.type = CHANNEL_QUEUE, .from = 1, .to = 0, .size = 1, .line = 5},
        {.type = CHANNEL_QUEUE, .from = 0, .to = 1, .size = 4096, .line = 6},
        {.type = CHANNEL_RING, .from = 0, .to = 1, .size = 16, .line = 7},
    };
    enum { CHANNELS = sizeof expected / sizeof *expected };
    struct config config;

    CHECK(!parse(text, sizeof(text) - 1, &config));
    CHECK(config.errors == 1 && config.channels == CHANNELS && config.vm[0].channels == CHANNELS);
    for (unsigned i = 0; i < CHANNELS; i++) {
        const struct channel_config *c = &config.channel[i], *e = &expected[i];

        CHECK(c->type == e->type && c->from == e->from && c->to == e->to && c->size == e->size && c->line == e->line);
        CHECK(strcmp(c->from_name, e->from ? "b" : "a") == 0 && strcmp(c->to_name, e->to ? "b" : "a") == 0);
    }
    CHECK(strcmp(config_channel_word(CHANNEL_QUEUE), "queue") == 0 && strcmp(config_channel_word(CHANNEL_RING), "ring") == 0);
    config_free(&config);
    test_passed("queues and rings, also between VMs further down");
}

static void test_most_channels(void)
{
    static char text[MAX_VM_CHANNELS * 20 + 200];
    size_t used = (size_t)snprintf(text, sizeof(text), "[vm a]\nimage = a\n[vm b]\nimage = b\n[machine]\n");
    struct config config;

    for (unsigned i = 0; i < MAX_VM_CHANNELS; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "queue = a -> b\n");
    CHECK(parse(text, used, &config) && config.channels == MAX_VM_CHANNELS);
    config_free(&config);
    used += (size_t)snprintf(text + used, sizeof(text) - used, "ring = b -> a\n");
    CHECK(!parse(text, used, &config));
    CHECK(config.errors == 1 && strcmp(config.error[0], "a.conf:38: ring: one too many for VM `b`; expected at most 32") == 0);
    config_free(&config);
    test_passed("MAX_VM_CHANNELS channels of a VM and no more");
}

static void test_every_end(void)
{
    for (enum end_kind kind = END_EXIT; kind < END_KINDS; kind++) {
        char text[200], word[END_TEXT_BYTES];
        struct config config;

        end_format(&(struct end){kind, 3}, word);
        snprintf(text, sizeof(text), "[vm a]\nimage = a\nexpect = %s\n[vm b]\nimage = b", word);
        CHECK(parse(text, strlen(text), &config));
        CHECK(config.vm[0].expect.kind == kind && config.vm[0].expect.status == (kind == END_EXIT ? 3 : 0));
        CHECK(config.vm[0].background == (kind == END_RUNNING));
        config_free(&config);
    }
    test_passed("each end can be expected; running is the background");
}

static void test_most_vms(void)
{
    static char text[MAX_VMS * 40];
    size_t used = 0;
    struct config config;

    for (unsigned i = 0; i < MAX_VMS; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "[vm v%u]\nimage = a\n", i);
    CHECK(parse(text, used, &config));
    CHECK(config.vms == MAX_VMS && strcmp(config.vm[MAX_VMS - 1].name, "v511") == 0);
    config_free(&config);
    used += (size_t)snprintf(text + used, sizeof(text) - used, "[vm more]\nbogus = 1\n");
    CHECK(!parse(text, used, &config));
    CHECK(config.errors == 1 && strcmp(config.error[0], "a.conf:1025: one VM too many; expected at most 512") == 0);
    config_free(&config);
    test_passed("MAX_VMS VMs and no more");
}

/* ---- Its errors ------------------------------------------------------------------------------------------- */

#define VM      "[vm a]\nimage = a\n"
#define LONG_50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

/* A text and all the errors that it gives, each with a '\n'. */
static const struct {
    const char *text, *errors;
} mistakes[] = {
    {"", "a.conf:1: the file is empty; expected at least one section [vm NAME]\n"},
    {"# nothing\n", "a.conf:1: there is no VM; expected at least one section [vm NAME]\n"},
    {"\n\n[machine]\n", "a.conf:3: there is no VM; expected at least one section [vm NAME]\n"},
    {"[vm a]\n", "a.conf:1: [vm a] has no image; expected `image = MODULE`\n"},
    {"[vm a]\nimage =\n", "a.conf:1: [vm a] has an empty image; expected the name of a module\n"},
    {VM "background = yes\n", "a.conf:3: every VM is in the background; expected at least one to wait for\n"},
    {VM "expect = halt\nbackground = yes\n" VM,
     "a.conf:1: [vm a] is in the background, so it can't be expected to end with halt\n"
     "a.conf:5: a second VM `a`; the first is in line 1\n"},
    {"x = 1\n" VM, "a.conf:1: `x` stands before any section; expected [machine] or [vm NAME] first\n"},
    {VM "= 1\n", "a.conf:3: there is no key before `=`; expected `key = value`\n"},
    {VM "kind\n", "a.conf:3: `kind` is neither a [section] nor `key = value`\n"},
    {VM "[machine\n", "a.conf:3: `[machine` has no `]` at its end; expected [machine] or [vm NAME]\n"},
    {VM "[\n", "a.conf:3: `[` has no `]` at its end; expected [machine] or [vm NAME]\n"},
    {VM "[]\nkey = 1\n", "a.conf:3: `[]` is not a section; expected [machine] or [vm NAME]\n"},
    {VM "[vms a]\nkey = 1\n", "a.conf:3: `[vms a]` is not a section; expected [machine] or [vm NAME]\n"},
    {VM "[machine b]\n", "a.conf:3: `[machine b]` is not a section; expected [machine] or [vm NAME]\n"},
    {VM "[machine]\n[machine]\n", "a.conf:4: a second [machine] section; expected one\n"},
    {"[vm]\nimage = a\n", "a.conf:1: `` is not a name for a VM; expected letters, digits, '-', '_' or '.'\n"},
    {"[vm a b]\nimage = a\n", "a.conf:1: `a b` is not a name for a VM; expected letters, digits, '-', '_' or '.'\n"},
    {"[vm \xc3\xa4]\nimage = a\n",
     "a.conf:1: `\\xC3\\xA4` is not a name for a VM; expected letters, digits, '-', '_' or '.'\n"},
    {"[vm aaaaaaaaaabbbbbbbbbbccccccccccdd]\nimage = a\n",
     "a.conf:1: `aaaaaaaaaabbbbbbbbbbccccccccccdd` is a name of 32 bytes; expected at most 31\n"},
    {VM "memry = 1M\n", "a.conf:3: `memry` is not a key of [vm NAME]; did you mean `memory`?\n"},
    {VM "[machine]\ntimeuot = 1\n", "a.conf:4: `timeuot` is not a key of [machine]; did you mean `timeout`?\n"},
    {VM "colour = red\n", "a.conf:3: `colour` is not a key of [vm NAME]\n"},
    {VM "timeout = 1\n", "a.conf:3: `timeout` is a key of [machine], not of [vm NAME]\n"},
    {VM "[machine]\nqueue = a\n",
     "a.conf:4: queue: `a` is not accepted; expected FROM -> TO or FROM -> TO slots=N\n"},
    {VM "[machine]\nqueue = a > b\n",
     "a.conf:4: queue: `a > b` is not accepted; expected FROM -> TO or FROM -> TO slots=N\n"},
    {VM "[machine]\nring = a -> b pages=2 x\n",
     "a.conf:4: ring: `a -> b pages=2 x` is not accepted; expected FROM -> TO or FROM -> TO pages=N\n"},
    {VM "[machine]\nring =\n", "a.conf:4: ring: `` is not accepted; expected FROM -> TO or FROM -> TO pages=N\n"},
    {VM "[machine]\nqueue = a -> " LONG_50 "\n",
     "a.conf:4: queue: `a -> " LONG_50 "` is not accepted; expected FROM -> TO or FROM -> TO slots=N\n"},
    {VM "[machine]\nqueue = a -> b pages=2\n", "a.conf:4: queue: `pages=2` is not accepted; expected slots=N\n"},
    {VM "[machine]\nqueue = a -> b slots=\n",
     "a.conf:4: queue: slots: `` is not accepted; expected a number from 1 to 4096\n"},
    {VM "[machine]\nqueue = a -> b slots=0\n",
     "a.conf:4: queue: slots: `0` is not accepted; expected a number from 1 to 4096\n"},
    {VM "[machine]\nqueue = a -> b slots=48\n",
     "a.conf:4: queue: slots: `48` is not a power of two; expected one from 1 to 4096\n"},
    {VM "[machine]\nring = a -> b pages=512\n",
     "a.conf:4: ring: pages: `512` is not accepted; expected a number from 1 to 256\n"},
    {VM "[machine]\nqueue = a -> b\n", "a.conf:4: queue: there is no VM `b`; expected the name of one\n"},
    {VM "[machine]\nring = b -> a\n", "a.conf:4: ring: there is no VM `b`; expected the name of one\n"},
    {VM "[machine]\nqueue = a -> a\n", "a.conf:4: queue: it leads from `a` to itself; expected two VMs\n"},
    {VM "restart = on-failure\n[vm b]\nimage = b\n[machine]\nqueue = a -> b\n",
     "a.conf:7: queue: VM `a` may be started again, and would have no channels then; expected one without `restart` and "
     "`repeat`\n"},
    {VM "queue = a -> a\n", "a.conf:3: `queue` is a key of [machine], not of [vm NAME]\n"},
    {VM "[machine]\nqueu = a -> a\n", "a.conf:4: `queu` is not a key of [machine]; did you mean `queue`?\n"},
    {VM "[machine]\nimage = a\n", "a.conf:4: `image` is a key of [vm NAME], not of [machine]\n"},
    {VM LONG_50 LONG_50 " = 1\n", "a.conf:3: `" LONG_50 "xxxxxxx...` is not a key of [vm NAME]\n"},
    {VM "image = b\n", "a.conf:3: image: given twice in this section\n"},
    {VM "[machine]\nscreen = off\n", "a.conf:4: screen: `off` is not accepted; expected live, table or log\n"},
    {VM "[machine]\ntrace = 1\n", "a.conf:4: trace: `1` is not accepted; expected yes or no\n"},
    {VM "[machine]\ntimeout = 0\n", "a.conf:4: timeout: `0` is not accepted; expected a number from 1 to 86400\n"},
    {VM "[machine]\ntimeout = 99999999999999999999\n",
     "a.conf:4: timeout: `99999999999999999999` is not accepted; expected a number from 1 to 86400\n"},
    {VM "[machine]\ntimeout = -1\n", "a.conf:4: timeout: `-1` is not accepted; expected a number from 1 to 86400\n"},
    {VM "[machine]\ntimeout = 1 s\n", "a.conf:4: timeout: `1 s` is not accepted; expected a number from 1 to 86400\n"},
    {VM "[machine]\ntimeout =\n", "a.conf:4: timeout: `` is not accepted; expected a number from 1 to 86400\n"},
    {VM "[machine]\nname = " LONG_50 "\n", "a.conf:4: name: `" LONG_50 "` is 50 bytes long; expected at most 31\n"},
    {VM "memory = 12Q\n",
     "a.conf:3: memory: `12Q` is not a size; expected a number with K, M or G, a multiple of 4K\n"},
    {VM "memory = 4096\n",
     "a.conf:3: memory: `4096` is not a size; expected a number with K, M or G, a multiple of 4K\n"},
    {VM "memory = 6K\n", "a.conf:3: memory: `6K` is not a size; expected a number with K, M or G, a multiple of 4K\n"},
    {VM "memory = 17179869184G\n",
     "a.conf:3: memory: `17179869184G` is not a size; expected a number with K, M or G, a multiple of 4K\n"},
    {VM "memory = 0K\n", "a.conf:3: memory: `0K` is out of range; expected a size from 4K to 32768M\n"},
    {VM "memory = 33G\n", "a.conf:3: memory: `33G` is out of range; expected a size from 4K to 32768M\n"},
    {VM "quota = 1M1\n",
     "a.conf:3: quota: `1M1` is no amount of memory; expected a number of pages, or a size with K, M or G\n"},
    {VM "quota = 15\n", "a.conf:3: quota: `15` is 15 pages; expected from 16 to 16777216\n"},
    {VM "quota = 65G\n", "a.conf:3: quota: `65G` is 17039360 pages; expected from 16 to 16777216\n"},
    {VM "vcpus = 17\n", "a.conf:3: vcpus: `17` is not accepted; expected a number from 1 to 16\n"},
    {VM "pin = 64\n", "a.conf:3: pin: `64` is not accepted; expected a number from 0 to 63\n"},
    {VM "timeslice = 9\n", "a.conf:3: timeslice: `9` is not accepted; expected a number from 10 to 1000000\n"},
    {VM "lab = all\n", "a.conf:3: lab: `all` is not accepted; expected yes, no or full\n"},
    {VM "console = maybe\n", "a.conf:3: console: `maybe` is not accepted; expected yes or no\n"},
    {VM "kind = linux\n", "a.conf:3: kind: `linux` is not accepted; expected nestor or flat16\n"},
    {VM "bad-hypercall = ignore\n", "a.conf:3: bad-hypercall: `ignore` is not accepted; expected error or kill\n"},
    {VM "output = a\\q\n", "a.conf:3: output: `a\\q` has an unknown escape; expected \\n, \\t or \\\\\n"},
    {VM "output = a\\\n", "a.conf:3: output: `a\\` has an unknown escape; expected \\n, \\t or \\\\\n"},
    {VM "output = a\\", "a.conf:3: output: `a\\` has an unknown escape; expected \\n, \\t or \\\\\n"},
    {VM "expect = exit\n",
     "a.conf:3: expect: `exit` is not an end; expected exit N, halt, triple-fault, hole, read-only, bad-hypercall, bad-image, "
     "bad-state, monitor-fault, no-memory, entry-failure, unhandled, running\n"},
    {VM "expect = exit 2147483648\n",
     "a.conf:3: expect: `exit 2147483648` is not an end; expected exit N, halt, triple-fault, hole, read-only, bad-hypercall, "
     "bad-image, bad-state, monitor-fault, no-memory, entry-failure, unhandled, running\n"},
    {"[vm a]\nmemory = 1\nkind = x\nfoo = 1\n",
     "a.conf:2: memory: `1` is not a size; expected a number with K, M or G, a multiple of 4K\n"
     "a.conf:3: kind: `x` is not accepted; expected nestor or flat16\n"
     "a.conf:4: `foo` is not a key of [vm NAME]\n"
     "a.conf:1: [vm a] has no image; expected `image = MODULE`\n"},
};

/* All the errors of a config, each with a '\n'. */
static void join_errors(const struct config *config, char *text, size_t room)
{
    size_t used = 0;

    text[0] = 0;
    for (size_t i = 0; i < config->errors && i < CONFIG_ERRORS; i++)
        used += (size_t)snprintf(text + used, room - used, "%s\n", config->error[i]);
}

static void check_errors(const char *text, size_t bytes, const char *expected)
{
    static char found[CONFIG_ERRORS * CONFIG_ERROR_BYTES];
    struct config config;

    CHECK(!parse(text, bytes, &config));
    join_errors(&config, found, sizeof(found));
    if (strcmp(found, expected) != 0)
        printf("# found:\n%s# expected:\n%s", found, expected);
    CHECK(strcmp(found, expected) == 0);
    config_free(&config);
}

static void test_errors(void)
{
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        char name[CONFIG_ERROR_BYTES];

        check_errors(mistakes[i].text, strlen(mistakes[i].text), mistakes[i].errors);
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(mistakes[i].errors, "\n"), mistakes[i].errors);
        test_passed(name);
    }
}

static void test_long_values(void)
{
    static char text[2000];
    int start = snprintf(text, sizeof(text), VM "args = ");

    memset(text + start, 'y', 512);
    check_errors(text, (size_t)start + 512,
                 "a.conf:3: args: `yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy...` is 512 bytes long; "
                 "expected at most 511\n");
    start = snprintf(text, sizeof(text), VM "output = ");
    memset(text + start, 'y', 512);
    check_errors(text, (size_t)start + 512,
                 "a.conf:3: output: `yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy...` is too long; "
                 "expected at most 511 bytes\n");
    check_errors(VM "args = a\0b\n", sizeof(VM "args = a\0b\n") - 1,
                 "a.conf:3: the line holds a 0 byte; expected text\n");
    test_passed("values that are too long, and 0 bytes");
}

static void test_many_errors(void)
{
    char text[1000] = VM, first[80], last[80];
    struct config config;

    for (unsigned i = 0; i < 30; i++)
        strcat(text, "foo = 1\n");
    CHECK(!parse(text, strlen(text), &config));
    CHECK(config.errors == 30);
    snprintf(first, sizeof(first), "a.conf:%d: `foo` is not a key of [vm NAME]", 3);
    snprintf(last, sizeof(last), "a.conf:%d: `foo` is not a key of [vm NAME]", 3 + CONFIG_ERRORS - 1);
    CHECK(strcmp(config.error[0], first) == 0 && strcmp(config.error[CONFIG_ERRORS - 1], last) == 0);
    config_free(&config);
    test_passed("30 errors are counted, the first 20 are told");
}

/* ---- Mutations of a valid file ---------------------------------------------------------------------------- */

static void mutate(char *text, size_t *bytes, size_t room)
{
    static const char interesting[] = "[]=\n\r\\# \t0KMG-\0\xff";
    size_t at = *bytes ? test_below(*bytes) : 0, count = 1 + test_below(8);

    switch (test_below(4)) {
    case 0:
        if (*bytes)
            text[at] = interesting[test_below(sizeof(interesting))];
        break;
    case 1:
        if (*bytes)
            text[at] = (char)test_random();
        break;
    case 2: /* cut out */
        count = count < *bytes - at ? count : *bytes - at;
        memmove(text + at, text + at + count, *bytes - at - count);
        *bytes -= count;
        break;
    default: /* double */
        if (*bytes == 0 || *bytes + count > room || at + count > *bytes)
            break;
        memmove(text + at + count, text + at, *bytes - at);
        *bytes += count;
        break;
    }
}

static void check_sane(const struct config *config)
{
    CHECK(config->vms <= MAX_VMS);
    for (size_t i = 0; i < config->errors && i < CONFIG_ERRORS; i++)
        CHECK(strncmp(config->error[i], "a.conf:", 7) == 0 && strlen(config->error[i]) < CONFIG_ERROR_BYTES);
    for (size_t i = 0; config->errors == 0 && i < config->vms; i++) {
        const struct vm_config *vm = &config->vm[i];

        CHECK(vm->name[0] && vm->image[0] && vm->kind < GUEST_KINDS && vm->vcpus >= 1 && vm->vcpus <= MAX_VCPUS_PER_VM);
        CHECK(vm->memory_bytes >= 4096 && vm->memory_bytes % 4096 == 0 && vm->quota_pages >= 16);
        CHECK(vm->expect.kind > END_NONE && vm->expect.kind < END_KINDS);
    }
}

static void test_fuzz(void)
{
    static const char valid[] = "[machine]\nname = x\ntimeout = 9\n[vm a]\nimage = a\nkind = flat16\nmemory = 64K\n"
                                "quota = 30\noutput = a\\nb\nexpect = exit 3\n[vm b]\nimage = b\nbackground = yes\n"
                                "args = 1 2 3\npin = 0\ntimeslice = 100\nbad-hypercall = kill\nconsole = no\n";
    enum { ROUNDS = 30000 };
    unsigned good = 0;

    for (unsigned round = 0; round < ROUNDS; round++) {
        char text[sizeof(valid) + 64];
        size_t bytes = sizeof(valid) - 1;
        struct config config;

        test_seed(round);
        memcpy(text, valid, bytes);
        for (uint64_t n = 1 + test_below(6); n > 0; n--)
            mutate(text, &bytes, sizeof(text));
        good += parse(text, bytes, &config);
        check_sane(&config);
        config_free(&config);
    }
    CHECK(good > 0 && good < ROUNDS);
    test_passed("30000 mutations of a valid file are read or refused sanely");
}

int main(void)
{
    test_defaults();
    test_all_keys();
    test_lab();
    test_channels();
    test_most_channels();
    test_every_end();
    test_most_vms();
    test_errors();
    test_long_values();
    test_many_errors();
    test_fuzz();
    return test_done();
}
