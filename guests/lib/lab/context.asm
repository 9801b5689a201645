; Places to come back to: see context.h, whose struct context this fills.

SELECTOR_CODE equ 0x08                  ; descriptors.h
SELECTOR_DATA equ 0x10
RFLAGS_FIXED  equ 1 << 1                ; the bit that is always 1; interrupts are off

struc context
.rbx    resq 1
.rbp    resq 1
.r12    resq 1
.r13    resq 1
.r14    resq 1
.r15    resq 1
.rsp    resq 1
.rip    resq 1
endstruc

bits 64
extern hypercall_is_svm

section .text
%macro mark 0                           ; RDI: the context; to be used right behind a function's entry
        mov     [rdi + context.rbx], rbx
        mov     [rdi + context.rbp], rbp
        mov     [rdi + context.r12], r12
        mov     [rdi + context.r13], r13
        mov     [rdi + context.r14], r14
        mov     [rdi + context.r15], r15
        lea     rax, [rsp + 8]
        mov     [rdi + context.rsp], rax
        mov     rax, [rsp]
        mov     [rdi + context.rip], rax
%endmacro

%macro load 0
        mov     rbx, [rdi + context.rbx]
        mov     rbp, [rdi + context.rbp]
        mov     r12, [rdi + context.r12]
        mov     r13, [rdi + context.r13]
        mov     r14, [rdi + context.r14]
        mov     r15, [rdi + context.r15]
%endmacro

global context_mark
context_mark:                           ; (struct context *)
        mark
        xor     eax, eax
        ret

global context_hypercall
context_hypercall:                      ; (struct context *, number, a, b, c)
        mark
        mov     rax, rsi
        mov     rbx, rdx
        mov     rdx, r8
        cmp     byte [rel hypercall_is_svm], 0
        jne     .svm
        vmcall
        jmp     .back
.svm:
        vmmcall
.back:                                  ; for the second time perhaps: what was on the stack may be gone
        load
        mov     rsp, [rdi + context.rsp]
        jmp     [rdi + context.rip]

; By IRET: it ends the blocking of NMIs, too, and works from any stack and CPL 0 code segment.
global context_resume
context_resume:                         ; (struct context *, value)
        load
        mov     rax, rsi
        mov     rdx, [rdi + context.rsp]
        mov     rcx, [rdi + context.rip]
        mov     rsp, context_stack.top
        push    SELECTOR_DATA
        push    rdx
        push    RFLAGS_FIXED
        push    SELECTOR_CODE
        push    rcx
        iretq

section .bss
alignb 16
context_stack:
        resq    8
.top:
