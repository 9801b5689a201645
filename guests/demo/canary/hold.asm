; Registers that stay live through a long loop. The loops touch nothing else, so what changes there was changed from
; outside.

bits 64
section .text
global hold_gprs, hold_flags, hold_fpu, hold_syscall

%macro save_callee 0
        push    rbx
        push    rbp
        push    r12
        push    r13
        push    r14
        push    r15
%endmacro

%macro restore_callee 0
        pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     rbp
        pop     rbx
%endmacro

; Each register against its value, in the order of the array.
%macro compare_registers 0-*
    %rep %0
        cmp     %1, [rel expected + place]
        jne     .different
        %assign place place + 8
        %rotate 1
    %endrep
%endmacro

; void hold_gprs(const uint64_t in[15], uint64_t out[15], uint64_t turns): ends early at the first difference.
hold_gprs:
        save_callee
        push    rsi
        mov     [rel turns], rdx
        mov     rsi, rdi
        lea     rdi, [rel expected]
        mov     ecx, 15
        cld
        rep movsq
        mov     [rel stack], rsp
        mov     rax, [rel expected]
        mov     rcx, [rel expected + 8]
        mov     rdx, [rel expected + 16]
        mov     rbx, [rel expected + 24]
        mov     rbp, [rel expected + 32]
        mov     rsi, [rel expected + 40]
        mov     rdi, [rel expected + 48]
        mov     r8, [rel expected + 56]
        mov     r9, [rel expected + 64]
        mov     r10, [rel expected + 72]
        mov     r11, [rel expected + 80]
        mov     r12, [rel expected + 88]
        mov     r13, [rel expected + 96]
        mov     r14, [rel expected + 104]
        mov     r15, [rel expected + 112]
.turn:
    %assign place 0
        compare_registers rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
        cmp     rsp, [rel stack]
        jne     .different
        dec     qword [rel turns]
        jnz     .turn
.different:
        mov     rsp, [rel stack]
        push    rdi
        mov     rdi, [rsp + 8]                  ; out
        mov     [rdi], rax
        mov     [rdi + 8], rcx
        mov     [rdi + 16], rdx
        mov     [rdi + 24], rbx
        mov     [rdi + 32], rbp
        mov     [rdi + 40], rsi
        pop     qword [rdi + 48]
        mov     [rdi + 56], r8
        mov     [rdi + 64], r9
        mov     [rdi + 72], r10
        mov     [rdi + 80], r11
        mov     [rdi + 88], r12
        mov     [rdi + 96], r13
        mov     [rdi + 104], r14
        mov     [rdi + 112], r15
        pop     rsi
        restore_callee
        ret

; uint64_t hold_flags(uint64_t flags, uint64_t turns): LOOP changes no flag.
hold_flags:
        mov     rcx, rsi
        pushfq
        push    rdi
        popfq
.turn:
        loop    .turn
        pushfq
        pop     rax
        popfq
        ret

; void hold_fpu(const void *in, void *out, uint64_t turns): FXSAVE images, at multiples of 16.
hold_fpu:
        push    rbp
        mov     rbp, rsp
        sub     rsp, 512
        and     rsp, -16
        fxsave64 [rsp]
        fxrstor64 [rdi]
        mov     rcx, rdx
.turn:
        loop    .turn
        fxsave64 [rsi]
        fxrstor64 [rsp]
        mov     rsp, rbp
        pop     rbp
        ret

; void hold_syscall(uint64_t out[3], uint64_t flags): SYSCALL, from ring 0, with these RFLAGS; out = where it went, CS,
; RFLAGS there.
hold_syscall:
        push    rdi
        pushfq
        push    rsi
        popfq
        syscall
        popfq
        pop     rdi
        ret

; The places where it may go, 16 bytes each: the number of the place, RFLAGS, CS, and back to RCX.
global syscall_places
align 16
syscall_places:
    %assign place 0
    %rep 16
        align   16, nop
        pushfq
        push    place
        jmp     syscall_common
    %assign place place + 1
    %endrep

syscall_common:
        pop     qword [rdi]
        pop     qword [rdi + 16]
        mov     ax, cs
        movzx   eax, ax
        mov     [rdi + 8], rax
        jmp     rcx

section .data
align 8
expected: times 15 dq 0
turns:    dq 0
stack:    dq 0
