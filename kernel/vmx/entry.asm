; Into the guest and back. HOST_RSP is the address of the pCPU's exit slots: at an exit [rsp] is the vCPU's register area
; (in the order of enum gpr), [rsp + 8] the vCPU, and the stack below is free.

global vmx_resume, vmx_launch, vmx_exit_entry, vmx_lab_exit_entry, vmx_bare_exit_entry
extern vmx_exit, vmx_exit_end, vmx_lab_exit, vmx_entry_failed

section .text

; Those that C code may have changed, and RBX, in which a guest may get an answer.
%macro load_answered 0                          ; from [rdi]
    mov rax, [rdi + 0 * 8]
    mov rcx, [rdi + 1 * 8]
    mov rdx, [rdi + 2 * 8]
    mov rbx, [rdi + 3 * 8]
    mov rbp, [rdi + 5 * 8]
    mov rsi, [rdi + 6 * 8]
    mov r8, [rdi + 8 * 8]
    mov r9, [rdi + 9 * 8]
    mov r10, [rdi + 10 * 8]
    mov r11, [rdi + 11 * 8]
    mov rdi, [rdi + 7 * 8]
%endmacro

%macro load_gprs 0                              ; from [rdi]
    mov r12, [rdi + 12 * 8]
    mov r13, [rdi + 13 * 8]
    mov r14, [rdi + 14 * 8]
    mov r15, [rdi + 15 * 8]
    load_answered
%endmacro

; _Noreturn void vmx_resume(uint64_t *gpr)
align 16
vmx_resume:
    load_gprs
    vmresume
    jmp entry_failed

; _Noreturn void vmx_launch(uint64_t *gpr)
align 16
vmx_launch:
    load_gprs
    vmlaunch
entry_failed:
    xor ebp, ebp
    call vmx_entry_failed                       ; does not return

%macro save_gprs 0                              ; where the exit slots say; the vCPU comes to RDI
    push rax
    mov rax, [rsp + 8]
    mov [rax + 1 * 8], rcx
    mov [rax + 2 * 8], rdx
    mov [rax + 3 * 8], rbx
    mov [rax + 5 * 8], rbp
    mov [rax + 6 * 8], rsi
    mov [rax + 7 * 8], rdi
    mov [rax + 8 * 8], r8
    mov [rax + 9 * 8], r9
    mov [rax + 10 * 8], r10
    mov [rax + 11 * 8], r11
    mov [rax + 12 * 8], r12
    mov [rax + 13 * 8], r13
    mov [rax + 14 * 8], r14
    mov [rax + 15 * 8], r15
    pop qword [rax]
    mov rdi, [rsp + 8]
    xor ebp, ebp                                ; ends the back trace
%endmacro

; All registers are stored, for a handler may want any of them. A guest that goes on at once gets back those that C code may
; have changed, and RBX, in which it may get an answer: R12 to R15 are its own again when C code has returned.
align 16
vmx_exit_entry:
    save_gprs
    call vmx_exit                               ; (struct vcpu *): the handler's verdict
    mov rdi, [rsp + 8]
    mov esi, eax
    call vmx_exit_end                           ; (struct vcpu *, verdict), returns only for an answer
    mov rdi, [rsp]
    load_answered
    vmresume
    jmp entry_failed

align 16
vmx_lab_exit_entry:
    save_gprs
    call vmx_lab_exit                           ; (struct vcpu *), does not return

; For HC_ROUND_TRIPS: why it exited is all that is looked at. All registers are still the guest's, and stay in place.
EXIT_REASON   equ 0x4402
REASON_VMCALL equ 18
HOST_RIP      equ 0x6c16

align 16
vmx_bare_exit_entry:
    push rax
    mov eax, EXIT_REASON
    vmread rax, rax
    cmp eax, REASON_VMCALL
    jne .over
    dec rbx
    jz .over
    pop rax
    vmresume
    jmp entry_failed
.over:
    push rdx
    mov rdx, vmx_exit_entry
    mov eax, HOST_RIP
    vmwrite rax, rdx
    pop rdx
    pop rax
    jmp vmx_exit_entry
