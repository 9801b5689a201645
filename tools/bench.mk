# `make bench`: what Nestor costs. BUILD/bench is a build of its own as far as the kernel goes: that one counts its VMREADs
# and VMWRITEs, by headers that come before the kernel's and by a function that the linker puts before another.

BENCH_KERNEL := $(BUILD)/bench/nestor.elf
BENCH_SOURCES := $(KERNEL_SOURCES) $(call sources,tools/bench-kernel)

$(eval $(call compile,bench/kernel,-iquote tools/bench-kernel $(KERNEL_CFLAGS),-f elf64))
$(eval $(call kernel-speed,bench/kernel))
$(eval $(call kernel,$(BENCH_KERNEL),$(call objects,bench/kernel,$(BENCH_SOURCES)) $(FONT),--wrap=vcpu_handle_hypercall))

# Where BUILD/bench has no image of its own, it has that of BUILD.
bench-build: $(BENCH_KERNEL) kernel tasks guests
	$(Q)ln -sfn ../root.elf ../monitor.elf ../guests $(BUILD)/bench

bench: ## measure what Nestor costs, in instructions; writes BUILD/bench.json
	$(built) bench-build
	$(tool) tools/bench

.PHONY: bench-build bench
