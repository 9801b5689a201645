# Guest images. A guest is a file guests/demo/NAME.c or .asm, or a folder guests/demo/NAME of several. The first line of
# its main file names its kind:
#   newlib64   64-bit C with newlib and guests/lib (common, x64)   -> BUILD/guests/NAME.elf
#   bare32     32-bit freestanding C with guests/lib (common, x32) -> BUILD/guests/NAME.elf
#   flat16     one NASM file without a library                     -> BUILD/guests/NAME.bin
# as in `/* guest: newlib64 */` or `; guest: flat16`.

GUEST_KINDS := newlib64 bare32 flat16
GUEST_SOURCES := $(sort $(wildcard guests/demo/*.c guests/demo/*.asm guests/demo/*/*.c guests/demo/*/*.asm))

# Words of the form KIND:FILE, one for each main file.
GUEST_MAINS := $(if $(GUEST_SOURCES),$(shell awk 'FNR == 1 && match($$0, /guest: *[a-z0-9]+/) \
    { kind = substr($$0, RSTART + 6, RLENGTH - 6); sub(/^ */, "", kind); print kind ":" FILENAME }' $(GUEST_SOURCES)))

guest_kind = $(firstword $(subst :, ,$(1)))
guest_file = $(lastword $(subst :, ,$(1)))
# The folder of a guest that has one of its own, else nothing; its name; all its sources.
guest_folder = $(filter-out guests/demo,$(patsubst %/,%,$(dir $(call guest_file,$(1)))))
guest_name = $(or $(notdir $(call guest_folder,$(1))),$(basename $(notdir $(call guest_file,$(1)))))
guest_sources = $(or $(if $(call guest_folder,$(1)),$(filter $(call guest_folder,$(1))/%,$(GUEST_SOURCES))),\
    $(call guest_file,$(1)))

# Sources of no kind, or of an unknown one, are an error only for who builds guests.
guest-check:
	@:$(foreach m,$(GUEST_MAINS),$(if $(filter $(GUEST_KINDS),$(call guest_kind,$(m))),,\
	    $(error $(call guest_file,$(m)):1: unknown kind of guest "$(call guest_kind,$(m))", not one of: $(GUEST_KINDS))))
	@:$(foreach s,$(filter-out $(foreach m,$(GUEST_MAINS),$(call guest_sources,$(m))),$(GUEST_SOURCES)),\
	    $(error $(s):1: belongs to no guest: no first line says "guest: KIND", one of: $(GUEST_KINDS)))

.PHONY: guest-check

GUEST64_LIBRARY := $(call objects,guest64,$(call sources,guests/lib/common guests/lib/x64))
GUEST32_LIBRARY := $(call objects,guest32,$(call sources,guests/lib/common guests/lib/x32))

GUEST32_CFLAGS := $(filter-out -mno-red-zone,$(BARE_CFLAGS)) -isystem $(GCC_INCLUDE) -m32 -march=i686 \
    -mgeneral-regs-only

$(eval $(call compile,guest64,$(NEWLIB_CFLAGS),-f elf64,$(NEWLIB_STAMP)))
$(eval $(call compile,guest32,$(GUEST32_CFLAGS),-f elf32))

# A guest may have its code and its data in one segment. One rule a kind: $(call guest-KIND,NAME,SOURCES)
guest-newlib64 = $(call link,$(BUILD)/guests/$(1).elf,$(call objects,guest64,$(2)) $(GUEST64_LIBRARY),\
    guests/lib/guest64.ld,--no-warn-rwx-segments,$(NEWLIB_LIBRARIES),$(NEWLIB_STAMP))
guest-bare32 = $(call link,$(BUILD)/guests/$(1).elf,$(call objects,guest32,$(2)) $(GUEST32_LIBRARY),\
    guests/lib/guest32.ld,-m elf_i386 --no-warn-rwx-segments,)

define guest-flat16
$(BUILD)/guests/$(1).bin: $(2) $(BUILD_FILES)
	$$(call say,NASM,$$<)
	$(Q)mkdir -p $$(@D)
	$(Q)$(NASM) $(NASM_FLAGS) -f bin -MD $$@.d -MP -MT $$@ -o $$@ $$<
-include $(BUILD)/guests/$(1).bin.d
endef

guest_image = $(BUILD)/guests/$(call guest_name,$(1)).$(if $(filter flat16,$(call guest_kind,$(1))),bin,elf)

GUEST_IMAGES := $(foreach m,$(GUEST_MAINS),$(call guest_image,$(m)))

$(foreach m,$(GUEST_MAINS),\
    $(eval $(call guest-$(call guest_kind,$(m)),$(call guest_name,$(m)),$(call guest_sources,$(m)))))

# Feature tests: an image is a folder of them, with the libraries and the rules of a VM entry. Nothing in it uses SSE
# registers or the FPU, so that tests may forbid them.
FEATURE_FOLDERS := $(wildcard guests/tests guests/selftest)
FEATURE_LIBRARY := $(call sources,guests/lib/common guests/lib/x64 guests/lib/lab guests/lib/feature vmm/entry)

$(eval $(call compile,feature,$(NEWLIB_CFLAGS) -mgeneral-regs-only,-f elf64,$(NEWLIB_STAMP)))

feature_image = $(BUILD)/guests/$(notdir $(1)).elf
$(foreach f,$(FEATURE_FOLDERS),$(eval $(call link,$(call feature_image,$(f)),\
    $(call objects,feature,$(call sources,$(f)) $(FEATURE_LIBRARY)),\
    guests/lib/guest64.ld,--no-warn-rwx-segments,$(NEWLIB_LIBRARIES),$(NEWLIB_STAMP))))

GUEST_IMAGES += $(foreach f,$(FEATURE_FOLDERS),$(call feature_image,$(f)))

guests: guest-check $(GUEST_IMAGES) ## build the guest images, BUILD/guests/*
