; From the boot loader to kernel_main: Multiboot headers, a check for a 64-bit CPU, the first page tables, long mode.
;
; The first page tables map the first 4 GiB three times: at 0, at the direct map, and its first GiB at the kernel's link
; address. kernel/cpu/space.c replaces them by the final ones.

KERNEL_BASE equ 0xffffffff80000000
%define LOW(symbol) (symbol - KERNEL_BASE)

MB1_MAGIC equ 0x1badb002
MB1_FLAGS equ 1 << 0 | 1 << 1 | 1 << 16         ; modules on pages, memory map, address fields below
MB2_MAGIC equ 0xe85250d6

COM1           equ 0x3f8
ISA_DEBUG_EXIT equ 0xf4

PAGE_PRESENT_WRITE equ 3
PAGE_LARGE         equ 1 << 7

global boot_start, boot_tsc, boot_pml4
extern kernel_main, kernel_load_start, kernel_load_end, kernel_bss_end

section .multiboot align=8
mb1_header:
    dd MB1_MAGIC, MB1_FLAGS, -(MB1_MAGIC + MB1_FLAGS)
    dd mb1_header, kernel_load_start, kernel_load_end, kernel_bss_end, boot_start
    align 8
mb2_header:
    dd MB2_MAGIC, 0, mb2_end - mb2_header, -(MB2_MAGIC + mb2_end - mb2_header)
    dw 6, 0                                     ; modules on pages
    dd 8
    dw 5, 1                                     ; a framebuffer if there is no text, of a size where 80x25 characters fit well
    dd 20, 1280, 800, 32
    align 8
    dw 0, 0                                     ; end of tags
    dd 8
mb2_end:

section .boot.text progbits alloc exec nowrite align=16
bits 32
boot_start:
    cli
    cld
    mov esp, LOW(boot_stack_top)
    mov edi, eax                                ; the loader's magic number and its information
    mov esi, ebx
    rdtsc
    mov [LOW(boot_tsc)], eax
    mov [LOW(boot_tsc) + 4], edx

    mov eax, 0x80000000
    cpuid
    cmp eax, 0x80000001
    jb no_long_mode
    mov eax, 0x80000001
    cpuid
    bt edx, 29                                  ; long mode
    jnc no_long_mode
    mov ebp, edx

    mov eax, LOW(boot_pd) + PAGE_PRESENT_WRITE
    mov ebx, LOW(boot_pdpt)
    mov ecx, 4
.directories:
    mov [ebx], eax
    add eax, 4096
    add ebx, 8
    loop .directories
    mov dword [LOW(boot_pdpt_high) + 510 * 8], LOW(boot_pd) + PAGE_PRESENT_WRITE

    mov eax, PAGE_PRESENT_WRITE | PAGE_LARGE
    mov ebx, LOW(boot_pd)
    mov ecx, 4 * 512
.pages:
    mov [ebx], eax
    add eax, 0x200000
    add ebx, 8
    loop .pages

    mov dword [LOW(boot_pml4)], LOW(boot_pdpt) + PAGE_PRESENT_WRITE
    mov dword [LOW(boot_pml4) + 256 * 8], LOW(boot_pdpt) + PAGE_PRESENT_WRITE
    mov dword [LOW(boot_pml4) + 511 * 8], LOW(boot_pdpt_high) + PAGE_PRESENT_WRITE

    mov eax, cr4
    or eax, 1 << 5                              ; PAE
    mov cr4, eax
    mov eax, LOW(boot_pml4)
    mov cr3, eax

    mov ecx, 0xc0000080                         ; EFER
    rdmsr
    or eax, 1 << 8                              ; LME
    bt ebp, 20                                  ; NXE where the CPU knows it
    jnc .no_nx
    or eax, 1 << 11
.no_nx:
    wrmsr
    mov eax, cr0
    or eax, 1 << 31 | 1 << 16 | 1               ; PG, WP, PE
    mov cr0, eax
    lgdt [boot_gdt_pointer]
    jmp 8:.long_mode

bits 64
.long_mode:
    mov eax, 16
    mov ds, eax
    mov es, eax
    mov ss, eax
    xor eax, eax
    mov fs, eax
    mov gs, eax
    mov rsp, boot_stack_top
    xor ebp, ebp                                ; ends the back trace
    mov rax, kernel_main
    call rax                                    ; (magic in EDI, information in ESI)

bits 32
; No 64-bit CPU: says so on COM1 and on the VGA screen, and ends the machine where a hypervisor has the debug-exit device.
no_long_mode:
    mov esi, .uart
    mov ecx, 5
.setting:
    lodsb
    movzx edx, al
    add edx, COM1
    lodsb
    out dx, al
    loop .setting
    mov esi, .text
    mov ebx, 0xb8000
.next:
    lodsb
    test al, al
    jz .stop
    cmp al, ' '
    jb .wait_for_uart
    mov ah, 0x4f
    mov [ebx], ax
    add ebx, 2
.wait_for_uart:
    mov ah, al
    mov ecx, 100000                             ; a port that is not there never gets ready
    mov edx, COM1 + 5
.wait:
    in al, dx
    test al, 0x20
    loopz .wait
    mov al, ah
    mov edx, COM1
    out dx, al
    jmp .next
.stop:
    mov eax, 1
    cpuid
    bt ecx, 31                                  ; a hypervisor
    jnc .halt
    mov eax, 1
    out ISA_DEBUG_EXIT, eax
.halt:
    cli
    hlt
    jmp .halt
.text: db "Nestor needs a 64-bit CPU; this one has no long mode.", 13, 10, 0
.uart: db 3, 0x80, 0, 1, 1, 0, 3, 3, 4, 3        ; (register, value): 115200 baud, 8 bits, no parity, DTR and RTS

align 8
boot_gdt:
    dq 0
    dq 0x00af9b000000ffff                       ; 8: 64-bit code
    dq 0x00cf93000000ffff                       ; 16: data
boot_gdt_pointer:
    dw $ - boot_gdt - 1
    dd boot_gdt

section .boot.bss nobits alloc noexec write align=4096
boot_pml4:      resb 4096
boot_pdpt:      resb 4096
boot_pdpt_high: resb 4096
boot_pd:        resb 4 * 4096
boot_stack:     resb 16384
boot_stack_top:
boot_tsc:       resq 1                          ; TSC at kernel entry
