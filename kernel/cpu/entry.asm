; Ways into the kernel other than VM exits: traps, interrupts and SYSCALL; and the ways back to ring 3.
;
; The first members of struct pcpu (pcpu.h), and members of struct regs (regs.h).
PCPU_REGS      equ 0
PCPU_STACK_TOP equ 8

REGS_R15    equ 0 * 8
REGS_R14    equ 1 * 8
REGS_R13    equ 2 * 8
REGS_R12    equ 3 * 8
REGS_RBP    equ 10 * 8
REGS_RBX    equ 11 * 8
REGS_RAX    equ 14 * 8
REGS_VECTOR equ 15 * 8
REGS_RIP    equ 17 * 8
REGS_RFLAGS equ 19 * 8
REGS_RSP    equ 20 * 8

REGS_SYSCALL equ 256
SYS_VCPU_RUN equ 12                             ; config/abi.h

PCPU_BASE  equ 0xffffff8000000000
PCPU_BYTES equ 0x10000
MAX_PCPUS  equ 64                               ; config/limits.h

global trap_stubs, syscall_stubs, regs_return, regs_return_syscall, run_on_stack
extern trap_handle, syscall_handle, syscall_handle_run

; The general registers, in the order of struct regs.
%macro push_registers 0
    push rax
    push rcx
    push rdx
    push rbx
    push rbp
    push rsi
    push rdi
    push r8
    push r9
    push r10
    push r11
    push r12
    push r13
    push r14
    push r15
%endmacro

%macro pop_registers 0
    pop r15
    pop r14
    pop r13
    pop r12
    pop r11
    pop r10
    pop r9
    pop r8
    pop rdi
    pop rsi
    pop rbp
    pop rbx
    pop rdx
    pop rcx
    pop rax
%endmacro

section .text

; One stub a vector, 16 bytes each; those of exceptions without an error code push 0 for it.
align 16
trap_stubs:
%assign vector 0
%rep 256
    align 16
%if vector = 8 || (vector >= 10 && vector <= 14) || vector = 17 || vector = 21 || vector = 29 || vector = 30
%else
    push 0
%endif
    push strict dword vector
    jmp trap_common
%assign vector vector + 1
%endrep

trap_common:
    push_registers
    push 2                                      ; ring 3 may have left AC and DF set
    popfq
    mov rdi, rsp
    xor ebp, ebp                                ; ends the back trace: what was interrupted is in the registers
    call trap_handle                            ; returns only if kernel code was interrupted
    pop_registers
    add rsp, 16                                 ; vector, error code
    iretq

; SYSCALL has set CS, SS, RCX = RIP, R11 = RFLAGS and masked IF, DF, AC, TF, NT. To ring 3 it is a function call: what
; a function may change is not kept, and is 0 afterwards. CS and SS in current->regs are ring 3's from the start.
;
; One stub a pCPU, 16 bytes each, so that no segment register has to tell which pCPU this is: a guest's SWAPGS can't
; mislead the kernel, nor a task's MOV to GS.
align 16
syscall_stubs:
%assign pcpu 0
%rep MAX_PCPUS
    align 16
    mov r9, PCPU_BASE + pcpu * PCPU_BYTES
    jmp syscall_entry
%assign pcpu pcpu + 1
%endrep

syscall_entry:
    mov r8, [r9 + PCPU_REGS]
    mov [r8 + REGS_RSP], rsp
    mov [r8 + REGS_RIP], rcx
    mov [r8 + REGS_RFLAGS], r11
    mov [r8 + REGS_RBX], rbx
    mov [r8 + REGS_RBP], rbp
    mov [r8 + REGS_R12], r12
    mov [r8 + REGS_R13], r13
    mov [r8 + REGS_R14], r14
    mov [r8 + REGS_R15], r15
    mov qword [r8 + REGS_VECTOR], REGS_SYSCALL
    mov rsp, [r9 + PCPU_STACK_TOP]
    xor ebp, ebp
    cmp rax, SYS_VCPU_RUN
    jne .any
    call syscall_handle_run                     ; (id, action), does not return
.any:
    mov rcx, r10
    mov r8, rax
    call syscall_handle                         ; (four arguments, number), does not return

; void regs_return(struct regs *): back to ring 3. The same, regs_return_syscall, where it is known that SYSCALL stored them.
align 16
regs_return:
    cmp qword [rdi + REGS_VECTOR], REGS_SYSCALL
    jne regs_return_syscall.iret
regs_return_syscall:
    mov rcx, [rdi + REGS_RIP]                   ; a user address, so canonical: SYSRET can't fault
    mov r11, [rdi + REGS_RFLAGS]
    mov rax, [rdi + REGS_RAX]
    mov rbx, [rdi + REGS_RBX]
    mov rbp, [rdi + REGS_RBP]
    mov r12, [rdi + REGS_R12]
    mov r13, [rdi + REGS_R13]
    mov r14, [rdi + REGS_R14]
    mov r15, [rdi + REGS_R15]
    mov rsp, [rdi + REGS_RSP]
    xor edx, edx
    xor esi, esi
    xor edi, edi
    xor r8d, r8d
    xor r9d, r9d
    xor r10d, r10d
    o64 sysret
.iret:
    mov rsp, rdi
    pop_registers
    add rsp, 16                                 ; vector, error code
    iretq

; void run_on_stack(void *stack, void (*f)(void)): f does not return.
run_on_stack:
    mov rsp, rdi
    xor ebp, ebp
    call rsi
    ud2
