# The programs of ring 3: the root task and the monitor.

tasks: $(BUILD)/root.elf $(BUILD)/monitor.elf ## build the ring-3 programs, BUILD/root.elf and BUILD/monitor.elf

ROOT_FOLDERS := vmm/root vmm/lib
MONITOR_FOLDERS := vmm/monitor vmm/state vmm/device vmm/emulate vmm/nested vmm/lab vmm/entry vmm/lib

TASK_CFLAGS := $(NEWLIB_CFLAGS) -fno-omit-frame-pointer

$(eval $(call compile,task,$(TASK_CFLAGS),-f elf64,$(NEWLIB_STAMP)))

# $(call task,NAME,FOLDERS)
task = $(call link,$(BUILD)/$(1).elf,$(call objects,task,$(call sources,$(2))),vmm/lib/task.ld,,\
    $(NEWLIB_LIBRARIES),$(NEWLIB_STAMP))

$(eval $(call task,root,$(ROOT_FOLDERS)))
$(eval $(call task,monitor,$(MONITOR_FOLDERS)))
