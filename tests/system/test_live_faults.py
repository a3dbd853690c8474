"""What befalls the host: its clock is set by hours, it sleeps, the disk becomes read-only, /proc cannot be read. docs/RELIABILITY.md
says what is promised; others of its faults are tested where their subject is."""
import contextlib
import os
import signal
import struct
import subprocess
import time

import pytest

import checks
import driver
import kernel
from driver import Truth, wait_until

pytestmark = pytest.mark.live
HOUR_NS = 3600 * 10**9


@pytest.fixture
def source():
    """The kernel stamps the records of audit, by the machine's clock, which is not ours to set."""
    return "ebpf"


class Clock:
    """Of a recorder alone (truth/clock_shift.c)."""

    def __init__(self, folder):
        self.path = folder / "shift"
        self.set(0)
        self.environment = {**os.environ, "LD_PRELOAD": str(driver.TRUTH / "clock_shift.so"), "CLOCK_SHIFT": str(self.path)}

    def set(self, real_ns, boot_ns=0):
        with open(self.path, "r+b" if self.path.exists() else "wb", buffering=0) as file:
            file.write(struct.pack("=qq", real_ns, boot_ns))


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path)


def gaps(recorder):
    return recorder.query('SELECT * FROM gaps ORDER BY sequence')


def times(recorder, truth):
    """What was written is told apart, and later."""
    return [row["time_ns"] for row in recorder.query(
        "SELECT time_ns FROM file_events WHERE process_pid = ? AND file_writes_count IS NULL", truth.pid)]


def stored(recorder, truth):
    wait_until(lambda: len(times(recorder, truth)) == len(truth.of("file")), "all of it is stored")
    return truth


def without(rows, cause):
    return [row for row in rows if row["cause"] != cause]


@pytest.mark.parametrize("hours", [7, -7])
def test_clock_set_by_hours(new_recorder, folder, clock, hours):
    """Forward or back: nothing is missing, nothing comes late, the gap has both times."""
    recorder = new_recorder(env=clock.environment).start()
    before = stored(recorder, Truth("files", "storm", "50", folder))
    set_ns = time.time_ns()
    clock.set(hours * HOUR_NS)
    wait_until(lambda: recorder.check("clock")["level"] == "warn", "the step is told")
    after = Truth("files", "storm", "50", folder)
    processes = Truth("spawn", "storm", "20", driver.tiny())
    # By a clock that was set back what is pending would be due in hours.
    wait_until(lambda: recorder.query("SELECT 1 FROM process_events WHERE action = 'exit' AND process_pid = ?", processes.acts[-1]["pid"]),
               "all of it is stored")
    recorder.stop()
    for truth in before, after:
        checks.files(recorder, truth)
    checks.processes(recorder, processes)
    assert max(times(recorder, before)) <= before.ended
    assert after.started <= min(times(recorder, after)) - hours * HOUR_NS <= max(times(recorder, after)) - hours * HOUR_NS <= after.ended
    gap, = without(gaps(recorder), "closed_unseen")
    earlier, later = sorted([set_ns, set_ns + hours * HOUR_NS])
    assert gap["cause"] == "clock_step" and gap["begin"] <= shown(earlier) < shown(later) <= gap["end"]


def shown(time_ns):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time_ns // 10**9)) + f".{time_ns % 10**9:09}Z"


def test_killed_behind_a_clock_that_was_set_back(new_recorder, folder, clock):
    """The gap of the death begins behind what is stored, by the clock as it is by then."""
    recorder = new_recorder(env=clock.environment).start()
    state = recorder.before
    before = stored(recorder, Truth("files", "storm", "50", folder))
    clock.set(-7 * HOUR_NS)
    wait_until(lambda: recorder.check("clock")["level"] == "warn", "the step is told")
    after = stored(recorder, Truth("files", "storm", "50", folder))
    os.kill(recorder.process.pid, signal.SIGSTOP)
    lost = Truth("files", "storm", "50", folder)
    recorder.kill9()
    recorder.start()
    recorder.before = state
    recorder.stop()
    for truth in before, after:
        checks.files(recorder, truth)
    died, = [gap for gap in gaps(recorder) if gap["cause"] == "recorder_died"]
    begin, end = (shown(ns - 7 * HOUR_NS) for ns in (lost.started, lost.ended))
    assert times(recorder, lost) == [] and died["begin"] <= begin and end <= died["end"]
    assert died["begin"] > shown(lost.started - 7 * HOUR_NS - 30 * 10**9)  # a look or two before, on a host that is busy


def test_a_host_that_slept(new_recorder, folder, clock):
    """For eight hours, in which nothing happened: no gap, no alarm, and the times behind it are right."""
    recorder = new_recorder(env=clock.environment, arguments=["--set", "CanaryIntervalSecs=1"]).start()
    before = stored(recorder, Truth("files", "storm", "50", folder))
    clock.set(8 * HOUR_NS, 8 * HOUR_NS)
    sent = recorder.status()["canary.sent"]
    wait_until(lambda: recorder.status()["canary.sent"] > sent + 1, "a canary went out and came back")
    after = Truth("files", "storm", "50", folder)
    assert recorder.check("clock")["level"] == "ok" and recorder.check("canary")["level"] == "ok"
    assert recorder.status()["state"] == "recording"
    recorder.stop()
    for truth in before, after:
        checks.files(recorder, truth)
    # The programs stamp by the kernel's clock, which did not sleep: its distance to the other is what it was.
    assert after.started <= min(times(recorder, after)) <= max(times(recorder, after)) <= after.ended
    assert without(gaps(recorder), "closed_unseen") == []  # what others of this host do with io_uring


# The disk

@contextlib.contextmanager
def disk(folder, at):
    """An ext4 of its own at that place; gives what makes it fail, and what mends it."""
    image = folder / "image"
    with open(image, "wb") as file:
        file.truncate(64 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-O", "^has_journal", image], check=True)
    at.mkdir(mode=0o700)

    def mount():
        subprocess.run(["mount", "-o", "loop,errors=remount-ro", image, at], check=True)
        at.chmod(0o700)

    def fail():
        device = subprocess.run(["findmnt", "-no", "SOURCE", at], check=True, capture_output=True, text=True).stdout.strip()
        with open(f"/sys/fs/ext4/{os.path.basename(device)}/trigger_fs_error", "w") as trigger:
            trigger.write("1")

    def mend():
        subprocess.run(["umount", at], check=True)
        subprocess.run(["e2fsck", "-fp", image], capture_output=True)
        mount()

    mount()
    try:
        yield fail, mend
    finally:
        subprocess.run(["umount", at], check=True)


def test_a_disk_that_becomes_read_only(new_recorder, folder, tmp_path):
    """As ext4 does with one that fails: the recorder goes on, says so, and the next one has the gap."""
    recorder = new_recorder()
    with disk(tmp_path, recorder.state) as (fail, mend):
        recorder.start()
        before = stored(recorder, Truth("files", "storm", "20", folder))
        subprocess.run(["sync", "-f", recorder.database], check=True)  # else it goes with the disk, into the gap
        fail()
        lost = Truth("files", "storm", "50", folder)
        wait_until(lambda: recorder.status()["lost.database"] > 0, "what cannot be stored is counted")
        assert recorder.check("database")["level"] == "fail"
        recorder.process.send_signal(signal.SIGTERM)
        recorder.exit()
        mend()
        recorder.start()
        after = Truth("files", "storm", "20", folder)
        recorder.stop()
        for truth in before, after:
            checks.files(recorder, truth)
        assert [gap for gap in gaps(recorder) if gap["class"] == "all" and gap["begin"] <= shown(lost.started) and
                shown(lost.ended) <= gap["end"]]
        assert recorder.one("PRAGMA integrity_check") == {"integrity_check": "ok"}


def test_a_start_on_a_read_only_disk(new_recorder, tmp_path):
    """It does not begin what it cannot store, and says why."""
    recorder = new_recorder()
    recorder.state.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=16m,mode=700", "truth", recorder.state], check=True)
    try:
        before = kernel.state()
        recorder.start(wait=False)
        text = recorder.exit(1)
        assert str(recorder.state) in text and "Read-only file system" in text
        assert kernel.state() == before
    finally:
        subprocess.run(["umount", recorder.state], check=True)


# /proc

INSIDE = ["nsenter", "--mount", "-t"]
# What looks for leaks reads /proc.
BLIND = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}


@pytest.mark.parametrize("both", ["ebpf", "audit"])
def test_proc_becomes_unreadable(new_recorder, folder, both):
    """Of a recorder that runs: what the kernel tells is stored as ever; what only /proc would say is unknown."""
    recorder = new_recorder(source=both, prefix=["unshare", "--mount", "--propagation", "private"], env=BLIND).start()
    subprocess.run([*INSIDE, str(recorder.process.pid), "mount", "-t", "tmpfs", "none", "/proc"], check=True)
    files = Truth("files", "storm", "50", folder)
    processes = Truth("spawn", "storm", "20", driver.tiny())
    assert recorder.status()["state"] in ("recording", "degraded")
    recorder.stop()
    checks.files(recorder, files)
    checks.processes(recorder, processes)
    assert without(gaps(recorder), "closed_unseen") == []


def test_a_start_without_proc(new_recorder):
    """It needs the boot's identity from there: a clear refusal."""
    recorder = new_recorder(prefix=["unshare", "--mount", "--propagation", "private", "sh", "-c", 'mount -t tmpfs none /proc; exec "$@"', "sh"])
    before = kernel.state()
    recorder.start(wait=False)
    # A sanitizer finds its options in /proc too, and has its own opinion of how this is to end.
    assert recorder.process.wait(driver.DEADLINE_S) not in (0, -signal.SIGSEGV, -signal.SIGABRT)
    recorder.process = None
    assert "recorder: Failed to read /proc: No such file or directory" in recorder.log_text()
    assert kernel.state() == before


# Its files

@pytest.mark.parametrize("name", ["proc.bin", "hashes", "recorder.lock"])
def test_a_file_that_is_damaged(new_recorder, folder, name):
    """Between two runs: what cannot be used is said and left out, never believed."""
    recorder = new_recorder().start()
    Truth("spawn", "storm", "1", driver.tiny())
    wait_until(lambda: recorder.query("SELECT 1 FROM recorder_events WHERE action = 'hash'"), "there is something to keep")
    recorder.stop()
    path = recorder.state / name
    content = bytearray(path.read_bytes())
    for at in range(0, len(content), 7):
        content[at] ^= 0x55
    path.write_bytes(content)
    recorder.start()
    truth = Truth("files", "storm", "20", folder)
    text = recorder.stop()
    assert name != "proc.bin" or "proc.bin cannot be used" in text
    checks.files(recorder, truth)
    assert [gap["cause"] for gap in without(gaps(recorder), "closed_unseen")] == ["recorder_stopped"]
    assert recorder.query("SELECT 1 FROM process_events WHERE event_code = 'REMEMBERED'") == [] or name != "proc.bin"


@pytest.mark.parametrize("both", ["ebpf", "audit"])
def test_an_exit_is_told_once(new_recorder, both):
    """Who ended while it ran has ended for the one that comes after its death too, whatever proc.bin says of the time before."""
    recorder = new_recorder(source=both).start()
    state = recorder.before
    child = subprocess.Popen(["sleep", "1000"], stdin=subprocess.DEVNULL)
    wait_until(lambda: recorder.query("SELECT 1 FROM process_events WHERE action = 'exec' AND process_pid = ?", child.pid), "it is known")
    recorder.stop()  # proc.bin has it
    recorder.start()
    child.kill()
    child.wait()

    def exits():
        return recorder.query("SELECT time FROM process_events WHERE action = 'exit' AND process_pid = ?", child.pid)

    wait_until(exits, "its end is stored")
    for _ in range(2):
        recorder.kill9()
        recorder.start()
    recorder.before = state
    recorder.stop()
    assert len(exits()) == 1
