/* What lives in registers alone: they are filled, held through a long loop that uses nothing else, and stored. */
#include <string.h>

#include "guests/demo/canary/canary.h"

enum { GPRS = 15, FXSAVE_BYTES = 512 };

/* hold.asm */
void hold_gprs(const uint64_t in[GPRS], uint64_t out[GPRS], uint64_t turns);
uint64_t hold_flags(uint64_t flags, uint64_t turns);
void hold_fpu(const void *in, void *out, uint64_t turns);

/* ---- General registers ---- */

static void check_gprs(void)
{
    static const char *const names[GPRS] = {"RAX", "RCX", "RDX", "RBX", "RBP", "RSI", "RDI", "R8",
                                            "R9",  "R10", "R11", "R12", "R13", "R14", "R15"};
    uint64_t in[GPRS], out[GPRS];

    for (unsigned i = 0; i < GPRS; i++)
        in[i] = canary_random();
    hold_gprs(in, out, canary_hold_turns());
    for (unsigned i = 0; i < GPRS; i++)
        canary_expect(names[i], in[i], out[i]);
}

struct kind kind_gpr = {"general registers", 0, 0, check_gprs, 0};

/* ---- RFLAGS ---- */

/* CF PF AF ZF SF DF OF, NT, AC, ID; IF and TF are not for play, IOPL and the fixed bit stay. */
#define FLAGS_PLAY  0x244cd5ull
#define FLAGS_FIXED 0x2ull

static void check_flags(void)
{
    uint64_t flags = (canary_random() & FLAGS_PLAY) | FLAGS_FIXED;

    canary_expect("RFLAGS", flags, hold_flags(flags, canary_hold_turns()));
}

struct kind kind_flags = {"RFLAGS", 0, 0, check_flags, 0};

/* ---- x87, MMX and SSE ---- */

/* "FXSAVE—Save x87 FPU, MMX Technology, and SSE State": layout with REX.W. */
struct fxsave {
    uint16_t fcw, fsw;
    uint8_t ftw, reserved0;
    uint16_t fop;
    uint64_t fip, fdp;
    uint32_t mxcsr, mxcsr_mask;
    uint64_t st[8][2], xmm[16][2];
    uint64_t reserved1[12];
} __attribute__((aligned(16)));

_Static_assert(sizeof(struct fxsave) == FXSAVE_BYTES, "FXSAVE layout");

/* Exceptions stay masked, and no x87 exception is pending: then FOP, FIP and FDP need not be kept. */
static void make_fpu(struct fxsave *f)
{
    memset(f, 0, sizeof *f);
    f->fcw = 0x37f & ~(uint16_t)((canary_random() & 3) << 8);     /* precision */
    f->fcw |= (uint16_t)((canary_random() & 3) << 10);            /* rounding */
    f->fsw = (uint16_t)(canary_random() & 0x7f00);                /* C0 to C3, TOP */
    f->ftw = 0xff;                                                /* no register empty */
    f->mxcsr = 0x1f80 | (uint32_t)(canary_random() & 0x603f);     /* rounding, flags */
    for (unsigned i = 0; i < 8; i++) {
        f->st[i][0] = canary_random() | 1ull << 63;
        f->st[i][1] = canary_random() & 0xffff;
    }
    for (unsigned i = 0; i < 16; i++) {
        f->xmm[i][0] = canary_random();
        f->xmm[i][1] = canary_random();
    }
}

static void check_fpu(void)
{
    struct fxsave in, out;

    make_fpu(&in);
    hold_fpu(&in, &out, canary_hold_turns());
    canary_expect("FCW", in.fcw | 0x40, out.fcw | 0x40); /* bit 6 may read as 1 */
    canary_expect("FSW", in.fsw, out.fsw);
    canary_expect("FTW", in.ftw, out.ftw);
    canary_expect("MXCSR", in.mxcsr, out.mxcsr);
    for (unsigned i = 0; i < 16; i++) {
        canary_expect_at("ST, half", i, in.st[i / 2][i % 2], out.st[i / 2][i % 2] & (i % 2 ? 0xffff : ~0ull));
        canary_expect_at("XMM, low half of", i, in.xmm[i][0], out.xmm[i][0]);
        canary_expect_at("XMM, high half of", i, in.xmm[i][1], out.xmm[i][1]);
    }
}

struct kind kind_fpu = {"x87 and SSE registers, FCW, MXCSR", 0, 0, check_fpu, 0};
