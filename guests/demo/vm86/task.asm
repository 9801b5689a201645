; The virtual-8086 task. All of it lies in one page and runs with CS = DS = SS = that page; IOPL is 0.

SERIAL_DATA   equ 0x3f8
SERIAL_LSR    equ 0x3fd
LSR_THR_EMPTY equ 1 << 5
PIC_MASK      equ 0x21                  ; a port that the I/O permission bitmap refuses
VECTOR_END    equ 0x20                  ; served by the monitor: the task has ended
VECTOR_PRINT  equ 0x21                  ; served by int21 below, which the monitor reflects it to
MONITOR_SEGMENT equ 0x1000              ; where the guest is linked: not for ring 3

TASK_BYTES    equ 4096

bits 16
section .data align=4096
global task_segment
task_segment:

; struct task_header
        dw      entry - task_segment
        dw      int21 - task_segment
        dw      message - task_segment
        dw      message.end - message
printed:          dw 0
flags_after_cli:  dw 0
flags_after_sti:  dw 0
flags_in_int21:   dw 0
flags_after_popf: dw 0
from_port21:      dw 0
        dw      poke - task_segment
        dw      after_poke - task_segment

%define AT(label) (label - task_segment)

entry:
        cli
        pushf
        pop     word [AT(flags_after_cli)]
        sti
        pushf
        pop     word [AT(flags_after_sti)]

        mov     si, AT(message)
        mov     cx, message.end - message
        int     VECTOR_PRINT

        mov     ax, 0x5a00
        in      al, PIC_MASK
        mov     [AT(from_port21)], ax
        out     PIC_MASK, al

        push    word 0x0002
        popf
        pushf
        pop     word [AT(flags_after_popf)]

        mov     ax, MONITOR_SEGMENT
        mov     es, ax
poke:
        mov     byte [es:0], 0
after_poke:
        int     VECTOR_END
        jmp     $

; Prints CX characters at DS:SI: in virtual-8086 mode too, and by OUT without the monitor's help.
int21:
        pushf
        pop     word [AT(flags_in_int21)]
        push    ax
        push    dx
        cld
.next:
        mov     dx, SERIAL_LSR
.wait:
        in      al, dx
        test    al, LSR_THR_EMPTY
        jz      .wait
        mov     dx, SERIAL_DATA
        lodsb
        out     dx, al
        inc     word [AT(printed)]
        loop    .next
        pop     dx
        pop     ax
        iret

message:
        db      "hello from virtual-8086 mode", 10
.end:
        times   TASK_BYTES - ($ - task_segment) db 0 ; the rest of the page is the stack
