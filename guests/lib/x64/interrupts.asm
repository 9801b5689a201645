; The entry of each vector: makes a struct interrupt_frame (frame.h) and hands it to interrupt_dispatch().

%include "guests/lib/x64/frame.inc"
FXSAVE_BYTES equ 512

extern interrupt_dispatch

section .text
align STUB_BYTES
global interrupt_stubs
interrupt_stubs:
        frame_stubs interrupt_common

interrupt_common:
        frame_push
        sub     rsp, FXSAVE_BYTES       ; the compiler uses SSE registers in handlers as well
        and     rsp, -16
        fxsave64 [rsp]
        call    interrupt_dispatch
        fxrstor64 [rsp]
        frame_pop
