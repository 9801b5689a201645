; From 64-bit mode into others and back: see mode.h. What is shared lies at MODE_AREA, which each mode can address.

MODE_TRAMPOLINE equ 0x1000              ; 16-bit code, copied there: mode.c
MODE_AREA       equ 0x1800              ; struct mode_area of mode.c
MODE_ADDRESS    equ 0x2000
MODE_STACK      equ 0x3f00

SELECTOR_CODE   equ 0x08                ; tables.h
SELECTOR_DATA   equ 0x10
SELECTOR_TSS    equ 0x28
SELECTOR_CODE_32 equ 0x38
SELECTOR_CODE_16 equ 0x40
SELECTOR_DATA_16 equ 0x48
SELECTOR_TSS_32 equ 0x68

CR0_PE          equ 1 << 0
CR0_PG          equ 1 << 31
RFLAGS_FIXED    equ 1 << 1
RFLAGS_VM       equ 1 << 17
VECTOR_END      equ 0x81                ; TRAP_USER_LEAVE
NO_FAULT        equ 256                 ; trap.h

struc area
.eax    resd 1
.ebx    resd 1
.ecx    resd 1
.edx    resd 1
.esi    resd 1
.edi    resd 1
.flags  resd 1
.mode   resd 1
.vector resd 1
.error  resd 1
.eip    resd 1
.cs     resd 1
.eflags resd 1
.esp    resd 1
endstruc

%macro load_registers 0
        mov     eax, [MODE_AREA + area.eax]
        mov     ebx, [MODE_AREA + area.ebx]
        mov     ecx, [MODE_AREA + area.ecx]
        mov     edx, [MODE_AREA + area.edx]
        mov     esi, [MODE_AREA + area.esi]
        mov     edi, [MODE_AREA + area.edi]
%endmacro

%macro save_registers 0
        mov     [MODE_AREA + area.eax], eax
        mov     [MODE_AREA + area.ebx], ebx
        mov     [MODE_AREA + area.ecx], ecx
        mov     [MODE_AREA + area.edx], edx
        mov     [MODE_AREA + area.esi], esi
        mov     [MODE_AREA + area.edi], edi
%endmacro

%macro load_segments 1                  ; EBP is lost, as in all modes
        mov     ebp, %1
        mov     ds, ebp
        mov     es, ebp
        mov     ss, ebp
        mov     fs, ebp
        mov     gs, ebp
%endmacro

extern tables_gdt, mode_idt_pointer, mode_idt64_pointer, mode_ivt_pointer

section .text
bits 64
global mode_enter
mode_enter:                             ; (): the area says what
        push    rbx
        push    rbp
        push    r12
        push    r13
        push    r14
        push    r15
        mov     [rel saved_rsp], rsp
        push    SELECTOR_CODE_32
        push    enter32
        retfq

bits 32
enter32:
        load_segments SELECTOR_DATA
        mov     esp, MODE_STACK
        mov     eax, [MODE_AREA + area.mode]
        jmp     [enter_by_mode + eax * 4]

enter_compatibility_32:
        load_registers
        jmp     SELECTOR_CODE_32:MODE_ADDRESS

enter_compatibility_16:
        load_segments SELECTOR_DATA_16
        load_registers
        jmp     SELECTOR_CODE_16:MODE_ADDRESS

%macro leave_ia32e_mode 0
        lidt    [mode_idt_pointer]
        mov     eax, cr0
        and     eax, ~CR0_PG
        mov     cr0, eax
        jmp     short $ + 2
%endmacro

enter_protected_32:
        leave_ia32e_mode
        load_registers
        jmp     SELECTOR_CODE_32:MODE_ADDRESS

enter_protected_16:
        leave_ia32e_mode
        load_segments SELECTOR_DATA_16
        load_registers
        jmp     SELECTOR_CODE_16:MODE_ADDRESS

enter_real:
        leave_ia32e_mode
        lidt    [mode_ivt_pointer]
        load_segments SELECTOR_DATA_16
        jmp     SELECTOR_CODE_16:MODE_TRAMPOLINE

enter_v86:
        leave_ia32e_mode
        mov     eax, SELECTOR_TSS_32
        ltr     ax
        xor     eax, eax
        push    eax                     ; GS, FS, DS, ES, SS
        push    eax
        push    eax
        push    eax
        push    eax
        push    MODE_STACK
        mov     eax, [MODE_AREA + area.flags]
        or      eax, RFLAGS_VM | RFLAGS_FIXED
        push    eax
        push    0
        push    MODE_ADDRESS
        load_registers
        iretd

; A fault in protected or virtual-8086 mode: vector and error code are on the stack.
fault32:
        mov     ebp, SELECTOR_DATA
        mov     ds, ebp
        save_registers
        pop     dword [MODE_AREA + area.vector]
        pop     dword [MODE_AREA + area.error]
        pop     dword [MODE_AREA + area.eip]
        pop     dword [MODE_AREA + area.cs]
        pop     dword [MODE_AREA + area.eflags]
        mov     [MODE_AREA + area.esp], esp
        jmp     leave_saved

global mode_leave
mode_leave:                             ; where the code's end leads to, in CODE_32
        mov     ebp, SELECTOR_DATA
        mov     ds, ebp
        save_registers
        mov     dword [MODE_AREA + area.vector], NO_FAULT
leave_saved:
        load_segments SELECTOR_DATA
        mov     eax, cr0
        test    eax, eax
        js      .paging
        or      eax, CR0_PG
        mov     cr0, eax
.paging:
        jmp     SELECTOR_CODE:leave64

bits 64
leave64:
        lidt    [mode_idt64_pointer]
        mov     rsp, [rel saved_rsp]
        cld
        push    RFLAGS_FIXED
        popfq
        and     byte [tables_gdt + SELECTOR_TSS + 5], ~2 ; not busy, or LTR would not take it
        mov     eax, SELECTOR_TSS
        ltr     ax
        pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     rbp
        pop     rbx
        ret

; What follows is at MODE_TRAMPOLINE when it runs.
bits 16
%define HERE(label) (MODE_TRAMPOLINE + (label) - mode_trampoline)
global mode_trampoline, mode_trampoline_end, mode_real_end, mode_real_stubs
mode_trampoline:
        mov     eax, cr0
        and     al, ~CR0_PE
        mov     cr0, eax
        jmp     0:HERE(.real)
.real:
        xor     ebp, ebp
        mov     ds, bp
        mov     es, bp
        mov     ss, bp
        mov     fs, bp
        mov     gs, bp
        load_registers
        jmp     0:MODE_ADDRESS

mode_real_end:                          ; where the code's end leads to
        xor     bp, bp
        mov     ds, bp
        save_registers
        mov     dword [MODE_AREA + area.vector], NO_FAULT
        jmp     short real_leave

real_fault:                             ; vector, IP, CS, FLAGS are on the stack
        xor     bp, bp
        mov     ds, bp
        save_registers
        xor     eax, eax
        mov     [MODE_AREA + area.error], eax
        pop     ax
        mov     [MODE_AREA + area.vector], eax
        pop     ax
        mov     [MODE_AREA + area.eip], eax
        pop     ax
        mov     [MODE_AREA + area.cs], eax
        pop     ax
        mov     [MODE_AREA + area.eflags], eax
        mov     [MODE_AREA + area.esp], esp
real_leave:
        mov     eax, cr0
        or      al, CR0_PE
        mov     cr0, eax
        jmp     dword SELECTOR_CODE_32:leave_saved

align 8
mode_real_stubs:                        ; of 8 bytes, for the 32 exceptions
%assign vector 0
%rep 32
        align   8
        push    word vector
        jmp     near real_fault
    %assign vector vector + 1
%endrep
mode_trampoline_end:

; the exceptions that push an error code
HAS_ERROR   equ 1 << 8 | 0x1f << 10 | 1 << 17 | 1 << 21 | 3 << 29
bits 32
align 16
global mode_stubs
mode_stubs:                             ; of 16 bytes, for all vectors
%assign vector 0
%rep 256
        align   16, nop
    %if vector >= 32 || !(HAS_ERROR >> vector & 1)
        push    dword 0
    %endif
        push    dword vector
        jmp     near fault32
    %assign vector vector + 1
%endrep

section .rodata
align 4
enter_by_mode:
        dd      enter_compatibility_32, enter_compatibility_16, enter_protected_32, enter_protected_16, enter_real, enter_v86

section .bss
alignb 8
saved_rsp:      resq 1
