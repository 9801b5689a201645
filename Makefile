# Nestor's front door: `make help` lists what it can do.
#
# BUILD=DIR puts everything elsewhere, V=1 shows the commands, CONFIG=FILE names the machine that `make run` boots, TESTS=GLOB
# the feature tests that it runs instead, SHUFFLE=SEED their order, N=20 tells `make soak` how often, IFACE=NAME and
# RANGE=FROM,TO `make serve` where.
# Sources are found by folder: adding a file needs no edit here.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

BUILD ?= build
ifneq ($(words $(CURDIR)$(BUILD)),1)
$(error make takes a blank for the end of a name, and there is one in "$(CURDIR)" or in BUILD, "$(BUILD)")
endif
# One name for one folder, however it was called: object lists that differ in it would link everything again.
override BUILD := $(patsubst $(CURDIR)/%,%,$(abspath $(BUILD)))
CONFIG ?= config/default.conf
N ?= 20
V ?= 0

CC := gcc
LD := ld
NM := nm
NASM := nasm

export LC_ALL := C

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),@:,@printf '%-4s %s\n' $(1) $(2))

# All C and NASM sources below some folders (missing ones count as empty), and their objects for one kind of program.
sources = $(if $(wildcard $(1)),$(shell find $(wildcard $(1)) \( -name '*.c' -o -name '*.asm' \) ! -name '.*' | sort))
objects = $(patsubst %,$(BUILD)/$(1)/%.o,$(2))

all: kernel tasks guests tests ## build everything (the default)

include tools/compile.mk
include tools/kernel.mk
include tools/newlib.mk
include tools/tasks.mk
include tools/guests.mk
include tools/tests.mk
include tools/features.mk
include tools/bench.mk
include tools/results.mk

-include $(patsubst %.o,%.d,$(filter %.o,$(ALL_OBJECTS)))

# ---- Machines: each target first sees to it that all packages are there, then that everything is built -------------

built = +$(Q)tools/setup && $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
tool = $(Q)BUILD='$(abspath $(BUILD))'

run: ## boot CONFIG, or the feature tests that TESTS names, in QEMU (with KVM where it can nest, else TCG)
	$(built) kernel tasks guests $(CHOSEN)
	$(tool) tools/run-qemu --config '$(CONFIG)' --log '$(BUILD)/run.log'

# Thousands of results would wait for Bochs's serial line most of the time.
run-bochs: ## boot CONFIG, or the feature tests that TESTS names, in Bochs (VMX)
	$(built) kernel tasks guests $(CHOSEN)
	$(tool) tools/run-bochs --config '$(CONFIG)' $(if $(TESTS),--debug-port) --log '$(BUILD)/run.log'

iso: ## make BUILD/nestor.iso for BIOS and UEFI, CD and stick: a menu of machines, with CONFIG as the default
	$(built) kernel tasks guests $(CHOSEN)
	$(tool) tools/make-iso --menu --config '$(CONFIG)' '$(BUILD)/nestor.iso'

pxe: ## make BUILD/pxe, a folder to boot from over the network, and print what a DHCP server has to say
	$(built) kernel tasks guests $(CHOSEN)
	$(tool) tools/make-pxe --config '$(CONFIG)' '$(BUILD)/pxe'
	$(tool) tools/make-pxe --dhcp

serve: ## serve BUILD/pxe on the network of IFACE, beside its DHCP server, or instead of one with RANGE=FROM,TO
	$(built) kernel tasks guests $(CHOSEN)
	$(tool) tools/make-pxe --config '$(CONFIG)' '$(BUILD)/pxe'
	$(tool) tools/serve-pxe --interface '$(IFACE)' --range '$(RANGE)' '$(BUILD)/pxe'

dist: ## make BUILD/nestor-VERSION.tar.xz: the image, the PXE folder, machine descriptions, documentation, checksums
	$(built) kernel tasks guests
	$(tool) tools/make-dist

debug: ## boot CONFIG in QEMU, stopped, with gdb on it, which knows VMs, vCPUs, queues and the VMCB
	$(built) kernel tasks guests $(CHOSEN)
	$(tool) tools/debug-qemu --config '$(CONFIG)'

debug-bochs: ## boot CONFIG in Bochs's own debugger, with symbols; it stops at a panic
	$(built) kernel tasks guests
	$(tool) tools/run-bochs --config '$(CONFIG)' --debugger

check: ## build everything and run all tests; ends in "N passed, N failed"
	$(Q)mkdir -p '$(BUILD)' && echo "set-up $$(date +%s.%N)" >'$(BUILD)/check.times'
	$(Q)tools/setup --tests && echo "build $$(date +%s.%N)" >>'$(BUILD)/check.times'
	$(built) all
	$(tool) tools/run-tests --times '$(BUILD)/check.times' --failed '$(BUILD)/failed' $(SYSTEM_TESTS) $(HOST_TESTS)

soak: ## run CONFIG N times (20) in each emulator, with 1 and with 4 CPUs, and count the passes
	$(built) kernel tasks guests
	$(Q)export BUILD='$(abspath $(BUILD))'; status=0; for machine in 'run-qemu --tcg' run-bochs; do for cpus in 1 4; do \
	    tools/repeat $(N) tools/$$machine --cpus $$cpus --config '$(CONFIG)' || status=1; done; done; exit $$status

endure: ## hostile guests with 1000000 hypercalls, and 10000 moves of each vCPU: an hour or so
	$(built) kernel tasks guests
	$(tool) NESTOR_WHOLE=1 tools/run-tests tests/hostile.t tests/migration.t

profile: ## write config/profiles/NAME.conf, the passport of the machine that printed LOG
	$(Q)case '$(NAME)' in '' | *[!a-z0-9-]*) echo 'make profile LOG=run.log NAME=x: NAME wants a-z, 0-9 and -' >&2; exit 2 ;; esac
	$(Q)[ -n '$(LOG)' ] || { echo 'make profile LOG=run.log NAME=x: LOG wants the log of a machine' >&2; exit 2; }
	$(Q)tools/passport --write 'config/profiles/$(NAME).conf' '$(LOG)'

mutants: ## break Nestor on purpose, one mistake at a time: the feature tests must see each (minutes)
	$(built) all
	$(tool) tools/mutants

check-includes: ## fail on an include that points up the stairs of the tree
	$(Q)tools/check-includes

abi-doc: ## write the tables of docs/abi.md out of config/abi.h
	$(Q)tools/abi-doc

size: kernel ## print the bytes of the kernel's sections
	$(Q)size -A -d $(BUILD)/nestor.elf | awk '/^\.debug|^\.comment/ { next } { print } \
	    $$1 ~ /^\.text/ { text += $$2 } END { print "text: " text " bytes" }'

setup: ## install the Debian packages that are missing, those for `make check` too
	$(Q)tools/setup --tests

clean: ## remove BUILD
	$(Q)rm -rf '$(BUILD)'

distclean: clean ## remove BUILD and the cache of newlib builds
	$(Q)tools/build-newlib --clean

help: ## list the targets
	$(Q)awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(BUILD_FILES) | sort

.PHONY: $(shell sed -nE 's/^([a-z-]+):.*## .*/\1/p' $(BUILD_FILES)) FORCE
FORCE:
