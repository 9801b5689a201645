# The programs of ring 3: the root task and the monitor.

tasks: $(BUILD)/root.elf $(BUILD)/monitor.elf ## build the ring-3 programs, BUILD/root.elf and BUILD/monitor.elf

ROOT_FOLDERS := vmm/root vmm/passport vmm/lib
MONITOR_FOLDERS := vmm/monitor vmm/state vmm/device vmm/emulate vmm/nested vmm/lab vmm/entry vmm/lib

TASK_CFLAGS := $(NEWLIB_CFLAGS) -fno-omit-frame-pointer

# Monitors do without SSE of their own accord: the first use of the FPU after an exit is a trap (kernel/cpu/context.h).
$(eval $(call compile,task,$(TASK_CFLAGS),-f elf64,$(NEWLIB_STAMP)))
$(eval $(call compile,monitor,$(TASK_CFLAGS) -mgeneral-regs-only,-f elf64,$(NEWLIB_STAMP)))

# $(call task,NAME,KIND,FOLDERS)
task = $(call link,$(BUILD)/$(1).elf,$(call objects,$(2),$(call sources,$(3))),vmm/lib/task.ld,,\
    $(NEWLIB_LIBRARIES),$(NEWLIB_STAMP))

$(eval $(call task,root,task,$(ROOT_FOLDERS)))
$(eval $(call task,monitor,monitor,$(MONITOR_FOLDERS)))
