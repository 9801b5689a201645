/* Bits of the registers that a monitor looks at, by their names in the manuals. */
#ifndef VMM_MONITOR_X86_H
#define VMM_MONITOR_X86_H

#define CR0_PE (1ull << 0)
#define CR0_ET (1ull << 4)
#define CR0_NW (1ull << 29)
#define CR0_CD (1ull << 30)
#define CR0_PG (1ull << 31)

#define CR4_PAE (1ull << 5)

#define EFER_SCE  (1ull << 0)
#define EFER_LME  (1ull << 8)
#define EFER_LMA  (1ull << 10)
#define EFER_NXE  (1ull << 11)
#define EFER_SVME (1ull << 12)

#define RFLAGS_FIXED (1ull << 1) /* always 1 */
#define DR7_FIXED    (1ull << 10)

enum { VECTOR_UD = 6, VECTOR_GP = 13 };

#endif
