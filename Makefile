# The words of the house. Meson does the work; BUILD names the build directory.
BUILD ?= build
export BUILD
DESTDIR ?=

.PHONY: build run test test-kernels bench telemetry chaos fuzz install deb clean

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

bench: build
	@scripts/install-packages bench
	RECORDER_BIN=$(abspath $(BUILD))/recorder tests/bench/run

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

clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-tsan $(BUILD)-fuzz $(BUILD)-kernels
