# Godwit's front desk: it installs what is missing, asks Meson and Ninja for the rest, and says what
# came of it. `make` alone lists what it can do.
#
#   CC=clang      any verb with the other compiler, in a build directory of its own
#   PREFIX, DESTDIR   where `make install` puts things
#   ARGS          arguments of the server for `make run`
#   TESTS         names or suites for `make test`, such as TESTS="--suite core"
#   BENCH         rounds, seconds each and a name, for `make bench`: BENCH="20 0.4 fan-out"
#   KEEP=1        `make counts` keeps what it counted, in tests/bench/counts.txt
#   SEEDS         how many runs `make seeds` simulates
#   PLANTED       names of planted bugs, for `make planted`: PLANTED="tag-not-compared"
#   MUTANTS, PART how many mutants of the hub (0: all), and which part of them, such as PART=1/4
#   FUZZ_SECONDS  how long `make fuzz` gives each target
#   COVER_ARGS    arguments of tools/coverage for `make cover`, such as COVER_ARGS=--missing

ifeq ($(origin CC),default)
CC := gcc
endif
export CC

OTHER_CC := $(filter-out -gcc -cc,-$(notdir $(firstword $(CC))))
BUILD  ?= build$(OTHER_CC)
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
MUTANTS ?= 150
PART ?= 1/1
SEEDS ?= 5000

ASAN  := build-asan$(OTHER_CC)
TSAN  := build-tsan$(OTHER_CC)
FUZZ  := build-fuzz
MSAN  := build-msan
COVER := build-cover
# A test of a sanitized or of a slow build may take longer than in the plain one.
MESON_TEST = meson test --no-rebuild --print-errorlogs

.PHONY: help build run test test-slow seeds check asan tsan msan fuzz cover planted mutants bench \
	counts lint install clean
.DEFAULT_GOAL := help

help:
	@echo 'make run         build, start a server on this machine, and say where to look'
	@echo 'make test        build and run the fast tests (also with CC=clang)'
	@echo
	@echo 'make build       the release binary, build/godwit, and the library'
	@echo 'make check       build, test and lint: what a commit needs'
	@echo 'make test-slow   the tests that take minutes'
	@echo 'make seeds       simulate the whole server, $(SEEDS) times (SEEDS=)'
	@echo 'make asan        the fast tests under AddressSanitizer and UBSan'
	@echo 'make tsan        the fast tests under ThreadSanitizer'
	@echo 'make msan        what we write, under MemorySanitizer'
	@echo 'make fuzz        feed the parsers random input, $(FUZZ_SECONDS) s each (FUZZ_SECONDS=)'
	@echo 'make cover       lines and branches of proto and core that the unit tests reach'
	@echo 'make planted     put in known bugs, one at a time: do the tests catch them? ten minutes'
	@echo 'make mutants     change the hub in $(MUTANTS) places: do its tests notice? (MUTANTS=0: all)'
	@echo 'make bench       measure, beside a bare epoll server: five minutes'
	@echo 'make counts      instructions per message, and their change (KEEP=1 keeps them)'
	@echo 'make lint        format, clang-tidy, cppcheck, ROOMS, headers, shell scripts'
	@echo 'make install     into PREFIX=$(PREFIX), below DESTDIR where given'
	@echo 'make clean       remove everything that was built'

# --- build and run ---

# A directory for the program alone needs less installed than one with tests; `tests` adds them.
$(BUILD)/build.ninja:
	@tools/deps build
	meson setup $(BUILD) -Dtests=false

build: $(BUILD)/build.ninja
	@tools/deps build
	@ninja -C $(BUILD) program

run: build
	@exec $(BUILD)/godwit serve $(ARGS)

# --- tests ---

# $(call run_tests,directory,arguments of meson test): all cases counted, in one closing line.
define run_tests
	@code=0; $(MESON_TEST) -C $(1) $(2) $(TESTS) || code=$$?; \
	tools/test-summary $(1)/meson-logs/testlog.json && exit $$code
endef

$(BUILD)/.with-tests: | $(BUILD)/build.ninja
	@tools/deps build test
	meson configure $(BUILD) -Dtests=true
	@touch $@

# $(call sanitized,directory,sanitizers)
define sanitized
	@tools/deps build test
	@[ -f $(1)/build.ninja ] || meson setup $(1) -Db_sanitize=$(2) -Db_lundef=false -Doptimization=1
	@ninja -C $(1)
endef

test: $(BUILD)/.with-tests
	@tools/deps build test
	@ninja -C $(BUILD)
	$(call run_tests,$(BUILD),--no-suite slow)

test-slow: $(BUILD)/.with-tests
	@tools/deps build test
	@ninja -C $(BUILD)
	$(call run_tests,$(BUILD),--suite slow)

seeds: $(BUILD)/.with-tests
	@tools/deps build test
	@ninja -C $(BUILD) tests/sim/sim_seeds
	@$(BUILD)/tests/sim/sim_seeds --seeds=$(SEEDS) --jobs=$$(nproc)

asan:
	$(call sanitized,$(ASAN),address$(comma)undefined)
	$(call run_tests,$(ASAN),--no-suite slow --timeout-multiplier 3)

tsan:
	$(call sanitized,$(TSAN),thread)
	$(call run_tests,$(TSAN),--no-suite slow --timeout-multiplier 5)

comma := ,

# Nothing uninitialised leaves: the fuzz targets of whatever writes, on their corpora. MemorySanitizer
# comes with clang, and wants all code built with it: these link with nothing but our own.
msan:
	@CC=clang tools/deps build test
	@[ -f $(MSAN)/build.ninja ] || CC=clang meson setup $(MSAN) -Db_sanitize=memory -Db_lundef=false \
		-Doptimization=1 -Dc_args='-fsanitize=memory -fsanitize-memory-track-origins'
	@ninja -C $(MSAN) serializers
	$(call run_tests,$(MSAN),--suite serializer)

# Branches are counted with gcc, and mean something only where nothing is optimized.
cover:
	@CC=gcc tools/deps build test cover
	@[ -f $(COVER)/build.ninja ] || CC=gcc meson setup $(COVER) -Db_coverage=true -Doptimization=0
	@tools/coverage $(COVER) --least 95 $(COVER_ARGS)

# Tests of the tests. Each has a copy of the tree in its own build directory, and breaks that.
planted:
	@tools/deps build test
	@tools/planted build-planted $(PLANTED)

mutants:
	@tools/deps build test
	@tools/mutate build-mutants --count $(MUTANTS) --part $(PART)

check: build
	@$(MAKE) --no-print-directory test
	@$(MAKE) --no-print-directory lint

bench: $(BUILD)/.with-tests
	@ninja -C $(BUILD) program tests/bench/bench
	@$(BUILD)/tests/bench/bench $(BUILD)/godwit $(BENCH)

# The figures in the tree are those of gcc, so it counts in gcc's build, whatever CC says.
ifeq ($(OTHER_CC),)
counts: $(BUILD)/.with-tests
	@tools/deps build counts
	@ninja -C $(BUILD) program tests/bench/counts
	@$(BUILD)/tests/bench/counts $(BUILD)/godwit tests/bench/counts.txt $(if $(KEEP),keep)
else
counts:
	@$(MAKE) --no-print-directory counts CC=gcc
endif

# libFuzzer comes with clang, so this is always built with it.
fuzz:
	@CC=clang tools/deps build test
	@[ -f $(FUZZ)/build.ninja ] || CC=clang meson setup $(FUZZ) -Dtests=false -Dfuzz=true \
		-Db_sanitize=address,undefined -Db_lundef=false
	@ninja -C $(FUZZ) fuzzers
	@tools/fuzz $(FUZZ) $(FUZZ_SECONDS)

lint: $(BUILD)/.with-tests
	@tools/deps build test lint
	@ninja -C $(BUILD) program
	@tools/lint $(BUILD)

# --- install and clean ---

install: build
	@meson configure $(BUILD) -Dprefix=$(PREFIX)
	@ninja -C $(BUILD) program
	@DESTDIR='$(DESTDIR)' meson install -C $(BUILD) --no-rebuild
	@if [ -z '$(DESTDIR)' ] && [ "$$(id -u)" -eq 0 ]; then ldconfig; fi

clean:
	rm -rf build build-*/
