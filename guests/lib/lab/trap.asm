; The entry of each vector of a lab's IDT: makes a struct interrupt_frame and hands it to trap_handle(). Nothing here uses
; SSE registers, so tests may forbid them.

%include "guests/lib/x64/frame.inc"

extern trap_handle

section .text
align STUB_BYTES
global trap_stubs
trap_stubs:
        frame_stubs trap_common

trap_common:
        frame_push
        and     rsp, -16
        call    trap_handle
        frame_pop
