# The kernel: linked twice, because the table of its symbols is part of it.

KERNEL := $(BUILD)/nestor.elf
KERNEL_OBJECTS := $(call objects,kernel,$(call sources,lib drivers mm sched kernel))
ALL_OBJECTS += $(KERNEL_OBJECTS)

KERNEL_CFLAGS := $(BARE_CFLAGS) -isystem $(GCC_INCLUDE) -mcmodel=kernel -mgeneral-regs-only -fno-omit-frame-pointer
KERNEL_LINK = $(LD) $(LDFLAGS) -T kernel/kernel.ld $(KERNEL_OBJECTS)

kernel: $(KERNEL) ## build the kernel, BUILD/nestor.elf

$(eval $(call compile,kernel,$(KERNEL_CFLAGS),-f elf64))
$(eval $(call list,$(KERNEL),$(KERNEL_OBJECTS)))

# The first link has an empty table; the tool fails if filling it has moved a function. Its name is given without a
# folder, so that BUILD does not show in the kernel.
$(KERNEL): $(KERNEL_OBJECTS) $(KERNEL).list kernel/kernel.ld tools/symbols $(BUILD_FILES)
	$(call say,LD,$@)
	$(Q)tools/symbols --empty >$(BUILD)/no_symbols.asm
	$(Q)cd $(BUILD) && $(NASM) --reproducible -Werror -f elf64 -o no_symbols.o no_symbols.asm
	$(Q)$(KERNEL_LINK) $(BUILD)/no_symbols.o -o $(BUILD)/nestor.first.elf
	$(Q)tools/symbols $(BUILD)/nestor.first.elf >$(BUILD)/symbols.asm
	$(Q)cd $(BUILD) && $(NASM) --reproducible -Werror -f elf64 -o symbols.o symbols.asm
	$(Q)$(KERNEL_LINK) $(BUILD)/symbols.o -o $@
	$(Q)tools/symbols --compare $(BUILD)/nestor.first.elf $@
