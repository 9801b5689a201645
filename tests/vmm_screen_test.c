/* sources: vmm/root/screen_row.c vmm/root/row.c vmm/lib/end.c tests/lib_support.c */
/* The rows of the live screen: what they say, and that they say it within 80 columns. */
#include <stdio.h>
#include <string.h>

#include "tests/lib_support.h"
#include "vmm/root/config.h"
#include "vmm/root/screen.h"
#include "vmm/root/vm.h"

static screen_row guarded[3]; /* rows[1] is drawn; its neighbours must not change */
#define ROW guarded[1]

static const char *text(void)
{
    static char line[SCREEN_COLUMNS + 1];

    for (unsigned i = 0; i < SCREEN_COLUMNS; i++) {
        CHECK((ROW[i] & 0xff) >= ' ');
        line[i] = (char)ROW[i];
        CHECK(guarded[0][i] == 0xeeee && guarded[2][i] == 0xeeee);
    }
    return line;
}

static void expect(const char *expected)
{
    if (strcmp(text(), expected) == 0)
        return;
    fprintf(stderr, "expected |%s|\nfound    |%s|\n", expected, text());
    CHECK(false);
}

static void test_running(void)
{
    const struct vm_config config = {.name = "guest"};
    const struct screen_before before = {.exits = 1000, .run_ticks = 5000};
    struct vm vm = {.config = &config, .was_started = true, .running = true, .lines = 12, .tests = 3};

    vm.status = (struct vm_status){.exits = 1500, .run_ticks = 7500, .vcpus = 1, .vcpu = {{VCPU_STATE_GUEST, 3}}};
    screen_vm(ROW, &vm, &before, 5000, 1000000);
    expect("guest             in guest      3          1500   100000    50     12     3     ");
    CHECK(ROW[0] >> 8 == 15 && ROW[18] >> 8 == 10);
    screen_vm(ROW, &vm, &before, 0, 1000000);
    expect("guest             in guest      3          1500                    12     3     ");
    vm.status.vcpu[0].state = VCPU_STATE_BLOCKED;
    screen_vm(ROW, &vm, &(struct screen_before){1500, 7500}, 5000, 1000000);
    expect("guest             asleep        3          1500        0     0     12     3     ");
    test_passed("a VM that runs: state, pCPU, rates");
}

static void test_vcpus(void)
{
    const struct vm_config config = {.name = "guest"};
    struct vm vm = {.config = &config, .was_started = true, .running = true};

    vm.status = (struct vm_status){.vcpus = 2, .vcpu = {{VCPU_STATE_BLOCKED, 1}, {VCPU_STATE_READY, 2}}};
    screen_vm(ROW, &vm, &(struct screen_before){0, 0}, 1, 1);
    expect("guest             ready         1,2           0        0     0      0     0     ");
    vm.status.vcpus = 16;
    vm.status.vcpu[15].state = VCPU_STATE_MONITOR;
    for (unsigned i = 0; i < 16; i++)
        vm.status.vcpu[i].pcpu = (uint16_t)(i + 9);
    screen_vm(ROW, &vm, &(struct screen_before){0, 0}, 1, 1);
    expect("guest             in monitor    9,10+         0        0     0      0     0     ");
    test_passed("several vCPUs: the state of the busiest, as many pCPUs as fit");
}

static void test_done_vms(void)
{
    const struct vm_config config = {.name = "a-name-of-31-letters-is-so-long"};
    struct vm vm = {.config = &config, .was_started = true, .done = true, .end = {END_EXIT, -2147483647}};

    vm.status.exits = 99999999999;
    vm.lines = 10000000;
    vm.tests = 100000;
    screen_vm(ROW, &vm, &(struct screen_before){0, 0}, 1, 1);
    expect("a-name-of-31-lett exit -2147483       99999999k                10000k  100k FAIL");
    CHECK(ROW[76] >> 8 == 12);
    vm = (struct vm){.config = &config, .done = true, .passed = true, .skipped = true};
    screen_vm(ROW, &vm, &(struct screen_before){0, 0}, 1, 1);
    expect("a-name-of-31-lett not started                 0                     0     0 skip");
    test_passed("a VM that is done; what is too long is cut or told in thousands, and never touches the next column");
}

static void test_frame(void)
{
    struct machine_info info = {.backend = BACKEND_VMX, .pcpus = 1, .tsc_hz = 1000};
    struct config config = {.name = "machine", .vms = 3};
    struct vm vm[3] = {{.done = true, .passed = true}, {.done = true}, {.running = true}};
    struct screen screen = {.config = &config, .info = &info, .start = 500};

    screen_title(ROW, &screen, vm, 500 + 12340);
    expect(" Nestor  machine                    VMX, 1 CPU   12.3 s   2 of 3 done, 1 failed ");
    screen_head(ROW);
    expect("VM                state         CPU       exits  exits/s  run%  lines tests     ");
    screen_rule(ROW, 7);
    CHECK((ROW[0] & 0xff) == 0xc4 && (ROW[79] & 0xff) == 0xc4);
    for (unsigned i = 0; i < SCREEN_COLUMNS; i++)
        if ((ROW[i] & 0xff) == 0xc4)
            ROW[i] = '-';
    expect("-- and 7 more ------------------------------------------------------------------");
    test_passed("title, names of the columns, rule");
}

static void test_choose(void)
{
    static struct vm vm[40];
    size_t chosen[SCREEN_VMS];

    CHECK(screen_choose(vm, 0, chosen) == 0);
    CHECK(screen_choose(vm, 3, chosen) == 3 && chosen[0] == 0 && chosen[2] == 2);
    CHECK(screen_choose(vm, 40, chosen) == SCREEN_VMS && chosen[SCREEN_VMS - 1] == SCREEN_VMS - 1);
    for (size_t i = 0; i < 30; i++)
        vm[i].done = true;
    CHECK(screen_choose(vm, 40, chosen) == SCREEN_VMS); /* 5 that are done, and the 10 that run */
    CHECK(chosen[4] == 4 && chosen[5] == 30 && chosen[14] == 39);
    for (size_t i = 30; i < 40; i++)
        vm[i].done = true;
    CHECK(screen_choose(vm, 40, chosen) == SCREEN_VMS && chosen[14] == 14);
    test_passed("with more VMs than rows, those that run come first");
}

int main(void)
{
    memset(guarded, 0xee, sizeof(guarded));
    test_running();
    test_vcpus();
    test_done_vms();
    test_frame();
    test_choose();
    return test_done();
}
