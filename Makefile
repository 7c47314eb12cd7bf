# SPDX-License-Identifier: GPL-2.0-only
#
# The percpu area as an overlay for a Linux kernel source; see README.md.
# What can be set, on the command line or in the environment:

# which kernel source is fetched: 7.2 or 6.12
KERNEL ?= 7.2
# a kernel source of yours instead; it is copied, not changed
KSRC ?=
# what make run, shell and kernel build: a file of overlay/config
ARCH ?= x86_64
# CPUs and memory of the guest
SMP ?=
MEM ?=
# more for the guest's kernel command line
APPEND ?=
# a file of kernel options, merged last
EXTRA_CONFIG ?=
# one bed of overlay/beds for make test
BED ?=
# 1: the kernel as it comes, nothing applied
STOCK ?=
# how long make soak takes
MINUTES ?= 30
# recorded traces for make bench and bench-quick
TRACES ?=
# ours or stock: which guests make bench measures again
ONLY ?=
# 1: make bench also sums over 64 CPUs, for twenty minutes more a kernel
WIDE ?=
# for make deb and debian: a kernel config, or the word localmodconfig
CONFIG ?=
# for make debian: seconds that stress-ng works in it
STRESS ?=
# where sources and build trees lie
CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/percpu-overlay

export KERNEL KSRC ARCH SMP MEM APPEND EXTRA_CONFIG BED STOCK TRACES ONLY WIDE STRESS CACHE

.PHONY: help run shell test test-quick test-modules test-both soak compare \
	compare-modules compare-wrong mutants bench bench-quick profile sizes size-table layout-table \
	build-layout layout-check series series-check lint lint-docs deb debian source kernel clean

help:
	@echo 'make run         build a kernel, boot it under QEMU, show the allocator at work'
	@echo 'make shell       the same guest, with a shell'
	@echo 'make test        all tests on all beds of overlay/beds; BED=name for one'
	@echo 'make test-quick  those of User Mode Linux only'
	@echo 'make test-modules  percpu data of modules by the 64 MB; BED=name for one of the beds'
	@echo 'make test-both   one bed on 7.2 and 6.12, side by side; BED=name, else x86_64'
	@echo 'make soak        everything at once for MINUTES=$(MINUTES)'
	@echo 'make mutants     plant bugs, and see which test catches each'
	@echo 'make compare     memory that 1,100 cgroups take and leave, ours and stock'
	@echo 'make compare-modules  percpu data that modules can have, ours and stock'
	@echo 'make compare-wrong  what ours and stock make of wrong frees and requests'
	@echo 'make bench       what it costs, ours and stock, in guest instructions and in userspace'
	@echo 'make bench-quick the userspace half only; TRACES=folder of recorded traces'
	@echo 'make profile     where the instructions of a row of the benchmark go, by function'
	@echo 'make sizes       which sizes live how long: boot, cgroups, namespaces, forks, ...'
	@echo 'make size-table  text, data and BSS of vmlinux, ours and stock, four architectures'
	@echo 'make layout-table  what the layout costs on 4 to 4,096 CPUs'
	@echo 'make layout-check  the same against the boot logs of guests of 64 CPUs, or of LOG=file'
	@echo 'make series      patches for git am; make series-check builds and boots each'
	@echo 'make lint        checkpatch, sparse, W=1, kernel-doc, coccicheck, ...; CHECK=name for one'
	@echo 'make lint-docs   make htmldocs for our pages'
	@echo 'make deb         Debian packages of a kernel; CONFIG=file, or localmodconfig'
	@echo 'make debian      the same, installed into a Debian system that boots under QEMU'
	@echo 'make source      print the path of the patched kernel source'
	@echo 'make kernel      build only; print image, build tree and source'
	@echo 'make clean       remove what was built; fetched sources stay in CACHE/src'
	@echo
	@echo 'KERNEL=$(KERNEL) KSRC=$(KSRC) ARCH=$(ARCH) SMP=$(SMP) MEM=$(MEM) APPEND=$(APPEND)'
	@echo 'EXTRA_CONFIG=$(EXTRA_CONFIG) BED=$(BED) STOCK=$(STOCK) CACHE=$(CACHE)'

run:
	@overlay/run.sh tour

shell:
	@overlay/run.sh shell

test:
	@overlay/test.sh test

test-quick:
	@overlay/test.sh quick

# BED= may name one of them.
test-modules:
	@for bed in $(or $(BED),$(shell sed -n 's/^\(x86_64-modules[^ ]*\) .*/\1/p' overlay/beds)); do \
		BED=$$bed overlay/test.sh test || failed=1; \
	done; [ -z "$$failed" ]

test-both:
	@overlay/side-by-side.sh $(BED)

# The guest may take a quarter of an hour to boot, and to come to rest.
soak:
	@BED=$(or $(BED),x86_64-soak) LIMIT=$$(($(MINUTES) * 60 + 900)) \
		APPEND="churn=$$(($(MINUTES) * 60)) $$APPEND" overlay/test.sh test

# MUTANTS= may name some of overlay/mutants.
mutants:
	@overlay/mutants.sh $(MUTANTS)

compare:
	@echo "the percpu area:" && STOCK= overlay/run.sh cgroups
	@echo "stock:" && STOCK=1 overlay/run.sh cgroups

compare-modules:
	@echo "the percpu area:" && STOCK= overlay/modules.sh
	@echo "stock:" && STOCK=1 overlay/modules.sh

compare-wrong:
	@echo "the percpu area:" && STOCK= overlay/wrong.sh
	@echo "stock:" && STOCK=1 overlay/wrong.sh

bench:
	@overlay/bench.sh all

bench-quick:
	@overlay/bench.sh quick

# ROW= may name a row of the benchmark, CALL= a function that its module calls, and
# RARE= one that is called from there: calls that get to it are shown apart.
profile:
	@overlay/profile.sh '$(ROW)' '$(CALL)' '$(RARE)'

sizes:
	@overlay/sizes.sh

size-table:
	@overlay/size-table.sh

LAYOUT = $(CACHE)/build/layout/layout

build-layout:
	@mkdir -p '$(CACHE)/build/layout'
	@$(MAKE) -s -C tools/testing/percpu OUT='$(CACHE)/build/layout' '$(LAYOUT)'

layout-table: build-layout
	@'$(LAYOUT)'

# LOG= may name consoles of guests that have booted; then none is.
layout-check: build-layout
	@overlay/layout-check.sh '$(LAYOUT)' $(LOG)

series:
	@overlay/series.sh

# CONFIG= may name one of the kernels.
series-check:
	@overlay/series-check.sh $(CONFIG)

lint:
	@overlay/lint.sh $(CHECK)

lint-docs:
	@overlay/lint.sh docs

deb:
	@overlay/deb.sh "$(CONFIG)"

debian:
	@overlay/debian.sh "$(CONFIG)"

source:
	@overlay/packages.sh && overlay/apply.sh "$$(overlay/fetch.sh)"

kernel:
	@overlay/kernel.sh $(ARCH)

clean:
	rm -rf '$(CACHE)/build' '$(CACHE)/tree' '$(CACHE)/logs'
