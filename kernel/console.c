#include "kernel/console.h"

#include "drivers/framebuffer.h"
#include "drivers/uart.h"
#include "drivers/vga.h"
#include "kernel/boot/serial.h"
#include "kernel/cpu/space.h"
#include "lib/print.h"
#include "mm/direct.h"

void console_init(void)
{
    uart_init(UART_COM1, UART_BAUD);
    print_add_sink(uart_write);
    vga_init(mm_direct(HPA(VGA_FRAME_PHYSICAL)));
    terminal_init(vga_show);
    print_add_sink(terminal_write);
}

/* Cards with a UART in memory only are not known here. */
static const char *why_no_port(uint32_t id)
{
    static char text[80];

    if (id == PCI_NOBODY)
        return "no PCI device is there";
    print_to(text, sizeof text, "PCI device %04x:%04x has no I/O ports, and a UART in memory can't be used", id & 0xffff, id >> 16);
    return text;
}

/* -> what is wrong with `serial=` of the command line, or NULL. */
static const char *choose_serial(const char *text)
{
    struct serial_choice choice;

    if (!serial_choice_read(text, &choice))
        return "expected " SERIAL_EXPECTED;
    if (choice.is_pci) {
        choice.port = pci_io_port(choice.pci);
        if (!choice.port)
            return why_no_port(pci_id(choice.pci));
    }
    if (uart_init(choice.port, choice.baud) || choice.is_off)
        return NULL;
    uart_init(UART_COM1, UART_BAUD);
    return "no UART answers there";
}

static void show(const struct framebuffer_mode *mode, void *memory)
{
    framebuffer_init(mode, memory);
    terminal_show_on(framebuffer_show);
}

static uint64_t framebuffer_bytes(const struct framebuffer_mode *mode) { return (uint64_t)mode->pitch * mode->height; }

/* The boot page tables, which are in use until console_map, reach to 4 GiB. What is above shows later. */
static void choose_screen(const struct framebuffer_mode *mode)
{
    const char *why_not = mode->address ? framebuffer_why_not(mode) : NULL;

    if (why_not)
        print("Nestor: no text on the framebuffer of %u x %u pixels, %u bits each: %s\n", mode->width, mode->height,
              mode->bits, why_not);
    else if (mode->address && mode->address + framebuffer_bytes(mode) <= 4 * GIB)
        show(mode, mm_direct(HPA(mode->address)));
}

void console_choose(const struct boot_info *info)
{
    char text[32], any[2];
    const char *error = boot_option(info, "serial", text, sizeof text) ? choose_serial(text) : NULL;

    if (boot_option(info, "debugport", any, sizeof any))
        uart_use_debug_port();
    print("Nestor\n");
    if (error)
        print("Nestor: serial=%s on the command line: %s; com1 is used\n", text, error);
    choose_screen(&info->framebuffer);
}

void console_map(const struct boot_info *info)
{
    const struct framebuffer_mode *mode = &info->framebuffer;
    volatile void *memory;

    if (!mode->address || framebuffer_why_not(mode))
        return;
    memory = space_map_frame(mode->address, framebuffer_bytes(mode));
    if (memory) {
        show(mode, (void *)memory);
        return;
    }
    terminal_show_on(NULL);
    print("Nestor: no memory to map the framebuffer\n");
}
