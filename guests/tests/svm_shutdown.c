/* The shutdown intercept of SVM: a family of its own, because Bochs (2.7) ends when a guest of SVM comes to that. */
#include "guests/lib/lab/lab.h"

FEATURE_TEST(exception_shutdown, SVM, NEEDS(), "Shutdown Intercept", "a triple fault is a shutdown, which exits")
{
    tables_idt[EXCEPTION_GP].selector = tables_idt[EXCEPTION_DF].selector = SELECTOR_FREE;
    tables_gdt[SELECTOR_FREE / 8] = 0x00af1a000000ffff; /* 64-bit code, not present */
    lab_may_change_all();
    OBSERVE(__asm__ volatile("mov %0, %%fs" : : "r"(0x1000) : "memory"));
    EXPECT_EXIT(VMEXIT_SHUTDOWN);
}
