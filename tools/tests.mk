# Tests. tests/NAME_test.c runs on the host, under ASan and UBSan, linked with the sources that its first line names:
# `/* sources: mm/buddy.c mm/account.c */`. tests/*.t are scripts that boot images in emulators, or try the tools.

HOST_TEST_SOURCES := $(sort $(wildcard tests/*_test.c))
HOST_TESTS := $(HOST_TEST_SOURCES:tests/%.c=$(BUILD)/tests/%)
# The longest first: begun last, one of them would run alone at the end.
LONG_TESTS := tests/families_vmx.t tests/families_svm.t tests/hostile.t tests/sheets.t
SYSTEM_TESTS := $(LONG_TESTS) $(filter-out $(LONG_TESTS),$(sort $(wildcard tests/*.t)))

# Tools that are made in the same way.
CHECK_CONFIG := $(BUILD)/check-config
WHY_ENTRY := $(BUILD)/why-entry

HOST_CFLAGS := $(COMMON_CFLAGS) $(POSIX) -O1 -fno-omit-frame-pointer \
    -fsanitize=address,undefined -fno-sanitize-recover=all

tests: $(HOST_TESTS) $(CHECK_CONFIG) $(WHY_ENTRY) ## build the host tests, BUILD/tests/*, and the tools in C

check-config: $(CHECK_CONFIG) ## check CONFIG without booting it
	$(Q)$(CHECK_CONFIG) '$(CONFIG)'

.PHONY: check-config

$(eval $(call compile,host,$(HOST_CFLAGS),-f elf64))

# The sources that a first line names; a folder stands for all that is below it.
host_sources = $(1) $(foreach s,$(shell sed -n '1s,^/\* *sources: *\(.*[^ ]\) *\*/.*,\1,p' $(1)),\
    $(if $(filter %.c,$(s)),$(s),$(call sources,$(s))))

# $(call host_program,PROGRAM,OBJECTS)
define host_program
$(1): $(2) $(1).list
	$$(call say,LD,$$@)
	$(Q)mkdir -p $$(@D)
	$(Q)$(CC) $(HOST_CFLAGS) -o $$@ $(2)

$(call list,$(1),$(2))
ALL_OBJECTS += $(2)
endef

$(foreach s,$(HOST_TEST_SOURCES),\
    $(eval $(call host_program,$(s:tests/%.c=$(BUILD)/tests/%),$(call objects,host,$(call host_sources,$(s))))))
$(eval $(call host_program,$(CHECK_CONFIG),$(call objects,host,$(call host_sources,tools/check-config.c))))
$(eval $(call host_program,$(WHY_ENTRY),$(call objects,host,$(call host_sources,tools/why-entry.c))))
