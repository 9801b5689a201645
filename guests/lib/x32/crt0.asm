; A 32-bit guest begins here, in protected mode without paging and without a stack.

NESTOR_GUEST_MAGIC equ 0x4e535452       ; config/abi.h

SELECTOR_CODE equ 0x08                  ; descriptors.h
SELECTOR_DATA equ 0x10

extern guest_stack_top, guest_start

section .text.start progbits alloc exec nowrite
bits 32
global guest_entry
guest_entry:
        cmp     ebx, NESTOR_GUEST_MAGIC
        jne     stranger
        cld
        lgdt    [gdt_pointer]
        jmp     SELECTOR_CODE:.own_segments
.own_segments:
        mov     eax, SELECTOR_DATA
        mov     ds, eax
        mov     es, eax
        mov     ss, eax
        xor     eax, eax
        mov     fs, eax
        mov     gs, eax
        mov     esp, guest_stack_top
        xor     ebp, ebp
        call    guest_start

stranger:                               ; not started as kind = nestor: no IDT yet, so this ends in a triple fault
        ud2

section .rodata
gdt_pointer:
        dw      guest_gdt.end - guest_gdt - 1
        dd      guest_gdt

section .data
align 8
global guest_gdt
guest_gdt:
        dq      0
        dq      0x00cf9a000000ffff      ; SELECTOR_CODE: ring 0
        dq      0x00cf92000000ffff      ; SELECTOR_DATA: ring 0
        dq      0x00cff2000000ffff      ; SELECTOR_USER_DATA: ring 3
        dq      0x00cffa000000ffff      ; SELECTOR_USER_CODE: ring 3
        dq      0                       ; SELECTOR_TSS: filled in by descriptors_load_tss()
        dq      0                       ; SELECTOR_LDT: for the guest
        dq      0                       ; SELECTOR_FREE: for the guest
.end:
