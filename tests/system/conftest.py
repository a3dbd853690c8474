"""Fixtures of the system tests, and what RECORDER_REQUIRE_LIVE=1 means."""
import itertools
import os
import pathlib
import subprocess
import tempfile

import pytest

pytest.register_assert_rewrite("checks", "driver")

import driver  # noqa: E402
import kernel  # noqa: E402

REQUIRE_LIVE = os.environ.get("RECORDER_REQUIRE_LIVE") == "1"


def pytest_configure(config):
    config.addinivalue_line("markers", "live: needs root and the kernel's audit")
    config.addinivalue_line("markers", "long: by hand alone, where `make test` has no time for it")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.skipped and REQUIRE_LIVE and item.get_closest_marker("live") and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"RECORDER_REQUIRE_LIVE=1, but: {reason}"


@pytest.fixture(scope="session")
def can_record():
    """Why nothing can be recorded here; None if it can. What an earlier session left is gone by then."""
    if os.geteuid() != 0:
        yield "needs root"
        return
    try:
        saved = kernel.Saved()
    except (OSError, subprocess.CalledProcessError) as error:
        yield f"the kernel's audit cannot be used: {error}"
        return
    yield kernel.why_not()
    saved.put_back()


@pytest.fixture(scope="session")
def audit_state(can_record):
    """The kernel's audit is ours to change: the state it had comes back after the session."""
    if can_record:
        pytest.skip(can_record)
    return kernel.state()


@pytest.fixture(autouse=True)
def same_kernel(request):
    """A live test leaves the kernel's audit as it found it."""
    if not request.node.get_closest_marker("live"):
        yield
        return
    before = request.getfixturevalue("audit_state")
    yield
    after = kernel.state()
    kernel.restore(before)
    assert after == before


@pytest.fixture
def source():
    """Where events come from. A module that means both has a fixture of its own: `both_sources`."""
    return "audit"


# In a module: source = both_sources
both_sources = pytest.fixture(params=["ebpf", "audit"])(lambda request: request.param)


@pytest.fixture
def disk_path():
    """Like tmp_path, which may be memory; this is a disk as a rule."""
    with tempfile.TemporaryDirectory(prefix="recorder-test-") as path:
        yield pathlib.Path(path).resolve()


@pytest.fixture
def shipped():
    """Whether a recorder stores as one that is installed: on a disk, in steps of the size that it chooses. Where that is what
    a test is about it says so; the others do not wait for a disk."""
    return False


@pytest.fixture
def new_recorder(tmp_path, disk_path, same_kernel, source, shipped):
    """Makes recorders, each in a folder of its own; none outlives the test."""
    made, numbers = [], itertools.count()

    def make(*arguments, **options):
        folder = (disk_path if shipped else tmp_path) / f"recorder{next(numbers)}"
        folder.mkdir()
        options.setdefault("source", source)
        options.setdefault("chunk_mb", None if shipped else 1)
        recorder = driver.Recorder(folder, *arguments, **options)
        made.append(recorder)
        return recorder

    yield make
    for recorder in made:
        recorder.cleanup()
        if recorder.log.exists():
            print(f"--- {recorder.log}\n{recorder.log.read_bytes()[-4000:].decode(errors='backslashreplace')}")


@pytest.fixture
def recorder(new_recorder):
    """One that records with the default subscription."""
    return new_recorder().start()


# In a module, and for a test: `shipped = as_shipped`, @conftest.stores_as_shipped
as_shipped = pytest.fixture(lambda: True)
stores_as_shipped = pytest.mark.parametrize("shipped", [pytest.param(True, id="shipped")])


@pytest.fixture
def folder(disk_path):
    """An empty folder for the acts of a truth program."""
    path = disk_path / "acts"
    path.mkdir(mode=0o755)
    return path.resolve()
