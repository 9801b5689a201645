# Feature tests: lists of them, made by linking the guests' sources for the host, and skeletons of new ones.

# What below the tests runs on no host: the stubs are in tools/list-tests.c.
FEATURE_HOST_SOURCES := tools/list-tests.c $(filter-out guests/lib/feature/run.c guests/lib/common/hypercall.c \
    guests/lib/x64/start.c guests/lib/x64/syscalls.c,$(FEATURE_LIBRARY))
FEATURE_HOST_CFLAGS := $(COMMON_CFLAGS) $(POSIX) -O1 -fno-pic -fno-pie -fno-stack-protector

$(eval $(call compile,list,$(FEATURE_HOST_CFLAGS),-f elf64))

# $(call list_tests,PROGRAM,FOLDER)
define list_tests
$(1): $(call objects,list,$(FEATURE_HOST_SOURCES) $(call sources,$(2))) $(1).list
	$$(call say,LD,$$@)
	$(Q)mkdir -p $$(@D)
	$(Q)$(CC) $(FEATURE_HOST_CFLAGS) -no-pie -z noexecstack -o $$@ $(call objects,list,$(FEATURE_HOST_SOURCES) $(call sources,$(2)))

$(call list,$(1),$(call objects,list,$(FEATURE_HOST_SOURCES) $(call sources,$(2))))
ALL_OBJECTS += $(call objects,list,$(FEATURE_HOST_SOURCES) $(call sources,$(2)))
endef

LIST_TESTS := $(BUILD)/list-tests

$(foreach f,$(FEATURE_FOLDERS),$(eval $(call list_tests,$(BUILD)/list-$(notdir $(f)),$(f))))

tests: $(FEATURE_FOLDERS:guests/%=$(BUILD)/list-%)

# The machine that TESTS chooses.
TESTS_CONF := $(BUILD)/tests.conf
CHOSEN := $(if $(TESTS),$(TESTS_CONF))
ifneq ($(TESTS),)
CONFIG := $(TESTS_CONF)
endif

$(TESTS_CONF): $(LIST_TESTS) FORCE
	$(Q)tools/tests-config $(LIST_TESTS) '$(TESTS)' '$(SHUFFLE)' >$@

list: $(LIST_TESTS) ## print all feature test rows, or those of TESTS: id, needs, manual section, description
	$(Q)$(LIST_TESTS) $(if $(TESTS),'$(TESTS)')

new-test: ## write guests/tests/FAMILY.c with a feature test NAME, FAMILY_...
	$(Q)tools/new-test '$(NAME)'

tests-conf: $(LIST_TESTS) ## write config/tests.conf, which has a VM for each family of feature tests
	$(Q)tools/tests-config $(LIST_TESTS) >$(BUILD)/all-tests.conf
	$(Q)mv $(BUILD)/all-tests.conf config/tests.conf

.PHONY: list new-test tests-conf
