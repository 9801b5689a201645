#include "kernel/cpu/hint.h"

#include "lib/hypervisor.h"

const char *hint_for_platform(void)
{
    static const struct {
        char signature[13];
        const char *hint;
    } hints[] = {
#define X(signature, name, hint) {signature, "this is " name ": " hint},
        HYPERVISORS(X)
#undef X
    };
    const char *hint =
        "no hypervisor shows itself: look for VT-x or SVM in the firmware's set-up; in an emulator, for another "
        "CPU model";

    if (!hypervisor_is_present())
        return hint;
    hint = "this hypervisor is unknown here: see how it shows VMX or SVM to a VM";
    for (uint32_t leaf = HYPERVISOR_LEAF; leaf < HYPERVISOR_LEAF + HYPERVISOR_LEVELS * HYPERVISOR_STEP;
         leaf += HYPERVISOR_STEP) {
        struct cpuid_result found = x86_cpuid(leaf, 0);

        for (unsigned i = 0; i < sizeof hints / sizeof hints[0]; i++)
            if (hypervisor_leaf_is(found, hints[i].signature))
                hint = hints[i].hint;
    }
    return hint;
}
