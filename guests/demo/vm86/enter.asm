; The way into virtual-8086 mode and out of it.

EFLAGS_FIXED equ 1 << 1                 ; the bit that is always 1
EFLAGS_VM    equ 1 << 17

bits 32
section .text

; void vm86_enter(uint32_t segment, uint32_t offset, uint32_t sp, uint32_t *esp0)
global vm86_enter
vm86_enter:
        push    ebp
        push    ebx
        push    esi
        push    edi
        mov     eax, [esp + 20]         ; segment
        mov     ebx, [esp + 24]         ; offset
        mov     ecx, [esp + 28]         ; sp
        mov     edx, [esp + 32]         ; esp0
        mov     [saved_esp], esp
        mov     [edx], esp              ; handlers begin below what vm86_leave needs
        push    eax                     ; GS
        push    eax                     ; FS
        push    eax                     ; DS
        push    eax                     ; ES
        push    eax                     ; SS
        push    ecx
        push    EFLAGS_VM | EFLAGS_FIXED
        push    eax                     ; CS
        push    ebx
        iretd

; void vm86_leave(void)
global vm86_leave
vm86_leave:
        mov     esp, [saved_esp]
        pop     edi
        pop     esi
        pop     ebx
        pop     ebp
        ret

section .bss
alignb 4
saved_esp: resd 1
