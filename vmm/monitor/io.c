/* Port I/O: finds the device that a port belongs to, and moves bytes between it and RAX. */
#include "vmm/monitor/handle.h"

static uint8_t com1_read(struct guest *guest, unsigned reg) { return uart_read(&guest->vm->uart, reg); }

static void com1_write(struct guest *guest, unsigned reg, uint8_t value) { uart_write(&guest->vm->uart, reg, value); }

/* Ports that no device claims. */
static uint8_t nothing_read(struct guest *guest, unsigned reg)
{
    (void)guest, (void)reg;
    return 0xff;
}

static void nothing_write(struct guest *guest, unsigned reg, uint8_t value) { (void)guest, (void)reg, (void)value; }

/* Whoever comes first claims a port; the last row claims them all. Accesses of 2 or 4 bytes are bytes in a row. */
static const struct io_device {
    uint32_t first, count;
    uint8_t (*read)(struct guest *guest, unsigned reg);
    void (*write)(struct guest *guest, unsigned reg, uint8_t value);
} io_devices[] = {
    {UART_COM1, UART_PORTS, com1_read, com1_write},
    {0, 0x10004, nothing_read, nothing_write}, /* a wide access at FFFFH reaches over the end */
};

static const struct io_device *io_device_find(uint32_t port)
{
    const struct io_device *device = io_devices;

    while (port - device->first >= device->count)
        device++;
    return device;
}

static inline void write_byte(struct guest *guest, uint32_t port, uint8_t value)
{
    const struct io_device *device = io_device_find(port);

    device->write(guest, port - device->first, value);
}

static __attribute__((noinline)) void write_bytes(struct guest *guest, uint32_t port, unsigned bytes)
{
    uint64_t value = guest->vcpu.page->gpr[GPR_RAX];

    for (; bytes > 0; bytes--, port++, value >>= 8)
        write_byte(guest, port, (uint8_t)value);
}

/* As any write to a 32-bit register, INL clears the upper half. */
static __attribute__((noinline)) void read_bytes(struct guest *guest, uint32_t port, unsigned bytes)
{
    uint64_t *rax = &guest->vcpu.page->gpr[GPR_RAX], mask = (1ull << (8 * bytes)) - 1, value = 0;

    for (unsigned i = 0; i < bytes; i++) {
        const struct io_device *device = io_device_find(port + i);

        value |= (uint64_t)device->read(guest, port + i - device->first) << (8 * i);
    }
    *rax = bytes == 4 ? value : (*rax & ~mask) | value;
}

static _Noreturn __attribute__((noinline)) void end_by_string(struct guest *guest, const struct guest_exit *e)
{
    guest_end(guest, END_UNHANDLED, "string I/O (%s) on port 0x%x at RIP 0x%llx is nothing that this monitor handles",
              e->io.in ? "INS" : "OUTS", e->io.port, (unsigned long long)e->record->rip);
}

/* OUT of one byte is what guests print with. */
enum vcpu_action handle_io(struct guest *guest, const struct guest_exit *e)
{
    if (!e->io.string && !e->io.in && e->io.bytes == 1)
        write_byte(guest, e->io.port, (uint8_t)guest->vcpu.page->gpr[GPR_RAX]);
    else if (e->io.string)
        end_by_string(guest, e);
    else if (e->io.in)
        read_bytes(guest, e->io.port, e->io.bytes);
    else
        write_bytes(guest, e->io.port, e->io.bytes);
    return VCPU_RUN_SKIP;
}
