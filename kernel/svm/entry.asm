; Into a guest by VMRUN, and back: "VMRUN Instruction", "#VMEXIT", "Global Interrupt, STGI and CLGI Instructions".
;
; The host's RIP, RSP and RAX come back from the host save area, so the code goes on behind VMRUN with RSP at the exit
; slots and RAX at the VMCB. The other registers are still the guest's, and so is what VMLOAD loads: FS, GS, TR, LDTR,
; and the MSRs of SYSCALL and SYSENTER. GIF is 0: nothing comes in until svm_exit lets it.

; Of struct exit_slots: their place in the pCPU's block, and members.
EXIT_SLOTS equ 0xfff0                           ; PCPU_STACK_TOP - sizeof
SLOT_GPR  equ 0
SLOT_VCPU equ 8

; Registers of a guest that goes on at once: what C code may have changed, and RBX, in which it may get an answer. R12
; to R15 are the guest's own again when C code has returned. RAX and RSP are in the VMCB; the order is that of enum gpr.
%macro load_answered 1
    mov rcx, [%1 + 1 * 8]
    mov rdx, [%1 + 2 * 8]
    mov rbx, [%1 + 3 * 8]
    mov rbp, [%1 + 5 * 8]
    mov rdi, [%1 + 7 * 8]
    mov r8, [%1 + 8 * 8]
    mov r9, [%1 + 9 * 8]
    mov r10, [%1 + 10 * 8]
    mov r11, [%1 + 11 * 8]
    mov rsi, [%1 + 6 * 8]
%endmacro

; All that VMRUN does not switch.
%macro load_gprs 1
    mov r12, [%1 + 12 * 8]
    mov r13, [%1 + 13 * 8]
    mov r14, [%1 + 14 * 8]
    mov r15, [%1 + 15 * 8]
    load_answered %1
%endmacro

%macro store_gprs 1
    mov [%1 + 1 * 8], rcx
    mov [%1 + 2 * 8], rdx
    mov [%1 + 3 * 8], rbx
    mov [%1 + 5 * 8], rbp
    mov [%1 + 6 * 8], rsi
    mov [%1 + 7 * 8], rdi
    mov [%1 + 8 * 8], r8
    mov [%1 + 9 * 8], r9
    mov [%1 + 10 * 8], r10
    mov [%1 + 11 * 8], r11
    mov [%1 + 12 * 8], r12
    mov [%1 + 13 * 8], r13
    mov [%1 + 14 * 8], r14
    mov [%1 + 15 * 8], r15
%endmacro

global svm_entry, svm_load, svm_entry_bare
extern svm_exit, svm_exit_end, mm_direct_base

section .text

; _Noreturn void svm_entry(hpa_t vmcb, uint64_t *gpr)
align 16
svm_entry:
    clgi
    sti                                         ; with V_INTR_MASKING, this IF is what lets interrupts end the run

; The same, after svm_exit: GIF is still 0.
; _Noreturn void svm_load(hpa_t vmcb, uint64_t *gpr)
svm_load:
    mov rax, rdi
    vmload
    mov sp, EXIT_SLOTS                          ; the pCPU's block, in which the stack is, is aligned to 64 KiB
    load_gprs rsi
.run:
    vmrun
.back:
    mov rax, [rsp + SLOT_GPR]
    store_gprs rax
    mov rdi, [rsp + SLOT_VCPU]
    xor ebp, ebp                                ; ends the back trace
    call svm_exit                               ; (struct vcpu *): the handler's verdict
    mov rdi, [rsp + SLOT_VCPU]
    mov esi, eax
    call svm_exit_end                           ; (struct vcpu *, verdict): the VMCB; returns only for an answer
    mov rsi, [rsp + SLOT_GPR]
    load_answered rsi
    jmp .run

; For HC_ROUND_TRIPS: why it exited is all that is looked at. The other registers are still the guest's, and stay in place.
; _Noreturn void svm_entry_bare(hpa_t vmcb, uint64_t *gpr)
EXITCODE       equ 0x70
VMEXIT_VMMCALL equ 0x81

align 16
svm_entry_bare:
    clgi
    sti
    mov rax, rdi
    vmload
    mov sp, EXIT_SLOTS
    load_gprs rsi
.again:
    vmrun
    push rdx
    mov rdx, [rel mm_direct_base]
    cmp dword [rax + rdx + EXITCODE], VMEXIT_VMMCALL
    pop rdx
    jne svm_load.back
    dec rbx
    jnz .again
    jmp svm_load.back
