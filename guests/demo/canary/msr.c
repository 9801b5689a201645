/* The MSRs that a guest owns: read back, and used. */
#include "guests/demo/canary/canary.h"
#include "guests/lib/common/cpu.h"
#include "guests/lib/x64/descriptors.h"

#define MSR_SYSENTER_CS    0x174u
#define MSR_SYSENTER_ESP   0x175u
#define MSR_SYSENTER_EIP   0x176u
#define MSR_PAT            0x277u
#define MSR_EFER           0xc0000080u
#define MSR_STAR           0xc0000081u
#define MSR_LSTAR          0xc0000082u
#define MSR_CSTAR          0xc0000083u
#define MSR_SFMASK         0xc0000084u
#define MSR_FS_BASE        0xc0000100u
#define MSR_GS_BASE        0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u
#define MSR_TSC_AUX        0xc0000103u

#define EFER_SCE 1ull

/* "Canonical Addressing": bits 63 to 48 are as bit 47. */
static uint64_t make_address(void) { return (uint64_t)((int64_t)(canary_random() << 16) >> 16); }

static uint64_t make_selector(void) { return canary_random() & 0xffff; }

static uint64_t make_32(void) { return (uint32_t)canary_random(); }

/* "Page-Attribute Table": memory types 2 and 3 don't exist. The first entry is that of our own pages: write-back. */
static uint64_t make_pat(void)
{
    static const uint8_t types[] = {0, 1, 4, 5, 6, 7};
    uint64_t pat = 6;

    for (unsigned i = 1; i < 8; i++)
        pat |= (uint64_t)types[canary_random() % sizeof types] << (8 * i);
    return pat;
}

/* ---- By RDMSR ---- */

static struct msr {
    uint32_t number;
    const char *name;
    uint64_t (*make)(void);
    uint64_t value;
} msrs[] = {
    {MSR_FS_BASE, "FS_BASE", make_address, 0},
    {MSR_GS_BASE, "GS_BASE", make_address, 0},
    {MSR_KERNEL_GS_BASE, "KERNEL_GS_BASE", make_address, 0},
    {MSR_CSTAR, "CSTAR", make_address, 0},
    {MSR_SYSENTER_CS, "SYSENTER_CS", make_selector, 0},
    {MSR_SYSENTER_ESP, "SYSENTER_ESP", make_address, 0},
    {MSR_SYSENTER_EIP, "SYSENTER_EIP", make_address, 0},
    {MSR_PAT, "PAT", make_pat, 0},
    {MSR_TSC_AUX, "TSC_AUX", make_32, 0},
};

enum { FS, GS, KERNEL_GS, TSC_AUX = sizeof msrs / sizeof msrs[0] - 1 };

/* The last one exists only together with RDTSCP. */
static unsigned msr_count(void) { return cpu_id(0x80000001, 0).edx >> 27 & 1 ? TSC_AUX + 1 : TSC_AUX; }

static void plant_msrs(void)
{
    for (unsigned i = 0; i < msr_count(); i++) {
        msrs[i].value = msrs[i].make();
        canary_wrmsr(msrs[i].number, msrs[i].value);
    }
}

static void check_msrs(void)
{
    uint32_t low, high, aux;

    for (unsigned i = 0; i < msr_count(); i++)
        canary_expect(msrs[i].name, msrs[i].value, canary_rdmsr(msrs[i].number));
    if (msr_count() <= TSC_AUX)
        return;
    __asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(aux));
    canary_expect("TSC_AUX by RDTSCP", msrs[TSC_AUX].value, aux);
}

struct kind kind_msr = {"FS, GS, SYSENTER, CSTAR, PAT and TSC_AUX MSRs", 0, plant_msrs, check_msrs, 0};

/* ---- SWAPGS, which no hypervisor sees ---- */

static void check_swapgs(void)
{
    __asm__ volatile("swapgs");
    for (uint64_t turns = canary_hold_turns(); turns > 0; turns--)
        __asm__ volatile("");
    canary_expect("GS_BASE after SWAPGS", msrs[KERNEL_GS].value, canary_rdmsr(MSR_GS_BASE));
    canary_expect("KERNEL_GS_BASE after SWAPGS", msrs[GS].value, canary_rdmsr(MSR_KERNEL_GS_BASE));
    __asm__ volatile("swapgs");
    canary_expect("GS_BASE after two SWAPGS", msrs[GS].value, canary_rdmsr(MSR_GS_BASE));
}

struct kind kind_swapgs = {"SWAPGS", 0, 0, check_swapgs, 0};

/* ---- SYSCALL: what counts is where it goes ---- */

enum { PLACES = 16, PLACE_BYTES = 16 };

/* hold.asm */
struct syscall_seen {
    uint64_t place, cs, flags;
};
void hold_syscall(struct syscall_seen *seen, uint64_t flags);
extern const char syscall_places[];

/* IOPL, NT, AC and ID: QEMU's TCG clears the arithmetic flags whatever SFMASK says. */
#define FLAGS_PLAY 0x247000ull

static uint64_t star, lstar, sfmask;

static void setup_syscall(void) { canary_wrmsr(MSR_EFER, canary_rdmsr(MSR_EFER) | EFER_SCE); }

static void plant_syscall(void)
{
    star = (canary_random() & 0xffff0000ffffffff) | (uint64_t)SELECTOR_CODE << 32;
    lstar = (uint64_t)syscall_places + canary_random() % PLACES * PLACE_BYTES;
    sfmask = make_32();
    canary_wrmsr(MSR_STAR, star);
    canary_wrmsr(MSR_LSTAR, lstar);
    canary_wrmsr(MSR_SFMASK, sfmask);
}

static void check_syscall(void)
{
    struct syscall_seen seen;

    canary_expect("STAR", star, canary_rdmsr(MSR_STAR));
    canary_expect("LSTAR", lstar, canary_rdmsr(MSR_LSTAR));
    canary_expect("SFMASK", sfmask, canary_rdmsr(MSR_SFMASK));
    hold_syscall(&seen, FLAGS_PLAY);
    canary_expect("place by LSTAR", (lstar - (uint64_t)syscall_places) / PLACE_BYTES, seen.place);
    canary_expect("CS by STAR", SELECTOR_CODE, seen.cs);
    canary_expect("RFLAGS by SFMASK", FLAGS_PLAY & ~sfmask, seen.flags & FLAGS_PLAY);
}

struct kind kind_syscall = {"SYSCALL by STAR, LSTAR, SFMASK", setup_syscall, plant_syscall, check_syscall, 0};
