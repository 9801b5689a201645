; An entry point for a monitor: does what the first 8 bytes of the guest's args say, or goes on to the real monitor.

TASK_ARGS   equ 0x200000
GUEST_ARGS  equ 52                              ; struct monitor_args.guest_args
TASK_REPORT equ 0x204000
TASK_GUEST  equ 0x40000000
HEAP        equ 0x1000000
KERNEL      equ 0xffffffff80100000
DIRECT      equ 0xffff800000100000

; struct report_ring
REPORT_TAIL equ 32
REPORT_TEXT equ 64

SYS_TASK_EXIT    equ 0
SYS_EVENT_WAIT   equ 9
SYS_EVENT_SIGNAL equ 10
SYS_YIELD        equ 11
SYS_VCPU_READ    equ 13
SYS_VCPU_START   equ 16

global faults_start
extern _start

; One fault: its row in the table, and where its code begins.
%macro fault 1
    %defstr NAME %1
    [section .rodata]
%%row:
    db NAME
    times 8 - ($ - %%row) db 0
    dq %%code
    [section .text]
%%code:
%endmacro

section .rodata
align 8
table:

section .text

faults_start:
    mov rax, [TASK_ARGS + GUEST_ARGS]
    lea rsi, [table]
.next:
    cmp qword [rsi], 0
    je _start
    cmp [rsi], rax
    je .found
    add rsi, 16
    jmp .next
.found:
    jmp [rsi + 8]

; Exceptions of ring 3's own making.
fault divide
    xor ecx, ecx
    div ecx
fault debug
    pushfq
    or qword [rsp], 1 << 8                      ; TF
    popfq
    jmp $
fault ud2
    ud2
fault x87
    fninit
    push 0x360                                  ; all unmasked
    fldcw [rsp]
    fldz
    fld1
    fdivrp
    fwait
    jmp $
fault simd
    push 0
    ldmxcsr [rsp]
    xorps xmm0, xmm0
    divss xmm0, xmm0
    ud2                                         ; QEMU's TCG has no such exceptions

; Memory that is not its own, or not so.
fault null
    mov rax, [0]
fault kernel
    mov rax, KERNEL
    mov rax, [rax]
fault direct
    mov rax, DIRECT
    mov [rax], rax
fault text
    mov [rel faults_start], rax
fault args
    mov [TASK_ARGS], rax
fault image
    mov [rel table], rax
fault nx
    sub rsp, 8
    mov word [rsp], 0x0b0f
    jmp rsp
fault gokernel
    mov rax, KERNEL
    jmp rax
fault stack
stack_more:
    push rax
    jmp stack_more
fault behind                                    ; the guest has 1 MiB
    mov rax, TASK_GUEST + 0x200000000
    mov [rax], rax
fault noncan
    mov rax, 1 << 62
    mov rax, [rax]
fault heap                                      ; until the VM's quota is used up
    mov rax, HEAP
heap_more:
    mov [rax], rax
    add rax, 4096
    jmp heap_more

; Instructions that are not for ring 3.
fault cli
    cli
fault hlt
    hlt
fault in
    in al, 0x80
fault out
    mov eax, 0
    out 0xf4, eax
fault wrmsr
    xor ecx, ecx
    wrmsr
fault cr3
    mov rax, cr3
fault lidt
    lidt [rsp]
fault invd
    invd
fault int3
    int3
fault int2
    int 2
fault int128
    int 0x80
fault iret                                      ; to ring 0
    mov rax, rsp
    push 0x10
    push rax
    push 2
    push 8
    push KERNEL & 0x7fffffff
    iretq
fault sysexit
    sysexit
fault vmxoff
    vmxoff
fault vmrun
    vmrun

; System calls from strange places.
fault badrsp
    mov rsp, KERNEL
    mov eax, SYS_YIELD
    syscall
    ud2
fault flags                                     ; DF, AC, NT, IOPL 0
    pushfq
    or qword [rsp], 1 << 10 | 1 << 18 | 1 << 14
    popfq
    mov eax, SYS_YIELD
    syscall
    ud2
fault secret                                    ; HOST_RSP, when no entry has failed: -ABI_EACCES
    push 0                                      ; struct state_pair
    push 0
    mov [rsp + 8], rsp
    mov rax, 1 << 33 | 0x6c14                   ; VCPU_REFUSED
    mov [rsp], rax
    mov eax, SYS_VCPU_READ
    xor edi, edi
    mov rsi, rsp
    mov edx, 1
    syscall
    cmp rax, -10
    je secret_kept
    hlt
secret_kept:
    ud2
fault ring                                      ; a report ring that says that it holds 4 GiB
    mov rdi, TASK_REPORT
    mov ecx, 4096 / 8
    mov rax, -1
    rep stosq
    mov eax, SYS_EVENT_SIGNAL
    mov edi, 1
    syscall
    mov eax, SYS_YIELD
    syscall
    ud2
fault loops
    jmp $

; No fault: three threads touch each new page of the heap at the same time; then one ends the VM, at some moment or other,
; while the others go to sleep and wake.
fault threads
    mov ebx, edi                                ; this thread's number
    mov r12, HEAP                               ; how often one has arrived, in all
    test ebx, ebx
    jnz threads_go
    mov qword [r12], 0
    mov eax, SYS_VCPU_START
    mov edi, 1
    syscall
    mov eax, SYS_VCPU_START
    mov edi, 2
    syscall
threads_go:
    xor r13d, r13d
threads_page:
    lock inc qword [r12]
    inc r13
    imul rax, r13, 3
threads_meet:
    pause
    cmp [r12], rax
    jb threads_meet
    mov rcx, r13
    shl rcx, 12
    mov [r12 + rcx], rcx
    cmp r13, 16
    jb threads_page
    rdtsc
    test ebx, ebx
    jz threads_end
threads_sleep:
    shl rdx, 32
    lea rsi, [rax + rdx + 2000]
    xor edi, edi
    mov eax, SYS_EVENT_WAIT
    syscall
    rdtsc
    jmp threads_sleep
threads_end:
    and eax, 0x3fff
threads_delay:
    dec eax
    jns threads_delay
    mov rax, `Eexit 0\n`
    mov [TASK_REPORT + REPORT_TEXT], rax
    mov dword [TASK_REPORT + REPORT_TAIL], 8
    xor edi, edi
    mov eax, SYS_TASK_EXIT
    syscall
    ud2

section .rodata
    dq 0
