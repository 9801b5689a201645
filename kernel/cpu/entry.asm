; Ways into the kernel other than VM exits: traps, interrupts and SYSCALL; and the ways back to ring 3.
;
; The first members of struct pcpu, and the exit slots that the kernel stack begins below (pcpu.h).
PCPU_USER_RSP  equ 0
PCPU_FRAME_END equ 8
PCPU_STACK_TOP equ 16

REGS_SYSCALL equ 256
SEL_USER_DS  equ 0x1b
SEL_USER_CS  equ 0x23

global trap_stubs, syscall_entry, regs_return, run_on_stack
extern trap_handle, syscall_handle

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

; SYSCALL has set CS, SS, RCX = RIP, R11 = RFLAGS and masked IF, DF, AC, TF, NT. The registers go to current->regs, and
; nothing needs GS after the second SWAPGS.
align 16
syscall_entry:
    swapgs
    mov [gs:PCPU_USER_RSP], rsp
    mov rsp, [gs:PCPU_FRAME_END]
    push SEL_USER_DS
    push qword [gs:PCPU_USER_RSP]
    push r11
    push SEL_USER_CS
    push rcx
    push 0
    push REGS_SYSCALL
    push_registers
    mov rdi, rsp
    mov rsp, [gs:PCPU_STACK_TOP]
    swapgs
    xor ebp, ebp
    call syscall_handle                         ; (struct regs *), does not return

; void regs_return(struct regs *): back to ring 3.
align 16
regs_return:
    mov rsp, rdi
    pop_registers
    cmp qword [rsp], REGS_SYSCALL
    jne .iret
    mov rcx, [rsp + 16]                         ; a user address, so canonical: SYSRET can't fault
    mov r11, [rsp + 32]
    mov rsp, [rsp + 40]
    o64 sysret
.iret:
    add rsp, 16
    iretq

; void run_on_stack(void *stack, void (*f)(void)): f does not return.
run_on_stack:
    mov rsp, rdi
    xor ebp, ebp
    call rsi
    ud2
