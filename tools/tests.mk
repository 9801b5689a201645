# Tests. tests/NAME_test.c runs on the host, under ASan and UBSan, linked with the sources that its first line names:
# `/* sources: mm/buddy.c mm/account.c */`. tests/*.t are scripts that boot images in emulators, or try the tools.

HOST_TEST_SOURCES := $(sort $(wildcard tests/*_test.c))
HOST_TESTS := $(HOST_TEST_SOURCES:tests/%.c=$(BUILD)/tests/%)
SYSTEM_TESTS := $(sort $(wildcard tests/*.t))

HOST_CFLAGS := $(COMMON_CFLAGS) $(POSIX) -O1 -fno-omit-frame-pointer \
    -fsanitize=address,undefined -fno-sanitize-recover=all

tests: $(HOST_TESTS) ## build the host tests, BUILD/tests/*

$(eval $(call compile,host,$(HOST_CFLAGS),-f elf64))

host_test_sources = $(1) $(shell sed -n '1s,^/\* *sources: *\(.*[^ ]\) *\*/.*,\1,p' $(1))

# $(call host_test,PROGRAM,OBJECTS)
define host_test
$(1): $(2) $(1).list
	$$(call say,LD,$$@)
	$(Q)mkdir -p $$(@D)
	$(Q)$(CC) $(HOST_CFLAGS) -o $$@ $(2)

$(call list,$(1),$(2))
ALL_OBJECTS += $(2)
endef

$(foreach s,$(HOST_TEST_SOURCES),\
    $(eval $(call host_test,$(s:tests/%.c=$(BUILD)/tests/%),$(call objects,host,$(call host_test_sources,$(s))))))
