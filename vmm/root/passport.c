/* The passport. Features come from the capability registers that the kernel read; names are the manuals'. */
#include "vmm/root/passport.h"

#include <cpuid.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "vmm/root/console.h"

enum { PASSPORT_COLUMNS = 100 };

/* ---- Features --------------------------------------------------------------------------------------------- */

/* VMX: the "allowed 1-settings" of a control are bits 63:32 of its capability MSR. */
#define ALLOWED(bit) (32 + (bit))
#define SVM_EDX      (CAP_CPUID | 3ull << 32 | 0x8000000a)
#define SVM_EBX      (CAP_CPUID | 1ull << 32 | 0x8000000a)

static const struct feature {
    uint64_t index; /* of struct machine_cap */
    unsigned bit;
    const char *name;
} features[] = {
    {0x48b, ALLOWED(1), "EPT"},
    {0x48c, 6, "4-level EPT"},
    {0x48c, 7, "5-level EPT"},
    {0x48c, 16, "2M pages"},
    {0x48c, 17, "1G pages"},
    {0x48c, 21, "A/D bits"},
    {0x48c, 0, "execute-only pages"},
    {0x48b, ALLOWED(5), "VPID"},
    {0x48b, ALLOWED(7), "unrestricted guest"},
    {0x481, ALLOWED(6), "preemption timer"},
    {0x481, ALLOWED(5), "virtual NMIs"},
    {0x481, ALLOWED(7), "posted interrupts"},
    {0x482, ALLOWED(25), "I/O bitmaps"},
    {0x482, ALLOWED(28), "MSR bitmaps"},
    {0x482, ALLOWED(27), "monitor trap flag"},
    {0x482, ALLOWED(21), "TPR shadow"},
    {0x48b, ALLOWED(8), "APIC-register virtualization"},
    {0x48b, ALLOWED(9), "virtual-interrupt delivery"},
    {0x48b, ALLOWED(2), "descriptor-table exiting"},
    {0x48b, ALLOWED(10), "PAUSE-loop exiting"},
    {0x48b, ALLOWED(13), "VMFUNC"},
    {0x48b, ALLOWED(14), "VMCS shadowing"},
    {0x48b, ALLOWED(17), "PML"},
    {0x48b, ALLOWED(18), "#VE"},
    {0x48b, ALLOWED(20), "XSAVES"},
    {0x48b, ALLOWED(22), "mode-based execute control"},
    {0x48b, ALLOWED(23), "sub-page write permissions"},
    {0x48b, ALLOWED(25), "TSC scaling"},
    {SVM_EDX, 0, "nested paging"},
    {SVM_EDX, 1, "LBR virtualization"},
    {SVM_EDX, 2, "SVM lock"},
    {SVM_EDX, 3, "next-RIP save"},
    {SVM_EDX, 4, "TSC scaling"},
    {SVM_EDX, 5, "VMCB clean bits"},
    {SVM_EDX, 6, "flush by ASID"},
    {SVM_EDX, 7, "decode assists"},
    {SVM_EDX, 10, "PAUSE filter"},
    {SVM_EDX, 12, "PAUSE filter threshold"},
    {SVM_EDX, 13, "AVIC"},
    {SVM_EDX, 15, "virtual VMLOAD and VMSAVE"},
    {SVM_EDX, 16, "virtual GIF"},
    {SVM_EDX, 17, "GMET"},
};

static uint64_t cap_value(const struct machine_info *info, uint64_t index)
{
    for (uint32_t i = 0; i < info->caps && i < MAX_CAPS; i++)
        if (info->cap[i].index == index)
            return info->cap[i].value;
    return 0;
}

/* A list that goes on in the next line where it would be too long. */
struct list_line {
    char text[PASSPORT_COLUMNS + 1];
    size_t used;
};

static void list_start(struct list_line *line, const char *heading)
{
    line->used = (size_t)snprintf(line->text, sizeof(line->text), "%-12s", heading);
}

static void list_add(struct list_line *line, const char *name, bool first)
{
    if (line->used + strlen(name) + 3 > PASSPORT_COLUMNS) {
        console_line("%s,", line->text);
        list_start(line, "");
        first = true;
    }
    line->used +=
        (size_t)snprintf(line->text + line->used, sizeof(line->text) - line->used, "%s%s", first ? "" : ", ", name);
}

static void print_features(const struct machine_info *info)
{
    struct list_line line;
    char asids[32];
    unsigned count = 0;

    list_start(&line, "Features");
    for (const struct feature *f = features; f < features + sizeof(features) / sizeof(features[0]); f++)
        if (cap_value(info, f->index) >> f->bit & 1)
            list_add(&line, f->name, count++ == 0);
    if (info->backend == BACKEND_SVM) {
        snprintf(asids, sizeof(asids), "%" PRIu32 " ASIDs", (uint32_t)cap_value(info, SVM_EBX));
        list_add(&line, asids, count++ == 0);
    }
    console_line("%s", count ? line.text : "Features    none that the kernel told");
}

/* ---- The machine ------------------------------------------------------------------------------------------ */

enum { NAME_BYTES = 200 };

/* CPUID leaves 80000002H to 80000004H: "Processor Brand String". */
static void find_cpu(char name[NAME_BYTES])
{
    unsigned words[12] = {0}, *w = words;
    char brand[sizeof(words) + 1];
    const char *start = brand;

    if (__get_cpuid_max(0x80000000, NULL) >= 0x80000004)
        for (unsigned leaf = 0x80000002; leaf <= 0x80000004; leaf++, w += 4)
            __cpuid(leaf, w[0], w[1], w[2], w[3]);
    memcpy(brand, words, sizeof(words));
    brand[sizeof(words)] = 0;
    while (*start == ' ')
        start++;
    console_escape(name, NAME_BYTES, start, strlen(start), false);
}

static const struct {
    char signature[13];
    const char *name;
} hypervisors[] = {
    {"KVMKVMKVM", "KVM"},       {"TCGTCGTCGTCG", "QEMU TCG"}, {"Microsoft Hv", "Hyper-V"},
    {"VMwareVMware", "VMware"}, {"XenVMMXenVMM", "Xen"},      {"VBoxVBoxVBox", "VirtualBox"},
    {"bhyve bhyve ", "bhyve"},  {"ACRNACRNACRN", "ACRN"},     {"NestorNestor", "Nestor"},
};

/* The hypervisor's own leaf means something only if CPUID.1:ECX[31] says that there is one. */
static void find_hypervisor(const struct machine_info *info, char name[NAME_BYTES])
{
    const unsigned hypervisor_present = 1u << 31;
    unsigned eax, ebx, ecx, edx;
    char signature[13] = "", text[4 * sizeof(signature)];

    __cpuid(1, eax, ebx, ecx, edx);
    if (!(ecx & hypervisor_present)) {
        snprintf(name, NAME_BYTES, "none that says so%s",
                 strcmp(info->platform, "bochs") == 0 ? ", but the platform is Bochs" : "");
        return;
    }
    __cpuid(0x40000000, eax, ebx, ecx, edx);
    memcpy(signature, &ebx, 4);
    memcpy(signature + 4, &ecx, 4);
    memcpy(signature + 8, &edx, 4);
    snprintf(name, NAME_BYTES, "unknown, it says \"%s\"",
             console_escape(text, sizeof(text), signature, strlen(signature), false));
    for (unsigned i = 0; i < sizeof(hypervisors) / sizeof(hypervisors[0]); i++)
        if (strcmp(signature, hypervisors[i].signature) == 0)
            snprintf(name, NAME_BYTES, "%s", hypervisors[i].name);
}

static const char *backend_name(const struct machine_info *info)
{
    static const char *const backends[] = {[BACKEND_NONE] = "none", [BACKEND_VMX] = "VMX", [BACKEND_SVM] = "SVM"};

    return info->backend <= BACKEND_SVM ? backends[info->backend] : "unknown";
}

void passport_platform(const struct machine_info *info, char *text, size_t room)
{
    char cpu[NAME_BYTES], hypervisor[NAME_BYTES];

    find_cpu(cpu);
    find_hypervisor(info, hypervisor);
    snprintf(text, room, "%.31s %s %s %s", info->platform, backend_name(info), cpu, hypervisor);
}

void passport_print(const struct machine_info *info)
{
    char name[NAME_BYTES];

    console_line("Machine     %.31s, %" PRIu32 " CPU%s, %" PRIu64 " MiB of memory, TSC at %" PRIu64 " MHz",
                 info->platform, info->pcpus, info->pcpus == 1 ? "" : "s", info->memory_bytes >> 20,
                 info->tsc_hz / 1000000);
    find_cpu(name);
    console_line("CPU         %s", name);
    find_hypervisor(info, name);
    console_line("Hypervisor  %s", name);
    console_line("Back end    %s", backend_name(info));
    print_features(info);
}
