; What ldt.c tries: each instruction that may fault has a label, for the #GP handler there.

bits 32
section .text
global ldt_write, ldt_load_selector, ldt_write_instruction, ldt_load_instruction, ldt_refused

; bool ldt_write(uint32_t selector, uint32_t offset, uint8_t value)
ldt_write:
        push    fs
        mov     eax, [esp + 8]
        mov     fs, eax
        mov     edx, [esp + 12]
        mov     ecx, [esp + 16]
ldt_write_instruction:
        mov     [fs:edx], cl
        jmp     accepted

; bool ldt_load_selector(uint32_t selector)
ldt_load_selector:
        push    fs
        mov     eax, [esp + 8]
ldt_load_instruction:
        mov     fs, eax
accepted:
        mov     eax, 1
        pop     fs
        ret
ldt_refused:
        xor     eax, eax
        pop     fs
        ret
