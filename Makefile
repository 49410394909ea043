# SPDX-License-Identifier: GPL-2.0-or-later
# The door; meson is the building. This file knows no source file and no compiler flag.
BUILD := build/release
MINUTES ?= 10
BENCH ?=
# What the tests compare with lies unpacked beside what is installed.
PEERS := $(CURDIR)/build/peers
export PATH := $(PEERS)/usr/bin:$(PEERS)/usr/sbin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help build run test test-fresh soak lint fuzz bench docs deb rpm install clean packages-build packages-test \
	packages-all configure

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: configure ## compile everything into build/release
	ninja -C $(BUILD)

run: packages-all deb ## start a clinic PC in a window of its own and plug things into it
	tests/vm/clinic

test: packages-all ## run every test; the last line is "N passed, N failed"
	@tools/run-tests

test-fresh: packages-all ## prove `make test` and `make run` in a bare Debian 12 (an hour)
	tests/vm/fresh

soak: packages-all build deb ## a console killed 200 times, its API on PostgreSQL, the lab's campaigns, GNOME of Debian 13, fuzzers for MINUTES=10
	$(BUILD)/tests/integration/console_kill 200
	meson test -C $(BUILD) --benchmark --suite soak --print-errorlogs
	tests/vm/run --campaign full
	SEKISHO_SUITE=trixie tools/build-deb
	SEKISHO_SUITE=trixie tests/vm/run --campaign full 25-lock-gnome
	tools/run-fuzzers --minutes $(MINUTES)

lint: configure ## layers, sizes, format, words, documents, static analysis
	tools/lint $(BUILD)

fuzz: packages-test ## run every fuzzer for MINUTES=10 each
	tools/run-fuzzers --minutes $(MINUTES)

bench: packages-all build ## measure against others; BENCH=id for one; table in docs/benchmarks.md
	tests/bench/run $(BENCH)

docs: build ## write the pages that are made from the sources
	tools/make-docs $(BUILD)

deb: packages-build ## Debian packages into build/deb
	tools/build-deb

rpm: packages-test ## RPM packages into build/rpm
	tools/build-rpm

install: build ## install into DESTDIR (packages are the usual way)
	meson install -C $(BUILD) --no-rebuild

clean: ## remove build/, but not the lab's cached guest
	find build -mindepth 1 -maxdepth 1 ! -name lab ! -name peers -exec rm -rf {} +

configure: packages-test
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD)

packages-build:
	@tools/install-packages packages/build.txt
packages-test:
	@tools/install-packages packages/build.txt packages/test.txt
	@tools/unpack-packages packages/unpack.txt $(PEERS)
packages-all: packages-test
	@tools/install-packages tests/vm/packages.txt
