; Where a second pCPU begins: in real mode, at the start of a page below 1 MiB into which this code was copied. It goes
; through the boot page tables to the kernel's address and its own stack. The values at the end are filled in by smp.c.

global trampoline_start, trampoline_end, trampoline_values
extern ap_main

CR0_PE_WP_PG equ 1 << 0 | 1 << 16 | 1 << 31
CR4_PAE      equ 1 << 5
EFER         equ 0xc0000080
EFER_LME_NXE equ 1 << 8 | 1 << 11

%define HERE(label) (label - trampoline_start)

section .rodata
align 16
trampoline_start:
bits 16
    cli
    cld
    mov ax, cs
    mov ds, ax
    movzx ebx, ax
    shl ebx, 4                                  ; where this page is
    o32 lgdt [HERE(gdt_pointer)]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp far dword [HERE(to_32)]

bits 32
protected:
    mov eax, 16
    mov ds, eax
    mov ss, eax
    mov eax, cr4
    or eax, CR4_PAE
    mov cr4, eax
    mov eax, [ebx + HERE(boot_cr3)]
    mov cr3, eax
    mov ecx, EFER
    rdmsr
    or eax, EFER_LME_NXE
    wrmsr
    mov eax, cr0
    or eax, CR0_PE_WP_PG
    mov cr0, eax
    jmp far dword [ebx + HERE(to_64)]

bits 64
long_mode:
    mov rcx, [rbx + HERE(kernel_cr3)]
    mov rsp, [rbx + HERE(stack)]
    mov rax, ap_entry
    jmp rax

align 8
gdt:
    dq 0
    dq 0x00cf9b000000ffff                       ; 8: 32-bit code
    dq 0x00cf93000000ffff                       ; 16: data
    dq 0x00af9b000000ffff                       ; 24: 64-bit code
gdt_end:

; struct trampoline_values in smp.c
trampoline_values:
to_32:       dd HERE(protected), 8              ; the first words: smp.c adds the page's address
to_64:       dd HERE(long_mode), 24
gdt_pointer: dw gdt_end - gdt - 1
             dd HERE(gdt)
             dw 0
boot_cr3:    dq 0
kernel_cr3:  dq 0
stack:       dq 0
trampoline_end:

section .text
; At the kernel's own address: now the tables that have nothing at low addresses can be loaded.
ap_entry:
    mov cr3, rcx
    xor ebp, ebp
    call ap_main                                ; does not return
