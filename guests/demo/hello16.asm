; guest: flat16
; Adds 2 and 2 in real mode, prints the sum on the serial line, halts.
%include "guests/lib/x16/crt0.inc"

main:
        mov     al, 2
        add     al, 2
        add     al, '0'
        call    serial_put
        mov     al, 10
        call    serial_put
        ret
