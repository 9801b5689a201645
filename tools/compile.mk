# How one source becomes one object, and many objects one image.

# A change of these builds everything again.
BUILD_FILES := Makefile $(sort $(wildcard tools/*.mk))

GCC_INCLUDE := $(shell $(CC) -print-file-name=include 2>/dev/null)
LIBGCC := $(shell $(CC) -print-libgcc-file-name 2>/dev/null)

WARNINGS := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wshadow -Wundef -Wvla -Wpointer-arith \
    -Wwrite-strings -Wold-style-definition

# Includes are written from the top of the tree; the maps keep the places of checkout and BUILD out of the images.
COMMON_CFLAGS := -std=c17 $(WARNINGS) -iquote . -g -ffile-prefix-map='$(CURDIR)'=. -ffile-prefix-map='$(BUILD)'=build \
    -fno-strict-aliasing

# For sources with a C library below them, newlib or the host's: what POSIX adds to <string.h> and others.
POSIX := -D_POSIX_C_SOURCE=200809L

# For everything that runs on no operating system.
BARE_CFLAGS := $(COMMON_CFLAGS) -ffreestanding -nostdinc -mno-red-zone -fno-pic -fno-pie -fno-stack-protector \
    -fcf-protection=none -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections

# No debug information: NASM would write the checkout's place into it.
NASM_FLAGS := -I ./ -Werror --reproducible
LDFLAGS := -nostdlib -static -z max-page-size=4096 -z noexecstack --gc-sections --build-id=none --fatal-warnings

# An object's own OPTIMIZE, and the CFLAGS of its kind, go before this one.
OPTIMIZE := -O2

# $(call compile,KIND,CFLAGS,NASM FLAGS[,PREREQUISITE]): rules for the objects of one kind of program.
define compile
$(BUILD)/$(1)/%.c.o: %.c $(BUILD_FILES) $(4)
	$$(call say,CC,$$<)
	$(Q)mkdir -p $$(@D)
	$(Q)$(CC) $$(OPTIMIZE) $(2) -MMD -MP -MF $$(@:.o=.d) -c -o $$@ $$<

$(BUILD)/$(1)/%.asm.o: %.asm $(BUILD_FILES)
	$$(call say,NASM,$$<)
	$(Q)mkdir -p $$(@D)
	$(Q)$(NASM) $(NASM_FLAGS) $(3) -MD $$(@:.o=.d) -MP -MT $$@ -o $$@ $$<
endef

# $(call link,IMAGE,OBJECTS,LINKER SCRIPT,LD FLAGS,LIBRARIES[,PREREQUISITE]): a rule for one image.
define link
$(1): $(2) $(1).list $(3) $(BUILD_FILES) $(6)
	$$(call say,LD,$$@)
	$(Q)mkdir -p $$(@D)
	$(Q)$(LD) $(LDFLAGS) $(4) -T $(3) -o $$@ $(2) --start-group $(5) --end-group

$(call list,$(1),$(2))
ALL_OBJECTS += $(2)
endef

# $(call list,IMAGE,OBJECTS): a file of the objects' names that changes with them, so that a deleted source relinks.
define list
$(1).list: FORCE
	@mkdir -p $$(@D)
	@echo '$(2)' | cmp -s - $$@ || echo '$(2)' >$$@
endef
