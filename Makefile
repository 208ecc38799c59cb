# SPDX-License-Identifier: GPL-2.0
# What a person types. What the kernel's build reads is in Kbuild.

SHELL := /bin/bash
.DEFAULT_GOAL := all
MAKEFLAGS += --no-print-directory

# Which kernel: KVER= names one of the distribution's, KDIR= a build tree or
# headers, KERNEL= an image. None of them: the distribution's own.
kernel = scripts/kernel $(if $(KDIR),--build '$(KDIR)') $(if $(KERNEL),--image '$(KERNEL)') $(KVER)

# The demonstration.
DELAY ?= 3
CODE ?= 42

# The kernels of make test-kernels.
KERNELS ?= default cloud rt
MACHINES ?= pc

# What make test leaves to these: see 'slow' in tests/, and tests/endurance.bats.
test-all test-debug: export LOADS ?= 1000
test-all test-debug: export ROUNDS ?= 20000

# A recipe's beginning; what to run follows.
run_tests = KERNEL_DIR=$$($(kernel)) && export KERNEL_DIR && \
	echo "\# kernel $$(<"$$KERNEL_DIR/release")" && scripts/run-tests

# What the kernel's own build would take from the environment or the command
# line reaches it from there: V= W= C= LLVM=.

.PHONY: all module qemu-run examples run shell test test-all test-kernels test-distributions
.PHONY: test-debug test-mutants test-packages check bench install modules_install deb
.PHONY: clean distclean help setup-run setup-test setup-all setup-check setup-bench setup-debug setup-deb setup-packages

all: module qemu-run ## build qemu_poweroff.ko for the kernel chosen, and qemu-run

module: setup-run ## build qemu_poweroff.ko alone
	@kernel=$$($(kernel)) && directory=$$(scripts/module -k "$$kernel") && \
		echo "built $${directory#$(CURDIR)/}/qemu_poweroff.ko"

qemu-run: setup-run ## build qemu-run alone
	@$(MAKE) -C tools/qemu-run

examples: setup-run ## build the examples for the kernel chosen
	@kernel=$$($(kernel)) && for kbuild in examples/*/Kbuild; do \
		example=$${kbuild%/Kbuild} && \
		directory=$$(scripts/module -k "$$kernel" -s "$$example") && \
		echo "built $${directory#$(CURDIR)/}/$${example#examples/}.ko" || exit; done

run: setup-run $(if $(EXAMPLE),qemu-run) ## show the driver at work in a guest: DELAY=3 CODE=42, or EXAMPLE=hello
ifdef EXAMPLE
	@scripts/example -k "$$($(kernel))" '$(EXAMPLE)'
else
	@scripts/demo -d '$(DELAY)' -c '$(CODE)' -k "$$($(kernel))"
endif

shell: setup-run ## a shell in a guest, with the driver at hand
	@kernel=$$($(kernel)) && directory=$$(scripts/module -k "$$kernel") || exit; \
		status=0; scripts/vm -k "$$kernel" -m "$$directory/qemu_poweroff.ko" || status=$$?; \
		((status % 2 && status != 125)) || exit $$status; \
		echo "QEMU status $$status: the driver ended the machine with code $$((status >> 1))"

test: setup-run setup-test $(if $(filter %sanitizers.bats %recipes.bats %own-kernel.bats,$(TESTS)),setup-all) $(if $(filter %own-kernel.bats,$(TESTS)),setup-debug) qemu-run ## prove it, a fresh guest a scenario, in a few minutes
	@$(run_tests) $(or $(TESTS),-t '!slow' tests)

test-all: setup-run setup-test setup-all setup-debug qemu-run ## the same, with sanitizers, fuzzers, and races by the thousand
	@$(run_tests) $(or $(TESTS),tests)

test-kernels: setup-run setup-test qemu-run ## the same on each of KERNELS and MACHINES, with a table at the end
	@scripts/test-kernels $(MACHINES:%=-m %) $(SUITES:%=-s %) $(KERNELS)

test-distributions: setup-packages ## make run and the main suites in fresh Debian 12, 13 and unstable, as root: RELEASES
	@scripts/test-distributions $(SUITES:%=-s %) $(RELEASES)

test-debug: setup-run setup-test setup-all setup-debug $(if $(LLVM),setup-check) qemu-run ## prove it on a kernel that watches, built once: KASAN, lockdep, kmemleak
	@KERNEL_DIR=$$(scripts/debug-kernel $(if $(WATCH),-w $(WATCH)) $(if $(LLVM),-l) $(KVER)) && export KERNEL_DIR && \
		echo "# kernel $$(<"$$KERNEL_DIR/release")" && \
		scripts/run-tests $(or $(TESTS),tests/debug tests)

test-mutants: setup-run setup-test setup-all ## put in the faults of tests/mutants: the tests are to see them (an hour): MUTANTS=facts.c
	@scripts/test-mutants -k "$$($(kernel))" $(MUTANTS)

test-packages: setup-packages ## install the packages in fresh Debian 12 and 13, use and remove them (as root)
	@scripts/test-packages $(RELEASES)

check: setup-run setup-check ## look at the code: sparse, checkpatch, kernel-doc, shellcheck, objdump
	@scripts/check -k "$$($(kernel))"

# Named after the kernel: qemu-run-6.1.csv, qemu-run-6.12-rt.csv.
bench: setup-run setup-bench qemu-run ## measure, and write bench/results/
	@mkdir -p bench/results; kernel=$$($(kernel)) && \
		name=$$(sed -E 's/^([0-9]+\.[0-9]+)([^-]*(-[0-9]+)?(-rt|-cloud))?.*/\1\4/' "$$kernel/release") && \
		for bench in $(or $(BENCHES),bench/qemu-run bench/root bench/image bench/deadline bench/e1000); do \
			$$bench -k "$$kernel" -o "bench/results/$${bench##*/}-$$name.csv" || exit; done

install: qemu-run ## install qemu-run and the manual pages: PREFIX, DESTDIR
	@$(MAKE) -C tools/qemu-run install

modules_install: module ## install the module: INSTALL_MOD_PATH
	@scripts/module -k "$$($(kernel))" modules_install \
		$(if $(INSTALL_MOD_PATH),INSTALL_MOD_PATH='$(abspath $(INSTALL_MOD_PATH))') >/dev/null

deb: setup-deb ## build the Debian packages qemu-run and qemu-poweroff-dkms, into build/deb
	@rm -rf build/deb && mkdir -p build/deb/qemu-poweroff
	@tar -c --exclude-vcs --exclude=./build . | tar -x -C build/deb/qemu-poweroff
	@cd build/deb/qemu-poweroff && dpkg-buildpackage --build=binary --no-sign
	@rm -r build/deb/qemu-poweroff; ls build/deb/*.deb

clean: ## remove what was built, keep the kernels
	rm -rf build/modules build/check build/accel build/obj build/man build/deb build/packages build/qemu-run build/qemu-run-init build/tsc-khz \
		build/test-cache build/asan build/fuzz-guest build/corpus build/mutants build/test-times build/answers build/bench.*

distclean: ## remove those, too: the next run fetches the newest
	rm -rf build

help: ## this list
	@echo 'Targets:'
	@sed -nE 's/^([a-z_-]+):.*## (.*)/  \1\t\2/p' Makefile | expand -t 22
	@echo
	@echo 'Which kernel (default: what the distribution installs; make fetches it):'
	@echo '  KVER=             one of the distribution: 6.1, 6.12, cloud, 6.12-rt, 6.1.0-56-amd64'
	@echo '  KDIR=             a build tree, or headers'
	@echo '  KERNEL=           an image: bzImage or vmlinux'
	@echo
	@echo 'As in the kernel'"'"'s own build: V=1 W=1 C=1 LLVM=1 INSTALL_MOD_PATH='
	@echo 'make test-debug takes KVER=6.1 or 6.12, WATCH=kcsan for data races, LLVM=1.'
	@echo 'TESTS=tests/driver.bats narrows make test, test-all and test-debug, BENCHES=bench/deadline bench.'
	@echo 'SUITES=driver narrows test-kernels, KERNELS="6.1 rt" and MACHINES="pc q35" say where.'
	@echo 'RELEASES="trixie sid" narrows test-distributions, and SUITES= does.'
	@echo 'LOADS=200 ROUNDS=2000 SEED= are for the endurance; MACHINE= is for make test: pc, q35,'
	@echo 'microvm; ACCEL=kvm or tcg settles the accelerator, QEMU= takes another QEMU.'

# These install what they need, and say so. All others name what is missing; SETUP=:
# has them not look, for who builds a package and knows.
run shell test test-all test-kernels test-distributions test-debug test-mutants test-packages check bench: SETUP := scripts/setup
SETUP ?= scripts/setup --check

setup-run setup-test setup-all setup-check setup-bench setup-debug setup-deb setup-packages:
	@$(SETUP) $(@:setup-%=%)
