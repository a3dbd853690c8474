"""What the recorder takes of the processors: it lets go of what can wait, then of events by class; it is suspended; idle it sleeps."""
import contextlib
import os
import re
import subprocess
import threading
import time

import pytest

import kernel
from driver import tiny, wait_until

pytestmark = pytest.mark.live

ALL = {"name": "all", "domain": "recorder", "streams": [{"type": "database", "event_filters": [
    {"terms": [what]} for what in ("process", "file", "network", "security")]}]}


@contextlib.contextmanager
def storm(folder):
    """Files come and go until the block ends."""
    folder.mkdir()
    over = threading.Event()

    def work():
        at = os.open(folder, os.O_RDONLY)
        while not over.is_set():
            for i in range(100):
                os.close(os.open(f"f{i}", os.O_CREAT | os.O_WRONLY, dir_fd=at))
                os.unlink(f"f{i}", dir_fd=at)
        os.close(at)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def throttle_events(recorder):
    """Read from the file: what is asked of the recorder costs it."""
    return [row["message"] for row in recorder.query(
        "SELECT recorder_message AS message FROM recorder_events WHERE action = 'throttle' ORDER BY sequence")]


def has_said(recorder, pattern, n=1):
    return wait_until(lambda: sum(re.match(pattern, text) is not None for text in throttle_events(recorder)) >= n, pattern)


def sets(**settings):
    return [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]


@pytest.fixture
def source():
    return "ebpf"


def test_events_are_let_go_of_by_class(new_recorder, tmp_path):
    """Programs that run are all there, and what is not is told: by class, with a count."""
    recorder = new_recorder(ALL, limits=sets(CpuThrottleTargetPercent=2, CpuThrottleCalculateTotalSystem=0,
                                             CpuThrottleMinimumSampleMilliseconds=50, DisableResourceMonitor=1)).start()
    with storm(tmp_path / "storm"):
        has_said(recorder, "shed: ")
        status = wait_until(lambda: (now := recorder.status())["throttle.unread"] > 1000 and now, "records are left unread")
        assert status["throttle.step"] == "shed" and status["throttle.stretch_percent"] == 400
        assert status["throttle.deferred_percent"] == 1 and status["throttle.target_percent"] == 2
        assert recorder.check("cpu")["level"] == "warn"
        pids = [subprocess.Popen([tiny()]) for _ in range(50)]
        assert all(process.wait() == 0 for process in pids)
    recorder.stop()
    ran = {row["pid"] for row in recorder.query("SELECT process_pid AS pid FROM process_events WHERE action = 'exec'")}
    ended = {row["pid"] for row in recorder.query("SELECT process_pid AS pid FROM process_events WHERE action = 'exit'")}
    assert {process.pid for process in pids} <= ran & ended
    gaps = recorder.query("SELECT class, count AS n, begin, end FROM gaps WHERE cause = 'cpu_target'")
    assert {gap["class"] for gap in gaps} >= {"file"} and all(gap["n"] > 0 and gap["begin"] < gap["end"] for gap in gaps)
    assert not {gap["class"] for gap in gaps} & {"security", "system", "driver", "recorder"}
    assert sum(gap["n"] for gap in gaps if gap["class"] == "file") > 1000
    steps = [text.split(":")[0] for text in throttle_events(recorder)]
    assert steps[0] in ("defer", "batch") and "shed" in steps


def test_suspension(new_recorder, tmp_path):
    """Too much for too long: nothing is recorded for a while, then until somebody says so, over a restart too."""
    limits = sets(CpuThrottleTargetPercent=100, CpuThrottleCalculateTotalSystem=0, ResourceMonitorCPUPercent=2,
                  ResourceMonitorSustainedSecs=2, ResourceMonitorRetryAttempts=1, ResourceMonitorRetryBackoffTimeSecs=3)
    recorder = new_recorder(ALL, limits=limits).start()
    with storm(tmp_path / "storm"):
        wait_until(lambda: recorder.status()["state"] == "suspended", "it is suspended")
        assert kernel.state() == recorder.before    # nothing of ours is in the kernel
        status = recorder.status()
        assert status["suspended.since"] < status["suspended.until"] and status["event_source"] == "none"
        assert recorder.check("cpu")["level"] == "fail" and "recorder resume" in recorder.check("cpu")["mend"]
        has_said(recorder, "resumed: the time of the suspension is over")
        has_said(recorder, "suspended until somebody says `recorder resume`")
    status = recorder.status()
    assert status["state"] == "suspended" and status["suspended.until"] is None    # it sticks
    recorder.stop()
    recorder.start()
    assert recorder.status()["state"] == "suspended" and kernel.state() == recorder.before
    # Subscriptions may change meanwhile; nothing is recorded for them.
    recorder.cli("subscription", "remove", "all", check=None)
    assert "goes on" in recorder.cli("resume").text
    assert recorder.cli("resume").text == "Recording was not suspended\n"
    wait_until(lambda: recorder.status()["state"] in ("recording", "degraded", "idle"), "it records again")
    recorder.stop()
    gaps = recorder.query("SELECT begin, end, class FROM gaps WHERE cause = 'suspended' ORDER BY begin")
    assert len(gaps) == 3 and {gap["class"] for gap in gaps} == {"all"}
    told = [text for text in throttle_events(recorder) if text.startswith(("suspended", "resumed"))]
    assert [text.split(" ")[0] for text in told] == ["suspended", "resumed:", "suspended", "resumed:"], told
    assert told[3] == "resumed: somebody asked for it"
    text = recorder.cli("gaps").text
    assert "recording was suspended" in text


def test_a_setting_ends_it(new_recorder, tmp_path):
    """DisableResourceMonitor, at once; and what a recorder that was killed did not tell of it the next one does."""
    limits = sets(CpuThrottleTargetPercent=100, CpuThrottleCalculateTotalSystem=0, ResourceMonitorCPUPercent=2,
                  ResourceMonitorSustainedSecs=2)
    recorder = new_recorder(ALL, limits=limits).start()
    with storm(tmp_path / "storm"):
        wait_until(lambda: recorder.status()["state"] == "suspended", "it is suspended")
    has_said(recorder, "suspended until somebody")
    recorder.kill9()
    recorder.start()
    assert recorder.status()["state"] == "suspended"
    recorder.cli("config", "set", "DisableResourceMonitor", "1", "--config", recorder.config)
    wait_until(lambda: recorder.status()["state"] == "recording", "it records again")
    has_said(recorder, "resumed: the resource monitor is disabled")
    recorder.stop()
    assert len(recorder.query("SELECT * FROM gaps WHERE cause = 'suspended'")) >= 1
    assert not (recorder.state / "suspension").read_text().endswith("1 2\n")


def switches(pid):
    """Voluntary ones of each thread: how often it was woken."""
    counts = {}
    for task in (path for path in os.listdir(f"/proc/{pid}/task")):
        with open(f"/proc/{pid}/task/{task}/status") as status:
            text = status.read()
        counts[re.search(r"Name:\t(.*)", text)[1]] = int(re.search(r"^voluntary_ctxt_switches:\t(\d+)", text, re.M)[1])
    return counts


def sleeps(pid, thread):
    before = switches(pid)[thread]
    time.sleep(0.5)
    return switches(pid)[thread] == before


@pytest.mark.parametrize("source", [None, "ebpf", "audit"])
def test_idle_it_sleeps(new_recorder, source):
    """No thread is woken more often than about once a second when nothing happens. What others of this machine do meanwhile is counted: their
    processes are seen by whoever subscribed to anything."""
    quiet = {"name": "quiet", "domain": "recorder", "streams": [{"type": "database", "event_filters": [
        {"terms": ["file.write", "file.path starts with '/nowhere/'"]}]}]}
    recorder = new_recorder(quiet if source else None, source=source or "audit", arguments=["--set", "CanaryIntervalSecs=0"]).start()
    pid, seconds = recorder.process.pid, 4
    if source:
        awake = ("hasher",)    # what others run is to be hashed, and what ran before
    else:
        wait_until(lambda: sleeps(pid, "hasher"), "it knows the definitions of the host")
        awake = ()
    counters, before = recorder.status(), switches(pid)
    time.sleep(seconds)
    after, now = switches(pid), recorder.status()
    most = dict.fromkeys(after, 2 * seconds + 2 + 8 * (now["received"] - counters["received"]))
    if source == "audit":    # the answers of the kernel, one after the other: each second while anything comes, else every five
        is_silent = now.get("records.received.audit") == counters.get("records.received.audit")
        most["recorder"] += 10 if is_silent else 5 * seconds
    woken = {name: n - before.get(name, 0) for name, n in after.items() if name not in awake}
    assert all(n <= most[name] for name, n in woken.items()), (woken, most)
    recorder.stop()


def one_processor(tmp_path, *command):
    """In a mount namespace where the machine has one processor."""
    (tmp_path / "online").write_text("0\n")
    return ["unshare", "--mount", "sh", "-c", f"mount --bind {tmp_path}/online /sys/devices/system/cpu/online && exec \"$@\"", "sh",
            *map(str, command)]


def test_one_processor(new_recorder, tmp_path):
    """EnableSingleCpuRequirement: refused, with the way around it; and then it records, and health says what that costs."""
    if subprocess.run(one_processor(tmp_path, "getconf", "_NPROCESSORS_ONLN"), capture_output=True).stdout.strip() != b"1":
        pytest.skip("the number of processors cannot be made up here")
    recorder = new_recorder(prefix=one_processor(tmp_path)).start(wait=False)
    assert "EnableSingleCpuRequirement = 0" in recorder.exit(4)
    recorder = new_recorder(prefix=one_processor(tmp_path), arguments=["--set", "EnableSingleCpuRequirement=0"]).start()
    assert recorder.check("processors")["level"] == "warn"
    recorder.stop()
