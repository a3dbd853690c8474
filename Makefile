# The words of the house. Meson does the work; BUILD names the build directory.
BUILD ?= build
export BUILD
DESTDIR ?=

.PHONY: build run test test-kernels test-package bench storm soak telemetry chaos fuzz install deb tarball clean

build:
	@scripts/install-packages build
	@scripts/build $(BUILD)

run:
	@scripts/run

test:
	@scripts/install-packages build test
	@scripts/test

test-kernels:
	@scripts/install-packages build test kernels
	@scripts/test-kernels

test-package: build
	@scripts/install-packages deb test test-package
	@scripts/test-package $(BUILD)

bench: build
	@scripts/install-packages bench
	RECORDER_BIN=$(abspath $(BUILD))/recorder tests/bench/run

# More than the recorder takes, for a minute; and 200 million records (docs/RELIABILITY.md).
storm: build
	$(BUILD)/tests/bench/bench-storm storm 60 1
	$(BUILD)/tests/bench/bench-storm storm 60 3
	$(BUILD)/tests/bench/bench-storm storm 60 10

soak: build
	dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && $(BUILD)/tests/bench/bench-storm soak 200 128 "$$dir/soak.db"

telemetry: build
	@scripts/install-packages build test
	@ninja -C $(BUILD) acts >/dev/null
	RECORDER_BUILD=$(abspath $(BUILD)) tests/telemetry/run

# SEED=N MINUTES=N SOURCE=ebpf|audit: tests/chaos/run says more.
chaos: build
	@scripts/install-packages build test
	@ninja -C $(BUILD) loads >/dev/null
	RECORDER_BUILD=$(abspath $(BUILD)) tests/chaos/run

fuzz:
	@scripts/install-packages build test
	@scripts/fuzz

install: build
	DESTDIR=$(abspath $(DESTDIR)) meson install -C $(BUILD) --no-rebuild

deb: build
	@scripts/install-packages deb
	scripts/deb $(BUILD)

tarball:
	@scripts/install-packages build
	scripts/tarball $(BUILD)-static

clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-tsan $(BUILD)-fuzz $(BUILD)-kernels $(BUILD)-static
