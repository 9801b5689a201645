; A 64-bit guest begins here, in 32-bit protected mode without paging and without a stack, and goes to long mode.

NESTOR_GUEST_MAGIC equ 0x4e535452       ; config/abi.h

CR0_MP      equ 1 << 1
CR0_EM      equ 1 << 2
CR0_TS      equ 1 << 3
CR0_NE      equ 1 << 5
CR0_WP      equ 1 << 16
CR0_PG      equ 1 << 31
CR4_PAE     equ 1 << 5
CR4_OSFXSR  equ 1 << 9
CR4_OSXMMEXCPT equ 1 << 10
IA32_EFER   equ 0xc0000080
EFER_LME    equ 1 << 8

PAGE_TABLE  equ 0x07                    ; present, writable, for ring 3 too: a guest may use it
PAGE_2M     equ PAGE_TABLE | 0x80
LARGE_BYTES equ 0x200000

SELECTOR_CODE equ 0x08                  ; descriptors.h
SELECTOR_DATA equ 0x10

extern guest_stack_top, guest_start, guest_vcpu_start

section .text.start progbits alloc exec nowrite
bits 32
global guest_entry
guest_entry:
        cmp     ebx, NESTOR_GUEST_MAGIC
        jne     stranger
        cld

        ; gpa 0 to 1 GiB, mapped to itself by 2 MiB pages
        mov     dword [pml4], pdpt + PAGE_TABLE
        mov     dword [pdpt], page_directory + PAGE_TABLE
        mov     edi, page_directory
        mov     eax, PAGE_2M
.map:
        mov     [edi], eax
        add     eax, LARGE_BYTES
        add     edi, 8
        cmp     edi, page_directory + 4096
        jb      .map

        mov     ebp, first_vcpu
to_long_mode:                           ; and there to EBP; keeps EDI
        mov     eax, pml4
        mov     cr3, eax
        mov     eax, cr4
        or      eax, CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT
        mov     cr4, eax
        mov     ecx, IA32_EFER
        rdmsr
        or      eax, EFER_LME
        wrmsr
        mov     eax, cr0
        and     eax, ~(CR0_EM | CR0_TS)
        or      eax, CR0_PG | CR0_WP | CR0_NE | CR0_MP
        mov     cr0, eax

        lgdt    [gdt_pointer]
        jmp     SELECTOR_CODE:long_mode

; Where the other vCPUs start: EDI is the address of { stack top, function, argument }, see vcpus.h. The page tables are there.
global guest_vcpu_entry
guest_vcpu_entry:
        cld
        mov     ebp, other_vcpu
        jmp     to_long_mode

stranger:                               ; not started as kind = nestor: no IDT yet, so this ends in a triple fault
        ud2

bits 64
long_mode:
        mov     eax, SELECTOR_DATA
        mov     ds, eax
        mov     es, eax
        mov     ss, eax
        xor     eax, eax
        mov     fs, eax
        mov     gs, eax
        fninit
        ldmxcsr [mxcsr_default]
        jmp     rbp

first_vcpu:
        mov     esp, guest_stack_top
        xor     ebp, ebp
        call    guest_start
        ud2

other_vcpu:
        mov     edi, edi
        mov     rsp, [rdi]
        xor     ebp, ebp
        call    guest_vcpu_start        ; (struct vcpu_launch *)
        ud2

section .rodata
mxcsr_default:
        dd      0x1f80
gdt_pointer:
        dw      guest_gdt.end - guest_gdt - 1
        dd      guest_gdt

section .data
align 8
global guest_gdt
guest_gdt:
        dq      0
        dq      0x00af9a000000ffff      ; SELECTOR_CODE: ring 0, 64 bit
        dq      0x00cf92000000ffff      ; SELECTOR_DATA: ring 0
        dq      0x00cff2000000ffff      ; SELECTOR_USER_DATA: ring 3
        dq      0x00affa000000ffff      ; SELECTOR_USER_CODE: ring 3, 64 bit
        dq      0, 0                    ; SELECTOR_TSS: filled in by descriptors_setup()
.end:

section .bss
alignb 4096
pml4:           resb 4096
pdpt:           resb 4096
page_directory: resb 4096
