/* The hypercalls about channels: "Guests" in config/abi.h. */
#ifndef KERNEL_IPC_CALLS_H
#define KERNEL_IPC_CALLS_H

#include "kernel/vm/vcpu.h"

exit_handler ipc_call_channel, ipc_call_send, ipc_call_receive, ipc_call_exchange, ipc_call_send_memory,
    ipc_call_receive_memory, ipc_call_vector;

#endif
