; The entry of each vector: makes a struct interrupt_frame (frame.h) and hands it to interrupt_dispatch().

bits 32
STUB_BYTES    equ 16                    ; descriptors.c finds a vector's stub by this
SELECTOR_DATA equ 0x10                  ; descriptors.h

; the exceptions that push an error code: 8, 10-14, 17, 21, 29, 30
HAS_ERROR     equ 1 << 8 | 0x1f << 10 | 1 << 17 | 1 << 21 | 3 << 29

extern interrupt_dispatch

section .text
align STUB_BYTES
global interrupt_stubs
interrupt_stubs:
%assign vector 0
%rep 256
        align   STUB_BYTES, nop
    %if vector >= 32 || !(HAS_ERROR >> vector & 1)
        push    0
    %endif
        push    vector
        jmp     near interrupt_common
    %assign vector vector + 1
%endrep

interrupt_common:
        pushad
        push    ds
        push    es
        push    fs
        push    gs
        mov     eax, SELECTOR_DATA
        mov     ds, eax
        mov     es, eax
        cld
        mov     eax, esp
        mov     ebx, esp
        and     esp, -16
        sub     esp, 12
        push    eax                     ; the argument, at a multiple of 16 as the ABI wants
        call    interrupt_dispatch
        mov     esp, ebx
        pop     gs
        pop     fs
        pop     es
        pop     ds
        popad
        add     esp, 8                  ; vector and error code
        iretd
