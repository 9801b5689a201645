# The kernel: linked twice, because the table of its symbols is part of it.

KERNEL := $(BUILD)/nestor.elf
KERNEL_SOURCES := $(call sources,lib drivers mm sched kernel)
KERNEL_CFLAGS := $(BARE_CFLAGS) -isystem $(GCC_INCLUDE) -mcmodel=kernel -mgeneral-regs-only \
    -mpreferred-stack-boundary=3

# Files with a way that `make bench` measures, and vmx/fields.c, of which labs read dozens of fields at a time, are built for
# speed, all others for size, which makes a tenth of the kernel. The first have no frame pointers: a back trace leaves out
# those who called them. No register wants a stack aligned to 16.
KERNEL_FAST := \
    $(addprefix kernel/vmx/,exits.c exit_path.c fields.c inject.c vcpu.c) $(addprefix kernel/svm/,asid.c exits.c inject.c vcpu.c) \
    $(addprefix kernel/vm/,cpuid.c handlers.c hypercall.c memory.c thread.c vcpu.c) \
    $(addprefix kernel/ipc/,calls.c queue.c transfer.c wait.c) $(addprefix kernel/syscall/,table.c vcpu_calls.c) \
    $(addprefix kernel/cpu/,context.c timer.c trap.c user.c) \
    $(call sources,mm/table sched) mm/account.c mm/buddy.c drivers/lapic.c lib/heap.c

# $(call kernel-speed,KIND): what is so about the objects of a kernel.
define kernel-speed
$(addprefix $(BUILD)/$(1)/,$(addsuffix .o,$(KERNEL_SOURCES))): OPTIMIZE := -Os -fno-omit-frame-pointer
$(addprefix $(BUILD)/$(1)/,$(addsuffix .o,$(KERNEL_FAST))): OPTIMIZE := -O2 -fomit-frame-pointer
endef

kernel: $(KERNEL) ## build the kernel, BUILD/nestor.elf

# $(call kernel,IMAGE,OBJECTS[,LD FLAGS]): a rule for a kernel.
#
# The first link has an empty table; the tool fails if filling it has moved a function. Its name is given without a
# folder, so that BUILD does not show in the kernel.
define kernel
$(1): $(2) $(1).list kernel/kernel.ld tools/symbols $(BUILD_FILES)
	$$(call say,LD,$$@)
	$(Q)tools/symbols --empty >$$(@D)/no_symbols.asm
	$(Q)cd $$(@D) && $(NASM) --reproducible -Werror -f elf64 -o no_symbols.o no_symbols.asm
	$(Q)$(LD) $(LDFLAGS) $(3) -T kernel/kernel.ld $(2) $$(@D)/no_symbols.o -o $$(@:.elf=.first.elf)
	$(Q)tools/symbols $$(@:.elf=.first.elf) >$$(@D)/symbols.asm
	$(Q)cd $$(@D) && $(NASM) --reproducible -Werror -f elf64 -o symbols.o symbols.asm
	$(Q)$(LD) $(LDFLAGS) $(3) -T kernel/kernel.ld $(2) $$(@D)/symbols.o -o $$@
	$(Q)tools/symbols --compare $$(@:.elf=.first.elf) $$@

$(call list,$(1),$(2))
ALL_OBJECTS += $(2)
endef

# The font of the framebuffer console, out of one of GRUB's.
GRUB_FONT := /usr/share/grub/unicode.pf2
FONT := $(BUILD)/font/font.c.o

$(BUILD)/font/font.c: tools/make-font $(BUILD_FILES)
	$(call say,FONT,$@)
	$(Q)mkdir -p $(@D)
	$(Q)tools/make-font $(GRUB_FONT) >$@

$(FONT): $(BUILD)/font/font.c
	$(call say,CC,$<)
	$(Q)$(CC) $(KERNEL_CFLAGS) -c -o $@ $<

$(eval $(call compile,kernel,$(KERNEL_CFLAGS),-f elf64))
$(eval $(call kernel-speed,kernel))
$(eval $(call kernel,$(KERNEL),$(call objects,kernel,$(KERNEL_SOURCES)) $(FONT)))
