; The entry of each vector of a lab's IDT: makes a struct interrupt_frame and hands it to trap_handle(). Nothing here uses
; SSE registers, so tests may forbid them.

bits 64
STUB_BYTES  equ 16                      ; trap.c finds a vector's stub by this

; the exceptions that push an error code: 8, 10-14, 17, 21, 29, 30
HAS_ERROR   equ 1 << 8 | 0x1f << 10 | 1 << 17 | 1 << 21 | 3 << 29

extern trap_handle

section .text
align STUB_BYTES
global trap_stubs
trap_stubs:
%assign vector 0
%rep 256
        align   STUB_BYTES, nop
    %if vector >= 32 || !(HAS_ERROR >> vector & 1)
        push    0
    %endif
        push    vector
        jmp     near trap_common
    %assign vector vector + 1
%endrep

trap_common:
        push    rax
        push    rcx
        push    rdx
        push    rbx
        push    rbp
        push    rsi
        push    rdi
        push    r8
        push    r9
        push    r10
        push    r11
        push    r12
        push    r13
        push    r14
        push    r15
        cld
        mov     rdi, rsp
        mov     rbx, rsp
        and     rsp, -16
        call    trap_handle
        mov     rsp, rbx
        pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     r11
        pop     r10
        pop     r9
        pop     r8
        pop     rdi
        pop     rsi
        pop     rbp
        pop     rbx
        pop     rdx
        pop     rcx
        pop     rax
        add     rsp, 16                 ; vector and error code
        iretq
