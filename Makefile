# SPDX-License-Identifier: GPL-2.0-only
#
# The percpu area as an overlay for a Linux kernel source, see README.md.
# make without a target describes targets and variables.

KERNEL ?= 7.2
KSRC ?=
ARCH ?= x86_64
SMP ?=
MEM ?=
APPEND ?=
EXTRA_CONFIG ?=
BED ?=
STOCK ?=
MINUTES ?= 30
TRACES ?=
ONLY ?=
WIDE ?=
PART ?=
CONFIG ?=
STRESS ?=
DKMS ?=
KSELFTEST ?=
CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/percpu-overlay

export KERNEL KSRC ARCH SMP MEM APPEND EXTRA_CONFIG BED STOCK TRACES ONLY WIDE PART STRESS DKMS KSELFTEST CACHE

.PHONY: help run shell test test-quick test-modules test-both soak dump life compare \
	bpftrace compare-memory compare-modules compare-wrong compare-capture mutants \
	bench bench-quick figures lines profile sizes size-table layout-table \
	build-layout layout-check series series-check lint lint-docs deb debian source kernel clean

# What make prints without a target
define HELP
Build, boot, test
  make run               build a kernel, boot it under QEMU, show the allocator at work
  make shell             the same guest with a shell; poweroff leaves it
  make test              all tests on all beds of overlay/beds, but those called extra
  make test-quick        those of User Mode Linux only
  make test-modules      modules with percpu data: 200 of 4 KB, 64 of 1 MB, 32 at once
  make test-both         one bed on 7.2 and 6.12, side by side; BED=name, else x86_64
  make soak              memory pressure, hotplug, modules, cgroups, namespaces at once
  make mutants           plant bugs, and print which test catches each
  make life              suspend, hibernation, kexec, kdump, CPUs and memory that come and
                         go, with percpu objects that are checked after each; ONLY=guest;
                         after STOCK=1 make life, beside mm/percpu.c
  make dump              a dump of a guest, read by drgn and crash
  make bpftrace          the bpftrace lines of the documents, run in a guest
  make kernel            build only; print image, build tree and source
  make source            print the path of the patched kernel source
  make clean             remove build trees and logs, and keep the sources

Compare with the stock kernel
  make compare           percpu memory of 1,100 cgroups, and after their removal
  make compare-memory    Percpu: of idle guests of five sizes, and of 11,000 cgroups
  make compare-modules   modules with percpu data that load
  make compare-wrong     invalid frees and requests, and the fate of the kernel
  make compare-capture   the least memory of a capture kernel, 8 to 64 possible CPUs
  make bench             cost in guest instructions (QEMU with -icount: the same on
                         every machine) with two configs, percpu memory, and userspace
                         programs in nanoseconds
  make bench-quick       the userspace half: seconds
  make figures           take the figures of make bench into overlay/bench/figures, and
                         write them into documents, README.md and cover letters
  make profile           instructions of one row of the benchmark, by function
  make lines             cache lines that an operation moves between CPUs, and its
                         instructions; OP=exec, fork, cgroup, netns, or scsi, 9p with
                         percpu tags and without
  make sizes             sizes and lifetimes: boot, cgroups, namespaces, forks, traffic
  make size-table        text, data and BSS of vmlinux, on four architectures
  make layout-table      address space and memory of the layouts, 4 to 4,096 CPUs
  make layout-check      the same against the boot logs of guests with 64 CPUs
Tables and plots are in bench/ and sizes/ of CACHE; overlay/bench/rows says what each
row of the benchmark measures.

Check and release
  make lint              language, figures, layers, checkpatch, sparse, W=1, coccicheck, ...
  make lint-docs         make htmldocs for our pages
  make series            patches for git am, by topics
  make series-check      build and boot each patch of the series; TOPIC=names
  make deb               Debian packages of a kernel
  make debian            the same, installed into a Debian system that boots in QEMU

Variables
  KERNEL=$(KERNEL)             7.2 or 6.12: the source that is fetched
  KSRC=path              a kernel source to use instead; it is copied, never changed
  ARCH=$(ARCH)            for run, shell and kernel: x86_64, um, i386, arm64, sparc64,
                         sparc32, riscv64-nommu or another file of overlay/config
  SMP= MEM=              CPUs and memory of the guest
  APPEND=                more for its command line, as percpu_alloc=page
  EXTRA_CONFIG=file      kernel options, merged last
  BED=name               one bed for make test, also one of those called extra, such as
                         x86_64-debug (KASAN, lockdep, kmemleak), -kcsan, -kmsan, -rt
  STOCK=1                without the options of overlay/config/percpu.config: the
                         allocator of mm/percpu.c, as in the kernel as it comes
  MINUTES=$(MINUTES)             for make soak
  MUTANTS=names          for make mutants: files of overlay/mutants
  ONLY=ours|stock        for make bench: measure these guests only, keep other rows
  PART=names             for make bench: of bench (bench.config), distro (the options of
                         Debian's cloud kernel), memory, user; default all
  WIDE=1                 for make bench: also sums over 64 CPUs, 20 minutes a kernel
  TRACES=folder          recorded traces for make bench, else ../shared/traces
  ROW= CALL= RARE=       for make profile: a row of the benchmark, a function that its
                         module calls, a rare one: calls that reach it stand apart
  LOG=files              for make layout-check: consoles of guests that have booted
  CHECK=name             one check of make lint; VERBOSE=1 prints each hit. Not among the
                         default ones: CHECK=stock, without the area, objects are those
                         of the kernel as it comes; CHECK=callers, the files that use a
                         percpu interface compile with it, by allmodconfig;
                         CHECK=arch, other architectures, with a table;
                         CHECK=foreign, userspace tests on twelve, by emulators
  CONFIG=                for make deb and debian: a kernel config, as
                         overlay/release/debian/small.config, or localmodconfig;
                         for series-check: one of the kernels
  STRESS=seconds         for make debian: how long stress-ng runs in it
  DKMS=1                 for make debian: build a module by DKMS, and load it
  KSELFTEST=1            for make debian: run selftests of net, cgroup and bpf, and perf
                         bench; after STOCK=1, beside the results of that kernel
  JOBS=                  processes of a build, else one for each CPU
  CACHE=                 sources, build trees, logs
                         $(CACHE)
endef

help: export HELP := $(HELP)
help:
	@echo "$$HELP"

run:
	@overlay/run.sh tour

shell:
	@overlay/run.sh shell

test:
	@overlay/test.sh test

test-quick:
	@overlay/test.sh quick

# All beds of modules, or the one in BED=.
test-modules:
	@for bed in $(or $(BED),$(shell sed -n 's/^\(x86_64-modules[^ ]*\) .*/\1/p' overlay/beds)); do \
		BED=$$bed overlay/test.sh test || failed=1; \
	done; [ -z "$$failed" ]

test-both:
	@overlay/side-by-side.sh $(BED)

# Boot and the wait for an idle guest may take 15 minutes.
soak:
	@BED=$(or $(BED),x86_64-soak) LIMIT=$$(($(MINUTES) * 60 + 900)) \
		APPEND="churn=$$(($(MINUTES) * 60)) $$APPEND" overlay/test.sh test

mutants:
	@overlay/mutants.sh $(MUTANTS)

dump:
	@overlay/guest/dump.sh

bpftrace:
	@overlay/guest/bpftrace.sh

life:
	@overlay/guest/life.sh $(ONLY)

compare:
	@echo "the percpu area:" && STOCK= overlay/run.sh cgroups
	@echo "stock:" && STOCK=1 overlay/run.sh cgroups

compare-memory:
	@ARCH=bench overlay/bench/memory.sh

compare-modules:
	@echo "the percpu area:" && STOCK= overlay/bench/modules.sh
	@echo "stock:" && STOCK=1 overlay/bench/modules.sh

compare-wrong:
	@echo "the percpu area:" && STOCK= overlay/bench/wrong.sh
	@echo "stock:" && STOCK=1 overlay/bench/wrong.sh

compare-capture:
	@overlay/bench/capture.sh

bench:
	@overlay/bench/bench.sh all

bench-quick:
	@overlay/bench/bench.sh quick

figures:
	@[ ! -f '$(CACHE)/bench/figures' ] || overlay/bench/figures.py merge '$(CACHE)/bench/figures'
	@overlay/bench/figures.py write

lines:
	@overlay/bench/lines.sh $(OP)

profile:
	@overlay/bench/profile.sh '$(ROW)' '$(CALL)' '$(RARE)'

sizes:
	@overlay/bench/sizes.sh

size-table:
	@overlay/bench/size-table.sh

LAYOUT = $(CACHE)/build/layout/layout

build-layout:
	@mkdir -p '$(CACHE)/build/layout'
	@$(MAKE) -s -C tools/testing/percpu OUT='$(CACHE)/build/layout' '$(LAYOUT)'

layout-table: build-layout
	@'$(LAYOUT)'

# With LOG= no guest is booted.
layout-check: build-layout
	@overlay/bench/layout-check.sh '$(LAYOUT)' $(LOG)

series:
	@overlay/release/series.sh

series-check:
	@overlay/release/series-check.sh $(CONFIG)

lint:
	@overlay/lint/lint.sh $(CHECK)

lint-docs:
	@overlay/lint/lint.sh docs

deb:
	@overlay/release/deb.sh "$(CONFIG)"

debian:
	@overlay/release/debian.sh "$(CONFIG)"

source:
	@overlay/source/packages.sh && overlay/source/apply.sh "$$(overlay/source/fetch.sh)"

kernel:
	@overlay/source/kernel.sh $(ARCH)

clean:
	rm -rf '$(CACHE)/build' '$(CACHE)/tree' '$(CACHE)/logs'
