/* Serves the task: emulates what it may not do with IOPL 0, and gives it an interrupt flag of its own. */
#include "guests/demo/vm86/vm86.h"
#include "guests/lib/common/interrupt.h"

enum {
    VECTOR_END = 0x20,      /* INT with it ends the task */
    VECTOR_PRINT = 0x21,    /* INT with it is the task's own business */
    FLAGS_TASK = 0x0cd5,    /* CF PF AF ZF SF DF OF: the flags that the task may change */
    PAGE_FAULT_OF_POKE = 7, /* error code: present, write, ring 3 */
};

#define EFLAGS_VM (1ul << 17)

struct monitor_counts monitor_counts;

extern uint8_t guest_memory[]; /* from gpa 0; guest32.ld */

static const struct task_header *task;
static bool interrupt_flag; /* the task's own */

static uint8_t *real_mode_address(unsigned long segment, unsigned long offset)
{
    return guest_memory + segment * 16 + (offset & 0xffff);
}

static uint16_t read_word(const uint8_t *from) { return (uint16_t)(from[0] | from[1] << 8); }

static void write_word(uint8_t *to, unsigned long value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
}

static void push(struct interrupt_frame *frame, unsigned long value)
{
    frame->sp = (frame->sp - 2) & 0xffff;
    write_word(real_mode_address(frame->ss, frame->sp), value);
}

static uint16_t pop(struct interrupt_frame *frame)
{
    uint16_t value = read_word(real_mode_address(frame->ss, frame->sp));

    frame->sp = (frame->sp + 2) & 0xffff;
    return value;
}

/* Each of these finds IP behind the instruction, whose second byte is `operand`. */

static void emulate_cli(struct interrupt_frame *frame, uint8_t operand)
{
    (void)frame;
    (void)operand;
    interrupt_flag = false;
}

static void emulate_sti(struct interrupt_frame *frame, uint8_t operand)
{
    (void)frame;
    (void)operand;
    interrupt_flag = true;
}

static void emulate_pushf(struct interrupt_frame *frame, uint8_t operand)
{
    (void)operand;
    push(frame, (frame->flags & ~EFLAGS_IF) | (interrupt_flag ? EFLAGS_IF : 0));
}

static void emulate_popf(struct interrupt_frame *frame, uint8_t operand)
{
    uint16_t flags = pop(frame);

    (void)operand;
    frame->flags = (frame->flags & ~(unsigned long)FLAGS_TASK) | (flags & FLAGS_TASK);
    interrupt_flag = flags & EFLAGS_IF;
}

/* As in real mode: to the handler that the vector table at 0 names. */
static void emulate_int(struct interrupt_frame *frame, uint8_t operand)
{
    const uint8_t *entry = real_mode_address(0, operand * 4u);

    if (operand == VECTOR_END)
        vm86_leave();
    emulate_pushf(frame, operand);
    push(frame, frame->cs);
    push(frame, frame->ip);
    interrupt_flag = false;
    frame->ip = read_word(entry);
    frame->cs = read_word(entry + 2);
}

static void emulate_iret(struct interrupt_frame *frame, uint8_t operand)
{
    frame->ip = pop(frame);
    frame->cs = pop(frame);
    emulate_popf(frame, operand);
}

/* Ports that the bitmap refuses are as good as empty: they read as ones, and writes are lost. */
static void emulate_in(struct interrupt_frame *frame, uint8_t operand)
{
    (void)operand;
    frame->eax |= 0xff;
}

static void emulate_out(struct interrupt_frame *frame, uint8_t operand)
{
    (void)frame;
    (void)operand;
}

static const struct {
    uint8_t opcode, bytes;
    void (*emulate)(struct interrupt_frame *frame, uint8_t operand);
} instructions[] = {
    {OPCODE_PUSHF, 1, emulate_pushf}, {OPCODE_POPF, 1, emulate_popf},    {OPCODE_INT, 2, emulate_int},
    {OPCODE_IRET, 1, emulate_iret},   {OPCODE_IN_IMM8, 2, emulate_in},   {OPCODE_IN_DX, 1, emulate_in},
    {OPCODE_CLI, 1, emulate_cli},     {OPCODE_OUT_IMM8, 2, emulate_out}, {OPCODE_OUT_DX, 1, emulate_out},
    {OPCODE_STI, 1, emulate_sti},
};

static void general_protection(struct interrupt_frame *frame)
{
    if (!(frame->flags & EFLAGS_VM))
        interrupt_report(frame);

    const uint8_t *code = real_mode_address(frame->cs, frame->ip);

    for (unsigned i = 0; i < sizeof instructions / sizeof instructions[0]; i++) {
        if (instructions[i].opcode != code[0])
            continue;
        monitor_counts.faults[code[0]]++;
        frame->ip = (frame->ip + instructions[i].bytes) & 0xffff;
        instructions[i].emulate(frame, code[1]);
        return;
    }
    interrupt_report(frame);
}

static void page_fault(struct interrupt_frame *frame)
{
    bool is_poke = (frame->flags & EFLAGS_VM) && frame->ip == task->poke && frame->error == PAGE_FAULT_OF_POKE;

    if (!is_poke)
        interrupt_report(frame);
    monitor_counts.pokes++;
    frame->ip = task->after_poke;
}

void monitor_run_task(const struct task_header *header, struct tss32 *tss)
{
    uint32_t segment = (uint32_t)header / 16;
    uint8_t *entry = real_mode_address(0, VECTOR_PRINT * 4);

    task = header;
    write_word(entry, header->int21);
    write_word(entry + 2, segment);
    interrupt_set_handler(VECTOR_GP, general_protection);
    interrupt_set_handler(VECTOR_PF, page_fault);
    vm86_enter(segment, header->entry, TASK_BYTES, &tss->esp0);
}
