/* The passport, printed. What is in it comes from vmm/passport; names are the manuals'. */
#include "vmm/root/passport.h"

#include <cpuid.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/root/console.h"
#include "vmm/root/list.h"

enum { SHORT_COLUMNS = 100, FULL_COLUMNS = LIST_COLUMNS, SHORT_KEY = 12, FULL_KEY = 16 };

/* ---- Features --------------------------------------------------------------------------------------------- */

/* What the short form tells of, in words. */
static const struct feature {
    enum passport_bit bit;
    const char *name;
} features[] = {
    {OFFER_PROC2_EPT, "EPT"},
    {OFFER_EPT_WALK_4, "4-level EPT"},
    {OFFER_EPT_WALK_5, "5-level EPT"},
    {OFFER_EPT_2M, "2M pages"},
    {OFFER_EPT_1G, "1G pages"},
    {OFFER_EPT_ACCESSED_DIRTY, "A/D bits"},
    {OFFER_EPT_EXECUTE_ONLY, "execute-only pages"},
    {OFFER_PROC2_VPID, "VPID"},
    {OFFER_PROC2_UNRESTRICTED_GUEST, "unrestricted guest"},
    {OFFER_PIN_PREEMPTION_TIMER, "preemption timer"},
    {OFFER_PIN_VIRTUAL_NMIS, "virtual NMIs"},
    {OFFER_PIN_POSTED_INTERRUPTS, "posted interrupts"},
    {OFFER_PROC_IO_BITMAPS, "I/O bitmaps"},
    {OFFER_PROC_MSR_BITMAPS, "MSR bitmaps"},
    {OFFER_PROC_MONITOR_TRAP_FLAG, "monitor trap flag"},
    {OFFER_PROC_TPR_SHADOW, "TPR shadow"},
    {OFFER_PROC2_APIC_REGISTER_VIRTUALIZATION, "APIC-register virtualization"},
    {OFFER_PROC2_VIRTUAL_INTERRUPT_DELIVERY, "virtual-interrupt delivery"},
    {OFFER_PROC2_DESCRIPTOR_TABLE, "descriptor-table exiting"},
    {OFFER_PROC2_PAUSE_LOOP, "PAUSE-loop exiting"},
    {OFFER_PROC2_VMFUNC, "VMFUNC"},
    {OFFER_PROC2_VMCS_SHADOWING, "VMCS shadowing"},
    {OFFER_PROC2_PML, "PML"},
    {OFFER_PROC2_EPT_VIOLATION_VE, "#VE"},
    {OFFER_PROC2_XSAVES, "XSAVES"},
    {OFFER_PROC2_MODE_BASED_EXECUTE, "mode-based execute control"},
    {OFFER_PROC2_SUB_PAGE_WRITE, "sub-page write permissions"},
    {OFFER_PROC2_TSC_SCALING, "TSC scaling"},
    {OFFER_SVM_NESTED_PAGING, "nested paging"},
    {OFFER_SVM_LBR_VIRTUALIZATION, "LBR virtualization"},
    {OFFER_SVM_LOCK, "SVM lock"},
    {OFFER_SVM_NRIP_SAVE, "next-RIP save"},
    {OFFER_SVM_TSC_RATE_MSR, "TSC scaling"},
    {OFFER_SVM_VMCB_CLEAN, "VMCB clean bits"},
    {OFFER_SVM_FLUSH_BY_ASID, "flush by ASID"},
    {OFFER_SVM_DECODE_ASSISTS, "decode assists"},
    {OFFER_SVM_PAUSE_FILTER, "PAUSE filter"},
    {OFFER_SVM_PAUSE_FILTER_THRESHOLD, "PAUSE filter threshold"},
    {OFFER_SVM_AVIC, "AVIC"},
    {OFFER_SVM_VIRTUAL_VMLOAD_VMSAVE, "virtual VMLOAD and VMSAVE"},
    {OFFER_SVM_VIRTUAL_GIF, "virtual GIF"},
    {OFFER_SVM_GMET, "GMET"},
};

static void print_features(const struct machine_info *info)
{
    struct list_line line = {.key = SHORT_KEY, .columns = SHORT_COLUMNS, .between = ",", .again = ""};
    char asids[32];

    list_start(&line, "Features");
    for (const struct feature *f = features; f < features + sizeof(features) / sizeof(features[0]); f++)
        if (passport_offers(info, f->bit))
            list_add(&line, f->name);
    if (info->backend == BACKEND_SVM) {
        snprintf(asids, sizeof(asids), "%" PRIu32 " ASIDs", passport_asids(info));
        list_add(&line, asids);
    }
    console_line("%s", line.text);
}

/* ---- The machine ------------------------------------------------------------------------------------------ */

enum { NAME_BYTES = 256 };

static struct cpuid_words ask_cpuid(uint32_t leaf)
{
    struct cpuid_words w;

    __cpuid_count(leaf, 0, w.eax, w.ebx, w.ecx, w.edx);
    return w;
}

static const struct passport_cpu *this_cpu(void)
{
    static struct passport_cpu cpu;
    static bool known;

    if (!known)
        passport_cpu_read(ask_cpuid, &cpu);
    known = true;
    return &cpu;
}

static void find_hypervisor(const struct machine_info *info, char name[NAME_BYTES])
{
    const struct passport_cpu *cpu = this_cpu();

    if (cpu->hypervisor_present)
        passport_cpu_hypervisor(cpu, name, NAME_BYTES);
    else
        snprintf(name, NAME_BYTES, "none that says so%s",
                 strcmp(info->platform, "bochs") == 0 ? ", but the platform is Bochs" : "");
}

static const char *backend_name(const struct machine_info *info)
{
    static const char *const backends[] = {[BACKEND_NONE] = "none", [BACKEND_VMX] = "VMX", [BACKEND_SVM] = "SVM"};

    return info->backend <= BACKEND_SVM ? backends[info->backend] : "unknown";
}

void passport_id(const struct machine_info *info, char id[PASSPORT_ID_BYTES])
{
    passport_make_id(info, this_cpu(), id);
}

void passport_platform(const struct machine_info *info, char *text, size_t room)
{
    char cpu[NAME_BYTES], hypervisor[NAME_BYTES];

    console_escape(cpu, sizeof(cpu), this_cpu()->brand, strlen(this_cpu()->brand), false);
    find_hypervisor(info, hypervisor);
    snprintf(text, room, "%.31s %s %s %s", info->platform, backend_name(info), cpu, hypervisor);
}

void passport_print(const struct machine_info *info)
{
    char name[NAME_BYTES], id[PASSPORT_ID_BYTES];

    console_line("Machine     %.31s, %" PRIu32 " CPU%s, %" PRIu64 " MiB of memory, TSC at %" PRIu64 " MHz",
                 info->platform, info->pcpus, info->pcpus == 1 ? "" : "s", info->memory_bytes >> 20,
                 info->tsc_hz / 1000000);
    console_line("CPU         %s",
                 console_escape(name, sizeof(name), this_cpu()->brand, strlen(this_cpu()->brand), false));
    find_hypervisor(info, name);
    console_line("Hypervisor  %s", name);
    console_line("Back end    %s", backend_name(info));
    print_features(info);
    passport_id(info, id);
    console_line("Passport    %s", id);
}

/* ---- Its registers ----------------------------------------------------------------------------------------- */

static void print_line(void *context, const char *key, const char *values, const char *names)
{
    struct list_line line = {.key = FULL_KEY, .columns = FULL_COLUMNS, .between = "", .again = ""};

    (void)context;
    list_start(&line, key);
    list_add_words(&line, values);
    list_add_words(&line, names);
    console_line("%s", line.text);
}

void passport_print_registers(const struct machine_info *info) { passport_lines(info, this_cpu(), print_line, NULL); }

/* ---- For comparing ----------------------------------------------------------------------------------------- */

static void add_line(void *context, const char *key, const char *values, const char *names)
{
    size_t room = strlen(values) + 1 + strlen(names) + 1;
    char *words = malloc(room);

    if (words) {
        snprintf(words, room, "%s %s", values, names);
        profile_add(context, key, words);
    }
}

void passport_take(const struct machine_info *info, struct profile *passport)
{
    static char brand[NAME_BYTES], hypervisor[NAME_BYTES], id[PASSPORT_ID_BYTES];

    console_escape(brand, sizeof(brand), this_cpu()->brand, strlen(this_cpu()->brand), false);
    find_hypervisor(info, hypervisor);
    passport_id(info, id);
    *passport = (struct profile){.lines = 0};
    if (brand[0])
        profile_add(passport, "CPU", brand);
    profile_add(passport, "Hypervisor", hypervisor);
    profile_add(passport, "Back end", backend_name(info));
    profile_add(passport, "Passport", id);
    passport_lines(info, this_cpu(), add_line, passport);
}
