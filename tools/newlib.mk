# The C library of root, monitors and 64-bit guests: BUILD/newlib is a link to a folder of a cache of newlib builds.

NEWLIB := $(BUILD)/newlib
NEWLIB_STAMP := $(BUILD)/newlib.stamp
NEWLIB_LIBRARIES := $(NEWLIB)/lib/libc.a $(NEWLIB)/lib/libm.a $(LIBGCC)

NEWLIB_CFLAGS := $(BARE_CFLAGS) $(POSIX) -U__linux__ -Ulinux -U__unix__ -Uunix -isystem $(NEWLIB)/include \
    -isystem $(GCC_INCLUDE)

newlib: $(NEWLIB_STAMP) ## build newlib, if the cache does not have it

# The cache may have been emptied since.
$(NEWLIB_STAMP): tools/build-newlib tools/compile-newlib $(if $(wildcard $(NEWLIB)/lib/libc.a),,FORCE)
	$(Q)mkdir -p $(BUILD)
	$(Q)tools/build-newlib $(NEWLIB)
	$(Q)touch $@

.PHONY: newlib
