; guest: flat16
; Uses all of its 64 KiB, a byte a page, and then waits for ever, ready for an interrupt that never comes.
%include "guests/lib/x16/crt0.inc"

main:
        xor     bx, bx
.touch:
        mov     byte [bx], 1            ; offset 0 of each page: neither code nor stack
        add     bx, 4096
        jnz     .touch
        sti
.wait:
        hlt
        jmp     .wait
