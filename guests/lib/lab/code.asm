; Runs a piece of code in its place: see code.h.

struc registers
.rax    resq 1
.rcx    resq 1
.rdx    resq 1
.rbx    resq 1
.rsi    resq 1
.rdi    resq 1
endstruc

bits 64
extern code_text

section .text
global code_run
code_run:                               ; (struct code_registers *)
        push    rbx
        push    rbp
        push    r12
        push    r13
        push    r14
        push    r15
        push    rdi
        mov     [rel stack], rsp
        mov     rax, [rdi + registers.rax]
        mov     rcx, [rdi + registers.rcx]
        mov     rdx, [rdi + registers.rdx]
        mov     rbx, [rdi + registers.rbx]
        mov     rsi, [rdi + registers.rsi]
        mov     rdi, [rdi + registers.rdi]
        jmp     code_text

global code_end
code_end:                               ; behind the code is a jump to here; any register may be anything
        mov     rsp, [rel stack]
        push    rdi
        mov     rdi, [rsp + 8]
        mov     [rdi + registers.rax], rax
        mov     [rdi + registers.rcx], rcx
        mov     [rdi + registers.rdx], rdx
        mov     [rdi + registers.rbx], rbx
        mov     [rdi + registers.rsi], rsi
        pop     qword [rdi + registers.rdi]
        pop     rdi
        pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     rbp
        pop     rbx
        cld
        ret

section .bss
alignb 8
stack:  resq    1
