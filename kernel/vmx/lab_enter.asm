; VM entries with a VMCS of a lab's own: what comes of one is a return from here, be it VMfail or an exit. kernel/vmx/lab.h has
; the interface.

global vmx_lab_enter, vmx_lab_back

section .text

HOST_RSP   equ 0x6c14
KERNEL_DS  equ 0x10
ARITHMETIC equ 0x8d7                            ; CF, PF, AF, ZF, SF, OF, and bit 1
EFER       equ 0xc0000080
EFER_HOST  equ 0xd01                            ; SCE, LME, LMA, NXE: the stack's pages want NXE, so it can't be there

; uint64_t vmx_lab_enter(uint64_t how)
align 16
vmx_lab_enter:
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    mov rax, cr0
    push rax
    mov rax, cr4
    push rax
    mov rax, cr3
    push rax
    mov eax, HOST_RSP
    vmwrite rax, rsp                            ; without a current VMCS this fails, and so will the entry
    lea rax, [rel instructions]
    lea rax, [rax + rdi * 8]
    mov ecx, KERNEL_DS
    push ARITHMETIC
    popfq
    jmp rax

align 8
instructions:
    vmlaunch
    jmp short back
    align 8
    vmresume
    jmp short back
    align 8
    mov ss, ecx
    vmlaunch
    jmp short back
    align 8
    mov ss, ecx
    vmresume
    jmp short back

; At an exit RSP is what it was above, and flags are clear.
vmx_lab_back:
    mov ecx, EFER
    mov eax, EFER_HOST
    mov edx, 0
    wrmsr
back:
    pushfq
    pop rax
    pop rcx
    mov cr3, rcx
    pop rcx
    mov cr4, rcx
    pop rcx
    mov cr0, rcx
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    ret
