"""Subscriptions that come, change and go while the recorder runs."""
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import time

import pytest

import checks
import driver
import kernel
from conftest import both_sources
from driver import Truth, wait_until

pytestmark = pytest.mark.live


def ask(recorder, command, **members):
    """The result, or the error."""
    with recorder.connect() as connection, connection.makefile("rwb") as stream:
        stream.write(json.dumps({"command": command, **members}).encode() + b"\n")
        stream.flush()
        answer = json.loads(stream.readline())
        return answer["result"] if answer["ok"] else answer["error"]


def register(recorder, document):
    return ask(recorder, "recorder.register-subscription", document=json.dumps(document))


def database(name, *filters):
    return {"name": name, "streams": [{"type": "database", "event_filters": [{"terms": list(terms)} for terms in filters]}]}


def journal(name, *filters):
    return {"name": name, "streams": [{"type": "journal", "event_filters": [{"terms": list(terms)} for terms in filters]}]}


def paths(recorder, action="create"):
    return [row["file_path"] for row in recorder.query("SELECT file_path FROM file_events WHERE action = ? ORDER BY sequence",
                                                       action)]


def state(recorder):
    return recorder.status()["state"]


source = both_sources


@pytest.fixture
def idle(new_recorder):
    return new_recorder(subscription=None).start()


def ours_in_kernel():
    """Programs of the recorder, and rules."""
    return kernel.programs(), kernel.state()["rules"]


def test_first_and_last(idle, folder):
    """Without a subscription nothing of the recorder is in the kernel; with one it records, and then again not."""
    assert state(idle) == "idle"
    nothing = (set(), kernel.state()["rules"])
    wait_until(lambda: ours_in_kernel() == nothing, "what the recorder of the test before had is gone")
    for turn in range(3):
        answer = register(idle, database("files", ["file", f"file.path starts with '{folder}/'"]))
        assert answer["name"] == "files" and not answer["replaced"], answer
        (folder / f"yes-{turn}").touch()
        assert state(idle) == "recording"
        assert ours_in_kernel() != nothing
        assert ask(idle, "recorder.clear-subscriptions") == {"removed": 1}
        assert state(idle) == "idle"
        wait_until(lambda: ours_in_kernel() == nothing, "nothing of it is in the kernel")
        (folder / f"no-{turn}").touch()
    assert ask(idle, "recorder.clear-subscriptions") == {"removed": 0}
    idle.stop()
    assert paths(idle) == [str(folder / f"yes-{turn}") for turn in range(3)]
    gaps = [row for row in idle.query("SELECT * FROM gaps ORDER BY begin") if row["cause"] == "not_subscribed"]
    assert len(gaps) == 4, gaps
    told = idle.query("SELECT recorder_message FROM recorder_events WHERE recorder_message LIKE 'recording with %' ORDER BY sequence")
    assert len(told) == 4 and len({row["recorder_message"] for row in told[1:]}) == 1, told      # the first with nothing


@pytest.mark.parametrize("source", ["audit"])     # the same by both
def test_killed_while_nobody_subscribes(idle, folder):
    """The time in which nothing was recorded is a gap, also if nobody lived to tell its end."""
    register(idle, database("files", ["file", f"file.path starts with '{folder}/'"]))
    (folder / "yes").touch()
    before = time.time_ns()
    assert ask(idle, "recorder.clear-subscriptions") == {"removed": 1}
    time.sleep(8)       # longer than an event is on its way
    idle.kill9()
    idle.start()
    after = time.time_ns()
    idle.stop()
    gaps = sorted((driver.nanoseconds(row["begin"]), driver.nanoseconds(row["end"])) for row in idle.query("SELECT * FROM gaps")
                  if row["class"] == "all")
    until = before + 10**9      # by then it is over
    for begin, end in gaps:
        until = max(until, end) if begin <= until else until
    assert until >= after - 10**9, (before, after, gaps)


# What a second subscription wants, beside the first.
OTHERS = [
    [("file", "file.operation is 'read'")],
    [("network",), ("dns",)],
    [("file", "file.path starts with '/usr/'"), ("process", "process.name is 'nobody-has-this-name'")],
    [("image",), ("security",), ("driver",), ("system",)],
    [("process",), ("file", "file.path starts not with '/proc/'"), ("network", "network.direction is 'inbound'")],
]


class Acts:
    """Truth programs one after the other, while something else happens."""

    def __init__(self, folder):
        self.files, self.processes, self.end = [], [], threading.Event()
        self.folder, self.thread = folder, threading.Thread(target=self.run)

    def run(self):
        while not self.end.is_set():
            self.files.append(Truth("files", "storm", "20", self.folder))
            self.processes.append(Truth("spawn", "storm", "3", driver.tiny()))
            self.end.wait(0.03)  # what is recorded is to be looked through later

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.end.set()
        self.thread.join()


def test_many_changes(new_recorder, folder, source):
    """Who stays subscribed misses nothing while another comes, changes and goes: each way of it four times, or, where each loads rules of
    audit anew, twice."""
    base = database("base", ["process"], ["file", "file.operation not in ('read')"])
    recorder = new_recorder(subscription=base).start()
    changed = 0
    with Acts(folder) as acts:
        while changed < (80 if source == "ebpf" else 40):
            answer = register(recorder, journal("other", *OTHERS[changed % len(OTHERS)]))
            assert answer == {"name": "other", "replaced": changed % 4 != 0, "protected": False,
                              "warnings": answer.get("warnings")}, answer
            changed += 1
            if changed % 4 == 3:
                assert ask(recorder, "recorder.unregister-subscription", name="other") == {"name": "other"}
                changed += 1
    recorder.stop()
    assert len(acts.files) > 5
    with recorder.reading():
        for truth in acts.files:
            checks.files(recorder, truth)
        for truth in acts.processes:
            checks.processes(recorder, truth)
    told = recorder.query("SELECT recorder_message FROM recorder_events WHERE action = 'config' AND recorder_message NOT LIKE 'recording with %'")
    assert len(told) == changed
    assert not recorder.query("SELECT * FROM gaps")


@pytest.fixture
def open_folder():
    """Where everybody may write, which is not so below that of the tests."""
    with tempfile.TemporaryDirectory(prefix="recorder-", dir="/etc") as path:
        os.chmod(path, 0o777)
        yield pathlib.Path(path)


def test_as_a_new_user(idle, open_folder):
    """Only what users other than root write below a folder; changed, broken, cleared."""
    folder = open_folder
    (folder / "of-root").write_text("0")
    document = database("writes", ["file", f"file.path starts with '{folder}/'", "process.user_name not is 'root'"])
    assert register(idle, document)["warnings"] == []

    def write(name):
        (folder / name).write_text("1")  # by root
        subprocess.run(["setpriv", "--reuid", "nobody", "--clear-groups", "sh", "-c", f"echo > {folder}/{name}-of-nobody"],
                       check=True, stdin=subprocess.DEVNULL)

    write("first")
    assert register(idle, database("writes", ["file", f"file.path ends with '-of-root'"],
                                   ["file", f"file.path is '{folder}/second'"])) == {
        "name": "writes", "replaced": True, "protected": False, "warnings": []}
    write("second")
    wrong = json.dumps(document).replace("user_name", "user_nam")
    assert ask(idle, "recorder.register-subscription", document=wrong) == {
        "code": "bad_subscription", "where": "streams[0].event_filters[0].terms[2]",
        "message": "unknown field 'process.user_nam', did you mean 'process.user_name'?"}
    listed = ask(idle, "recorder.list-subscriptions")
    assert listed == {"subscriptions": [{"name": "writes", "streams": 1, "filters": 2, "signals": 0, "protected": False,
                                         "saved": True}], "refused": []}
    assert json.loads(ask(idle, "recorder.get-subscription", name="writes")["document"])["streams"][0]["event_filters"][0] \
        ["terms"][1].endswith("'-of-root'")
    assert ask(idle, "recorder.get-subscription", name="write")["message"] == \
        "there is no subscription 'write', did you mean 'writes'?"
    assert ask(idle, "recorder.clear-subscriptions") == {"removed": 1}
    write("third")
    assert state(idle) == "idle" and idle.status()["event_source"] == "none"
    idle.stop()
    assert set(paths(idle)) == {str(folder / "first-of-nobody"), str(folder / "second")}


def test_files(idle, folder):
    """What is put into the folder of subscriptions acts as if it were registered."""
    place = idle.state / "subscriptions"

    def put(name, text):
        (place / f".{name}").write_text(text)
        (place / f".{name}").rename(place / name)

    def filters():
        return {each["name"]: each["filters"] for each in ask(idle, "recorder.list-subscriptions")["subscriptions"]}

    def refused():
        return {each["file"]: each["why"] for each in ask(idle, "recorder.list-subscriptions")["refused"]}

    one = database("one", ["file", f"file.path starts with '{folder}/'"])
    put("one.json", json.dumps(one))
    wait_until(lambda: filters() == {"one": 1}, "the file is in force")
    (folder / "a").touch()
    put("two.json", json.dumps(database("two", ["process"], ["dns"])))
    wait_until(lambda: filters() == {"one": 1, "two": 2}, "so is the second")
    put("one.json", json.dumps(one)[:-10])
    wait_until(lambda: refused(), "half a file is refused")
    assert refused()["one.json"].startswith("line 1, column") and filters() == {"one": 1, "two": 2}
    (folder / "b").touch()
    put("three.json", json.dumps(one))
    (place / "four.json").mkdir()
    (place / "five.json").symlink_to(place / "two.json")
    os.mkfifo(place / "six.json")
    put("seven.json", "x" * (1 << 21))
    put("eight.json", json.dumps({"name": "eight", "streams": [{"type": "journal", "name": "same"}]}))
    wait_until(lambda: len(refused()) == 7, "so are those that are none")
    assert refused() == {
        "one.json": refused()["one.json"], "three.json": "name: it says 'one', so the file must be called one.json",
        "four.json": "a folder, not a file", "six.json": "not an ordinary file", "seven.json": "larger than 1 MiB",
        "five.json": "a symbolic link, which is not followed (put the file itself there)", "eight.json": "streams[0]: key 'event_filters' is missing"}
    assert idle.status()["subscriptions_refused"] == 7
    put("one.json", json.dumps(one))
    wait_until(lambda: len(refused()) == 6, "a file that is right again is in force again")
    (place / "two.json").unlink()
    wait_until(lambda: filters() == {"one": 1}, "a file that is gone is in force no more")
    # Over the socket it is the same file.
    assert ask(idle, "recorder.unregister-subscription", name="one") == {"name": "one"}
    assert not (place / "one.json").exists() and state(idle) == "idle"
    idle.stop()
    assert paths(idle) == [str(folder / "a"), str(folder / "b")]


def test_restart(idle, folder):
    """What was registered is in force after a restart, whoever has ended the run before."""
    register(idle, database("kept", ["file", f"file.path starts with '{folder}/'"]))
    (folder / "a").touch()
    assert (idle.state / "subscriptions" / "kept.json").stat().st_mode & 0o777 == 0o600
    idle.stop()
    idle.start()
    assert state(idle) == "recording"
    (folder / "b").touch()
    wait_until(lambda: len(paths(idle)) == 2, "it is stored")
    before = idle.before
    idle.kill9()
    idle.start()
    idle.before = before
    (folder / "c").touch()
    idle.stop()
    assert paths(idle) == [str(folder / name) for name in "abc"]


def test_journals(idle, folder):
    """Journals open and close with their streams, and each event is in those that were in force."""
    def journals(*names):
        return {"name": "journals", "streams": [
            {"type": "journal", "name": name, "event_filters": [{"terms": ["file", f"file.path starts with '{folder}/'"]}]}
            for name in names]}

    def found(name):
        lines = driver.json_lines((idle.state / "journals" / f"{name}.jsonl").read_text())
        return [line["file"]["path"].rsplit("/", 1)[1] for line in lines if line["event"]["action"] == "create"]

    for turn, names in enumerate([("a", "b"), ("b", "c"), ("c",), ("a", "c")]):
        register(idle, journals(*names))
        (folder / f"{turn}").touch()
    other = journals("c")
    other["name"] = "other"
    assert register(idle, other)["message"] == "journal 'c' is that of the subscription 'journals' already"
    (idle.state / "journals" / "d.jsonl").mkdir()
    answer = register(idle, journals("a", "c", "d"))
    assert answer["code"] == "failed" and "d.jsonl" in answer["message"], answer
    (folder / "4").touch()
    idle.stop()
    assert (found("a"), found("b"), found("c")) == (["0", "3", "4"], ["0", "1"], ["1", "2", "3", "4"])


def test_too_much(idle):
    """What is too large is refused and changes nothing."""
    kept = database("kept", ["security"])
    register(idle, kept)
    with idle.connect() as connection:
        connection.sendall(b'{"command":"recorder.register-subscription","document":"' + b"x" * (10 << 20))
        answer = json.loads(connection.makefile("rb").readline())
    assert answer["error"]["code"] == "too_large"
    many = database("many", *[["file", f"file.path is '/{n}'"] for n in range(10000)])
    answer = register(idle, many)
    assert answer["code"] == "bad_subscription" and answer["where"] == "streams[0].event_filters", answer
    streams = {"name": "streams", "streams": database("", ["process"])["streams"] * 62}
    assert register(idle, streams)["name"] == "streams"
    assert "63" in register(idle, database("one-more", ["process"]))["message"]
    assert {each["name"] for each in ask(idle, "recorder.list-subscriptions")["subscriptions"]} == {"kept", "streams"}


def test_asked_for_no_more(new_recorder, folder):
    """Files that nobody can want by their path do not leave the kernel; when somebody wants them they do."""
    recorder = new_recorder(subscription=None, source="ebpf").start()
    register(recorder, database("here", ["file", f"file.path starts with '{folder}/'"], ["file", "file.path is '/etc/nothing'"]))

    def dropped():
        return sum(recorder.status()[f"ebpf.dropped.{name}"] for name in ("file", "file_write", "file_read"))

    with tempfile.TemporaryDirectory(prefix="recorder-", dir="/var/tmp") as elsewhere:
        before = dropped()
        Truth("files", "storm", "100", elsewhere)
        assert dropped() >= before + 100
        truth = Truth("files", "storm", "10", folder)
        register(recorder, database("there", ["file", f"file.path starts with '{elsewhere}/'"]))
        there = Truth("files", "storm", "10", elsewhere)
        ask(recorder, "recorder.unregister-subscription", name="there")
        before = dropped()
        Truth("files", "storm", "100", elsewhere)
        assert dropped() >= before + 100
        register(recorder, database("everywhere", ["file", "file.operation is 'rename'"], ["file", "file.path ends with 'storm1'"]))
        Truth("files", "storm", "2", elsewhere)
    recorder.stop()
    checks.files(recorder, truth)
    checks.files(recorder, there)
    assert paths(recorder)[-1].endswith("/storm1")
