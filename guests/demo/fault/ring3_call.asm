; long ring3_call(unsigned long number): a hypercall in ring 3. The way back is the handler in ring3.c.

SELECTOR_USER_DATA equ 0x18 | 3         ; descriptors.h
SELECTOR_USER_CODE equ 0x20 | 3
TSS_RSP0           equ 4                ; struct tss64
RFLAGS_FIXED       equ 1 << 1           ; the bit that is always 1; interrupts stay off
HANDLER_STACK      equ 4096             ; ring 3's stack begins below what the handler needs

bits 64
extern hypercall, guest_tss

section .text
global ring3_call, ring3_hlt, ring3_return
ring3_call:
        push    rbx
        push    rbp
        push    r12
        push    r13
        push    r14
        push    r15
        mov     [guest_tss + TSS_RSP0], rsp
        lea     rax, [rsp - HANDLER_STACK]
        and     rax, -16
        push    SELECTOR_USER_DATA
        push    rax
        push    RFLAGS_FIXED
        push    SELECTOR_USER_CODE
        push    ring3_code
        iretq

ring3_code:
        xor     esi, esi
        xor     edx, edx
        xor     ecx, ecx
        call    hypercall
ring3_hlt:
        hlt

ring3_return:                           ; in ring 0 again, RAX and the stack as they should be
        pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     rbp
        pop     rbx
        ret
