"""What only the programs in the kernel show: bytes written, ends of connections, names asked for, mapped code,
containers; and that what they cost, lose and leave behind is what is said of it."""
import collections
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

import checks
import driver
import kernel
from driver import Truth, field, nanoseconds, unhex, wait_until

pytestmark = pytest.mark.live

CATEGORIES = ("process", "file", "network", "dns", "http", "image", "driver", "security", "system")
EVERYTHING = {"name": "everything", "domain": "recorder", "streams": [
    {"type": "database", "event_filters": [{"terms": [category]} for category in CATEGORIES]}]}


def only(*categories):
    return {"name": "only", "domain": "recorder", "streams": [
        {"type": "database", "event_filters": [{"terms": [category]} for category in categories]}]}


@pytest.fixture
def source():
    return "ebpf"


@pytest.fixture
def open_folder(folder):
    """One that every user can write to."""
    folder.chmod(0o777)
    for parent in folder.parents:
        if parent.stat().st_mode & 0o001 == 0:
            parent.chmod(parent.stat().st_mode | 0o011)
    return folder


def rows_of(recorder, view, pids, where="1"):
    return recorder.query(f"SELECT * FROM {view} WHERE process_pid IN (SELECT value FROM json_each(?)) AND {where} "
                          "ORDER BY sequence", json.dumps(sorted(pids)))


def check_process(row, truth, act):
    """The process of an event that a truth program, or a child that runs the same, told of."""
    assert field(row, "process.executable") == os.fsencode(truth.exe), act
    assert row["process_parent_pid"] == act.get("ppid", os.getpid()), act
    assert (row["user_name"], row["user_effective_name"], row["user_audit_name"]) == ("root", "root", "unset"), act
    assert row["recorder_source"] == "ebpf"


def diff(did, recorded):
    """What is missing, and what is there but was not done."""
    did, recorded = collections.Counter(did), collections.Counter(recorded)
    return [f"missing: {item}" for item in (did - recorded).elements()] + \
        [f"not done: {item}" for item in (recorded - did).elements()]


# Bytes written

def written_rows(recorder, acts):
    return rows_of(recorder, "file_events", {act["pid"] for act in acts}, "file_writes_count IS NOT NULL")


def check_written(recorder, truth, acts):
    """Each open file that was written to has one event, and no other has any."""
    paths = {unhex(act["path"]) for act in acts}
    rows = [row for row in written_rows(recorder, acts) if field(row, "file.path") in paths]
    assert diff([(act["pid"], unhex(act["path"]), act["bytes"], act["count"]) for act in acts],
                [(row["process_pid"], field(row, "file.path"), row["file_writes_bytes"], row["file_writes_count"])
                 for row in rows]) == []
    by_key = {(act["pid"], unhex(act["path"]), act["bytes"]): act for act in acts}
    for row in rows:
        check_process(row, truth, by_key[row["process_pid"], field(row, "file.path"), row["file_writes_bytes"]])
        assert (row["action"], row["event_outcome"], row["file_type"]) == ("write", "success", "file")
        assert row["process_start"] <= row["file_writes_first"] <= row["file_writes_last"] <= row["time"]
        assert row["file_writes_count"] > 1 or row["file_writes_first"] == row["file_writes_last"]


@pytest.mark.parametrize("mode", ["all", "ends", "shared", "descriptors"])
def test_written(recorder, folder, mode):
    truth = Truth("written", mode, folder)
    recorder.stop()
    acts = truth.of("written")
    check_written(recorder, truth, acts)
    if mode == "all":
        check_nothing_else_written(recorder, acts)
        assert [row["file_mode"] for row in written_rows(recorder, acts) if field(row, "file.path").endswith(b"/mode")] == ["4755"]


def check_nothing_else_written(recorder, acts):
    """To no file that was only read, or written to in vain, no pipe, no socket, no device."""
    told = {unhex(act["path"]) for act in acts}
    assert [path for path in (field(row, "file.path") for row in written_rows(recorder, acts)) if path not in told] == []


def test_only_read(recorder, folder):
    truth = Truth("written", "reused", folder)
    recorder.stop()
    assert len(truth.of("written")) == 20
    check_nothing_else_written(recorder, truth.of("written"))


def test_many_written(new_recorder, folder):
    """More than the programs look at in one go. All that is told at the end, in a moment, has room."""
    recorder = new_recorder(config="CX.recorder.EbpfRingBufferSizeKB = 8192\n").start()
    truth = Truth("written", "many", folder, "9000")
    recorder.stop()
    check_written(recorder, truth, truth.of("written"))


def check_sums(recorder, act):
    """What is told of it in several events is all that was written. Returns them."""
    rows = written_rows(recorder, [act])
    assert {field(row, "file.path") for row in rows} == {unhex(act["path"])}
    assert sum(row["file_writes_bytes"] for row in rows) == act["bytes"]
    assert sum(row["file_writes_count"] for row in rows) == act["count"]
    assert all(row["file_writes_first"] <= row["file_writes_last"] <= row["time"] for row in rows)
    return rows


def test_written_and_closed_unseen(recorder, folder):
    """More than can be kept, of which nobody sees the end: each is told at once, or counted in a gap."""
    truth = Truth("written", "unseen", folder, "20000")
    recorder.stop()
    acts = truth.of("written")
    paths = {unhex(act["path"]) for act in acts}
    told = [row for row in written_rows(recorder, acts) if field(row, "file.path") in paths]
    gaps = recorder.query("SELECT * FROM gaps WHERE class = 'file'")
    assert {row["exact"] for row in gaps} <= {1}
    missing = sum(row["count"] for row in gaps)
    assert 0 <= len(told) + missing - len(acts) <= 20, (len(told), missing)  # others use this machine too


def test_written_around_a_failing_exec(recorder, folder):
    truth = Truth("written", "failing", folder)
    recorder.stop()
    check_sums(recorder, *truth.of("written"))


def test_written_by_threads_for_long(new_recorder, folder):
    """Neither tells what the other does, nor is anything lost between what two events tell."""
    recorder = new_recorder(config="CX.recorder.EmitFileWriteIntervalSecs = 1\n").start()
    truth = Truth("written", "busy", folder)
    recorder.stop()
    assert 3 <= len(check_sums(recorder, *truth.of("written"))) <= 4


def test_written_by_threads(recorder, folder):
    """At once, to one open file: no byte is lost between the two."""
    truth = Truth("written", "threads", folder, "300")
    recorder.stop()
    check_written(recorder, truth, truth.of("written"))


def test_written_while_the_descriptor_changes(recorder, folder):
    """A close has freed the descriptor before it returns, so that another file is written to by it meanwhile."""
    truth = Truth("written", "raced", folder, "2000")
    recorder.stop()
    act, = truth.of("written")
    rows = [row for row in written_rows(recorder, [act]) if field(row, "file.path").startswith(unhex(act["path"]))]
    assert sum(row["file_writes_count"] for row in rows) == act["count"]
    paths = [field(row, "file.path") for row in rows]
    assert len(set(paths)) > 1000


def test_written_for_long(new_recorder, folder):
    """What stays open has an event now and then, each of at least the interval."""
    recorder = new_recorder(config="CX.recorder.EmitFileWriteIntervalSecs = 1\n").start()
    truth = Truth("written", "slow", folder)
    recorder.stop()
    act, = truth.of("written")
    rows = check_sums(recorder, act)
    times = [tuple(map(nanoseconds, (row["file_writes_first"], row["file_writes_last"]))) for row in rows]
    assert all(before[1] < after[0] for before, after in zip(times, times[1:])), times
    assert all(first <= last for first, last in times)
    assert len(times) >= 3
    assert all(last - first >= 10**9 for first, last in times[:-1]), times
    # The program looked at its clock a moment after each write, which may be long on a busy machine.
    assert all(last - first <= 10**9 + 2 * act["max_step"] for first, last in times), times


@pytest.mark.parametrize("more", [0, 3000])
def test_written_and_still_open(recorder, folder, more):
    """At the stop; more than the reader takes in one go."""
    truth = Truth("written", "open", folder, str(more), hold=True)
    recorder.stop()
    truth.finish()
    assert len(truth.of("written")) == more + 2
    check_written(recorder, truth, truth.of("written"))


# Connections

def ends_of(row):
    """(local, remote) of an event: where a connection comes from is the other side if it was taken."""
    ends = (row["source_ip"], row["source_port"]), (row["destination_ip"], row["destination_port"])
    return ends[::-1] if row["action"] == "accept" else ends


def said_ends(act):
    """Port 0 is none yet."""
    return (act["local_ip"], act["local_port"] or None), (act.get("remote_ip"), act.get("remote_port"))


def test_addresses(recorder):
    """Both ends of each call, also those that the kernel chose."""
    truth = Truth("network", "transfers")
    recorder.stop()
    begun = truth.of("address", how="in progress")
    assert len(begun) == 3
    check_addresses(recorder, truth, begun, "event_outcome = 'in_progress'")
    check_addresses(recorder, truth, [act for act in truth.of("address") if act not in begun],
                    "NOT (action = 'disconnect' AND network_transport = 'tcp') AND event_outcome = 'success'")


def check_addresses(recorder, truth, acts, where):
    rows = rows_of(recorder, "network_events", {act["pid"] for act in acts}, where)
    assert diff([(act["pid"], act["action"], *said_ends(act)) for act in acts],
                [(row["process_pid"], row["action"], *ends_of(row)) for row in rows]) == []
    by_ends = {(act["pid"], act["action"], *said_ends(act)): act for act in acts}
    for row in rows:
        check_process(row, truth, by_ends[row["process_pid"], row["action"], *ends_of(row)])
        assert row["network_direction"] == {"connect": "egress", "accept": "ingress"}.get(row["action"])


# What the program said of an end, and what the row says.
END = {
    "process": (lambda act: act["pid"], lambda row: row["process_pid"]),
    "remote": (lambda act: (act["remote_ip"], act["remote_port"]),
               lambda row: (row["destination_ip"], row["destination_port"])),
    "local address": (lambda act: act["local_ip"], lambda row: row["source_ip"]),
    "local port": (lambda act: act["local_port"], lambda row: row["source_port"]),
    "in": (lambda act: act.get("in"), lambda row: row["source_bytes"]),
    "out": (lambda act: act.get("out"), lambda row: row["destination_bytes"]),
}


def check_ends(acts, rows):
    assert diff([tuple(of_act(act) for of_act, _ in END.values()) for act in acts],
                [tuple(of_row(row) for _, of_row in END.values()) for row in rows]) == []


def test_ends(recorder):
    """Each end of each connection ends once, whoever is on the processor then, also after its process."""
    truth = Truth("network", "transfers")
    recorder.stop()
    acts = truth.of("end")
    pids = {act["pid"] for act in acts}
    rows = rows_of(recorder, "network_events", pids, "action = 'disconnect' AND network_transport = 'tcp'")
    assert len(acts) > 30 and any(act["again"] for act in acts)
    check_ends(acts, rows)
    begun = {row["process_entity_id"] for row in rows_of(recorder, "process_events", pids, "action = 'fork'")}
    for row in rows:
        check_process(row, truth, next(act for act in acts if act["pid"] == row["process_pid"]))
        assert row["process_entity_id"] in begun
        assert (row["event_outcome"], row["network_transport"]) == ("success", "tcp")
        assert row["network_type"] == ("ipv6" if ":" in row["destination_ip"] else "ipv4")
    # What was over when it was taken ends after that, and is an event of its own.
    over, = truth.of("end", how="over when it was taken")
    rows = rows_of(recorder, "network_events", [over["pid"]], f"{over['remote_port']} IN (source_port, destination_port)")
    assert [row["action"] for row in rows] == ["connect", "disconnect", "accept", "disconnect"]
    assert len({row["event_id"] for row in rows}) == 4


def test_ends_of_multipath(recorder):
    """It ends some time after it was closed; how much it moved nobody says, and nothing is made up."""
    truth = Truth("network", "multipath")
    acts = truth.of("end")
    if not acts:
        pytest.skip("this kernel has no MPTCP")

    def rows():
        return rows_of(recorder, "network_events", [truth.pid], "action = 'disconnect'")
    wait_until(lambda: len(rows()) >= len(acts), "both ends are told", 10)
    recorder.stop()
    check_ends(acts, rows())


# Names

def wire(name):
    """A name as in a message."""
    labels = [re.sub(rb"\\(\d{3})", lambda match: bytes([int(match[1])]), label.encode())
              for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


TYPES = {"A": 1, "CNAME": 5, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "TYPE65280": 65280}
WAYS = ("sendto", "send", "write", "sendmsg", "sendmsg-named", "sendmmsg", "sendmmsg-named", "peek", "thread", "child",
        "writev", "stream", "stream-write", "stream-apart", "stream-message", "stream-vectors", "stream-peek", "stream-twice",
        "stream-both", "stream-line", "pieces", "vectors", "stream-pieces")
ONE, TWO = "192.0.2.1", "2001:db8::1"


def text_of(data):
    return bytes([len(data)]) + data


# name, type: code, answers as (type, data, as shown)
LONG_NAME = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61])
TOO_LONG = [("TXT", text_of(b"x" * 250) * 10, 'TXT ' + " ".join(['"' + "x" * 250 + '"'] * 10))] * 3
ZONE = {
    ("list.truth", "A"): ("NOERROR", [("A", socket.inet_aton(ip), f"A {ip}")
                                      for ip in (ONE, "192.0.2.2", "203.0.113.255")]),
    ("alias.truth", "AAAA"): ("NOERROR", [("CNAME", wire("target.truth"), "CNAME target.truth"),
                                          ("AAAA", socket.inet_pton(socket.AF_INET6, TWO), f"AAAA {TWO}")]),
    ("Case.TRUTH", "MX"): ("NOERROR", [("MX", b"\0\x0a" + wire("mail.truth"), "MX 10 mail.truth")]),
    ("text.truth", "TXT"): ("NOERROR", [("TXT", text_of(b'say "hi"\x07') + text_of(b""), 'TXT "say \\"hi\\"\\007" ""')]),
    ("1.2.0.192.in-addr.arpa", "PTR"): ("NOERROR", [("PTR", wire("host.truth"), "PTR host.truth")]),
    ("private.truth", "TYPE65280"): ("NOERROR", [("TYPE65280", b"\xde\xad\xbe\xef", "TYPE65280 \\# 4 deadbeef")]),
    ("nobody.truth", "A"): ("NXDOMAIN", []),
    ("nothing.truth", "AAAA"): ("NOERROR", []),
    ("broken.truth", "A"): ("SERVFAIL", []),
    ("refused.truth", "A"): ("REFUSED", []),
    (r"caf\233.\255\001.truth", "A"): ("NOERROR", [("A", socket.inet_aton(ONE), f"A {ONE}")]),
    (LONG_NAME, "A"): ("NOERROR", [("A", socket.inet_aton(ONE), f"A {ONE}")]),
    (".", "A"): ("NOERROR", [("A", socket.inet_aton(ONE), f"A {ONE}")]),
    ("big.truth", "TXT"): ("NOERROR", TOO_LONG[:1]),
    ("too-big.truth", "TXT"): ("NOERROR", TOO_LONG),
    **{(f"{way}.truth", "A"): ("NOERROR", [("A", socket.inet_aton(ONE), f"A {ONE}")]) for way in [*WAYS, "library"]},
    **{(f"{way}.truth", "AAAA"): ("NOERROR", [("AAAA", socket.inet_pton(socket.AF_INET6, TWO), f"AAAA {TWO}")])
       for way in [*WAYS, "library"]},
}
CODES = {"NOERROR": 0, "SERVFAIL": 2, "NXDOMAIN": 3, "REFUSED": 5}


@pytest.fixture
def name_server():
    zone = {(wire(name), TYPES[kind]): (CODES[code], [(TYPES[of], data) for of, data, _ in answers])
            for (name, kind), (code, answers) in ZONE.items()}
    try:
        server = driver.NameServer(zone)
    except OSError as error:
        pytest.skip(str(error))
    with server:
        yield server


def type_name(number):
    return next(name for name, value in TYPES.items() if value == number)


def check_names(recorder, truth, acts):
    """Each question and each answer has its event, in order, and there are no others."""
    names = {unhex(act["name"]).decode() for act in acts}
    rows = [row for row in rows_of(recorder, "dns_events", {act["pid"] for act in acts})
            if row["dns_question_name"] in names]
    assert len({row["event_id"] for row in rows}) == len(rows)
    said = [(act["pid"], act["action"], act["id"], unhex(act["name"]).decode(), type_name(act["type"])) for act in acts]
    shown = [(row["process_pid"], row["action"], row["dns_id"], row["dns_question_name"], row["dns_question_type"])
             for row in rows]
    assert diff(said, shown) == []
    assert said == shown
    for row, act in zip(rows, acts):
        code, answers = ZONE[unhex(act["name"]).decode(), type_name(act["type"])]
        check_process(row, truth, act)
        assert row["event_outcome"] in (None, "success", "unknown")
        assert (row["destination_ip"], row["destination_port"]) == (act["server"], 53)
        assert row["source_port"] == act["local_port"]
        assert "local_ip" not in act or row["source_ip"] == act["local_ip"]
        assert row["network_transport"] == act["transport"]
        assert row["network_type"] == ("ipv6" if ":" in act["server"] else "ipv4")
        assert row["network_direction"] == ("egress" if act["action"] == "query" else "ingress")
        if act["action"] == "query":
            assert (row["dns_response_code"], row["dns_answers"], row["dns_resolved_ip"]) == (None, None, None)
            continue
        assert row["dns_response_code"] == code, act
        shown = [text for _, _, text in answers]
        if answers is TOO_LONG:  # what was kept is right, and the event says that it is not all
            assert row["recorder_truncated"] == '["dns.answers"]'
            assert json.loads(row["dns_answers"]) == shown[:len(json.loads(row["dns_answers"]))]
            continue
        assert (row["recorder_truncated"], row["recorder_missing"]) == (None, None), act
        assert json.loads(row["dns_answers"] or "[]") == shown, act
        addresses = [text.split()[1] for of, _, text in answers if of in ("A", "AAAA")]
        assert json.loads(row["dns_resolved_ip"] or "[]") == addresses


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1"])
def test_names_by_every_call(recorder, name_server, ip):
    truth = Truth("names", "ask", ip)
    recorder.stop()
    assert {act["how"] for act in truth.of("dns")} == set(WAYS)
    check_names(recorder, truth, [act for act in truth.of("dns") if act["how"] != "stream-pieces"])
    rows = rows_of(recorder, "dns_events", {act["pid"] for act in truth.of("dns")})
    assert {row["dns_question_name"] for row in rows} <= {f"{way}.truth" for way in WAYS}
    # Taken apart into many pieces the answer may be none that can be told: but nothing is made of the pieces.
    actions = [row["action"] for row in rows if row["dns_question_name"] == "stream-pieces.truth"]
    assert actions in (["query"], ["query", "response"])


def test_names_by_the_library(recorder, name_server):
    """As every program does: getaddrinfo(3)."""
    truth = Truth("names", "library", "127.0.0.1", "library.truth")
    recorder.stop()
    rows = rows_of(recorder, "dns_events", [truth.pid])
    assert {row["dns_question_name"] for row in rows} == {"library.truth"}
    assert sorted((row["action"], row["dns_question_type"], row["dns_resolved_ip"]) for row in rows) == [
        ("query", "A", None), ("query", "AAAA", None), ("response", "A", f'["{ONE}"]'), ("response", "AAAA", f'["{TWO}"]')]


def test_names_of_every_sort(recorder, name_server):
    truth = Truth("names", "list", "127.0.0.1", *(f"{name}:{TYPES[kind]}" for name, kind in ZONE))
    recorder.stop()
    assert len(truth.of("dns")) == 4 * len(ZONE)
    check_names(recorder, truth, truth.of("dns"))


@pytest.mark.parametrize("mode", ["rubbish", "others"])
def test_no_names(recorder, name_server, mode):
    """What is no message about a name is no event, and what comes after it is there."""
    truth = Truth("names", mode, "127.0.0.1")
    recorder.stop()
    assert len(truth.of("dns")) == 2
    check_names(recorder, truth, truth.of("dns"))
    assert len(rows_of(recorder, "dns_events", [truth.pid])) == 2


# Code in memory

def test_code(recorder, folder, disk_path):
    library = disk_path / "library.so"
    shutil.copy(next(path for path in pathlib.Path("/proc/self/maps").read_text().split()
                     if re.search(r"/libm[.-][^/]*so", path)), library)
    truth = Truth("memory", "all", folder, library, driver.tiny())
    recorder.stop()
    images, rows = truth.of("image"), rows_of(recorder, "image_events", [truth.pid])
    assert [(field(row, "dll.path"), row["dll_inode"]) for row in rows] == [
        (unhex(act["path"]), act["inode"]) for act in images]
    assert {act["how"] for act in images} >= {"loaded at the start", "dlopen", "private", "shared"}
    memory, others = truth.of("memory"), rows_of(recorder, "security_events", [truth.pid])
    assert [(row["action"], row["auditd_syscall"], row["security_operation"]) for row in others] == [
        ("memory_exec", act["call"], act["operation"]) for act in memory]
    for row in [*rows, *others]:
        check_process(row, truth, {})
    # A program that never was a file.
    memfd, = truth.of("memfd")
    ran, = rows_of(recorder, "process_events", [memfd["pid"]], "action = 'exec'")
    assert field(ran, "process.executable") == b"/" + memfd["name"].encode()
    assert field(ran, "process.args") == unhex(memfd["args"])
    assert (ran["process_executable_file_is_memfd"], ran["process_executable_file_is_deleted"]) == (1, 0)
    row, = rows_of(recorder, "security_events", [memfd["pid"]])
    assert (row["action"], row["auditd_syscall"], row["security_object"]) == ("memory_exec", "execve", "/" + memfd["name"])
    assert row["process_entity_id"] == ran["process_entity_id"]


# Programs

def test_programs(recorder, folder):
    truth = Truth("spawn", "programs", driver.tiny(), folder)
    recorder.stop()
    wrong = []
    for act in truth.of("process"):
        row, = rows_of(recorder, "process_events", [act["pid"]], "action = 'exec'")
        env = [driver.unescape(item) if "process.env" in json.loads(row["recorder_escaped"] or "[]") else item.encode()
               for item in json.loads(row["process_env"] or "[]")]
        found = {
            "exe": field(row, "process.executable"),
            "args": field(row, "process.args"),
            "number of args": row["process_args_count"],
            "env": env,
            "cwd": field(row, "process.working_directory"),
            "interpreter": field(row, "process.interpreter"),
            "tty": row["process_tty_name"],
            "euid": row["user_effective_id"],
            "setuid": row["process_executable_file_is_setuid"],
            "deleted": row["process_executable_file_is_deleted"],
            "cut": json.loads(row["recorder_truncated"] or "[]"),
            "parent": row["process_parent_pid"],
            "outcome": row["event_outcome"],
        }
        expected = {
            "exe": unhex(act["exe"]),
            "args": unhex(act["args"]),
            "number of args": len(act["args"]),
            "env": unhex(act["env"]),
            "cwd": unhex(act["cwd"]),
            "interpreter": unhex(act["interpreter"]) if "interpreter" in act else None,
            "tty": act.get("tty"),
            "euid": act["euid"],
            "setuid": act["setuid"],
            "deleted": act["deleted"],
            "cut": [act["cut"]] if "cut" in act else [],
            "parent": truth.pid,
            "outcome": "success",
        }
        wrong += [f"{act['how']}: {name} is {found[name]!r:.300}, not {value!r:.300}"
                  for name, value in expected.items() if found[name] != value]
    assert not wrong, "\n".join(wrong)
    assert len(truth.of("process")) > 20


def test_many_at_once(recorder):
    """64 lives of a millisecond or two."""
    truth = Truth("spawn", "together", "64", driver.tiny())
    recorder.stop()
    checks.processes(recorder, truth)


# Containers

@pytest.fixture
def container(new_recorder, open_folder):
    """A recorder that has seen a container, and what went on in there."""
    recorder = new_recorder().start()
    truth = Truth("container", "all", open_folder, driver.tiny(), "64")
    recorder.stop()
    return recorder, truth


def test_container_processes(container):
    """Numbers as the host has them, users too; paths as the host sees them."""
    recorder, truth = container
    assert recorder.query("SELECT * FROM gaps") == []
    acts = truth.of("process")
    assert len([act for act in acts if act["how"] == "together"]) == 64
    rows = checks.by_pid(rows_of(recorder, "process_events", {act["pid"] for act in acts},
                                 "action IN ('fork', 'exec', 'exit')"))
    for act in acts:
        of_it = rows[act["pid"]]
        found = {row["action"]: row for row in of_it}
        assert [row["action"] for row in of_it] == ["fork", *(["exec"] if "exe" in act else []), "exit"], act["how"]
        assert {row["process_parent_pid"] for row in of_it} == {act["ppid"]}, act["how"]
        assert len({row["process_entity_id"] for row in of_it}) == 1
        assert found["exit"]["process_exit_code"] == act.get("exit")
        assert found["exit"]["process_exit_signal"] == act.get("signal")
        assert found["exit"]["user_id"] == 65534
        assert found["fork"]["user_id"] == (0 if act["how"] == "init" else 65534)
        if "exe" in act:
            checks.check_program(found["exec"], act)
            checks.check_user(found["exec"], "nobody")
            assert field(found["exec"], "process.working_directory") == unhex(act["cwd"]), act["how"]
    signal_act, = truth.of("signal")
    row, = rows_of(recorder, "process_events", [signal_act["pid"]], "action = 'signal'")
    assert (row["process_target_pid"], row["process_target_signal"]) == (signal_act["target"], signal_act["signal"])
    assert row["process_target_entity_id"] == rows[signal_act["target"]][0]["process_entity_id"]
    # Nothing else was begun there.
    entities = {row["process_entity_id"] for group in rows.values() for row in group}
    forks = recorder.query("SELECT process_pid FROM process_events WHERE action = 'fork' AND process_parent_entity_id IN "
                           "(SELECT value FROM json_each(?))", json.dumps(sorted(entities)))
    assert {row["process_pid"] for row in forks} == {act["pid"] for act in acts} - {acts[-1]["pid"]}


def wrong_files(recorder, truth):
    """[(how, action)] of what is not told right, though the event is sure of it."""
    wrong = set()
    for pid in {act["pid"] for act in truth.of("file")}:
        acts, rows = truth.of("file", pid=pid), rows_of(recorder, "file_events", [pid], "file_writes_count IS NULL")
        assert [row["action"] for row in rows] == [act["action"] for act in acts]
        for row, act in zip(rows, acts):
            assert row["user_name"] == "nobody"
            assert field(row, "process.executable") == os.fsencode(truth.exe)
            if field(row, "file.path") != unhex(act["path"]) and row["file_path_confidence"] != "guessed":
                wrong.add((act["how"], act["action"]))
            is_guessed, is_jailed = row["file_path_confidence"] == "guessed", act["how"].startswith("chroot")
            inside = unhex(act["inside"]) if "inside" in act else None
            found = field(row, "file.path_inside")
            if not is_guessed and found != inside:
                wrong.add((act["how"], act["action"], found, inside))
            # What is opened the kernel has walked: if nobody was left to be asked for the mounts it has the name inside.
            if row["file_inode"] is not None:
                assert field(row, "file.path") == unhex(act["inside"] if is_guessed and "inside" in act and not is_jailed else act["path"]), act
    return wrong


def test_container_files(container):
    recorder, truth = container
    assert len(truth.of("file")) > 30
    assert wrong_files(recorder, truth) == set()


def test_container_files_while_it_runs(new_recorder, open_folder):
    """Somebody is there to be asked, so nothing has to be guessed but where a file that was followed is gone."""
    recorder = new_recorder().start()
    truth = Truth("container", "held", open_folder, driver.tiny(), "0", hold=True)
    recorder.stop()
    truth.finish()
    assert wrong_files(recorder, truth) == set()
    rows = rows_of(recorder, "file_events", {act["pid"] for act in truth.of("file")}, "file_path_confidence IS NOT NULL")
    guessed = {(row["action"], field(row, "file.path")) for row in rows if row["file_path_confidence"] == "guessed"}
    # What a descriptor leads to that came from elsewhere nobody inside sees.
    elsewhere = "delete", os.fsencode(open_folder / "over/alias/left")
    # Nor what was mounted there, and hidden from the host, before somebody looked.
    hidden = {(act["action"], unhex(act["path"])) for act in truth.of("file") if act.get("inside") == act["path"]}
    assert elsewhere in guessed and guessed <= {elsewhere} | hidden
    assert len([row for row in rows if row["file_path_confidence"] == "joined"]) > 5


def test_container_network(container):
    recorder, truth = container
    act, = truth.of("connection")
    rows = rows_of(recorder, "network_events", [act["pid"]])
    assert [(row["action"], row["user_name"]) for row in rows] == [
        (action, "nobody") for action in ("bind", "listen", "connect", "disconnect")]
    assert {(row["source_ip"], row["source_port"]) for row in rows[:2]} == {("127.0.0.1", act["port"])}
    assert {(row["destination_ip"], row["destination_port"]) for row in rows[2:]} == {("127.0.0.1", act["port"])}


# Much at once

def test_fork_bomb(new_recorder):
    """20,000 children, 200 at a time: each is there or counted as lost, and the recorder stays small."""
    recorder = new_recorder(subscription=only("process")).start()
    largest, end = [0], threading.Event()

    def watch():
        while not end.is_set():
            largest[0] = max(largest[0], recorder.status()["rss_bytes"])
            end.wait(0.1)
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        truth = Truth("spawn", "bomb", "20000", "200")
    finally:
        end.set()
        watcher.join()
    status = recorder.status()
    recorder.stop()
    # What a sanitizer keeps of freed memory is not the recorder's.
    bound = (200 << 20) * (4 if b"__asan_init" in driver.BIN.read_bytes() else 1)
    assert 0 < max(largest[0], status["rss_bytes"]) < bound
    acts = truth.of("process")
    assert len(acts) == 20000
    rows = recorder.query("SELECT action, process_pid, process_exit_code, process_entity_id FROM process_events WHERE "
                          "process_parent_pid = ? AND action IN ('fork', 'exit')", truth.pid)
    gaps = recorder.query("SELECT * FROM gaps")
    lost = sum(row["count"] for row in gaps if row["class"] in ("process", "all"))
    for action, value in ("fork", None), ("exit", "exit"):
        did = collections.Counter((act["pid"], act.get(value)) for act in acts)
        recorded = collections.Counter((row["process_pid"], row["process_exit_code"])
                                       for row in rows if row["action"] == action)
        assert not recorded - did, "children that never were, or twice"
        assert sum((did - recorded).values()) <= lost, (action, gaps)
    forks = [row["process_entity_id"] for row in rows if row["action"] == "fork"]
    assert len(forks) == len(set(forks))


# By class of record: the category of its events.
CLASSES = {"exec": "process", "fork": "process", "exit": "process", "process": "process", "file": "file",
           "file_write": "file", "file_read": "file", "network": "network", "dns": "dns", "image": "image",
           "driver": "driver", "security": "security", "http": "http"}
SLACK_NS = 20 * 10**6  # a record is counted a moment after the time it bears, which itself is as good as the clock


def class_of(row):
    if row["category"] == "process":
        return row["action"] if row["action"] in ("exec", "fork", "exit") else "process"
    if row["category"] == "file":
        return f"file_{row['action']}" if row["action"] in ("read", "write") else "file"
    return row["category"]


def looked(recorder):
    """The status, and between which times the daemon made it."""
    with recorder.connect() as connection, connection.makefile("rwb") as stream:
        time.sleep(2 * SLACK_NS / 10**9)  # to connect was an event too
        before = time.time_ns()
        stream.write(b'{"command":"recorder.status"}\n')
        stream.flush()
        answer = json.loads(stream.readline())
        after = time.time_ns()
        time.sleep(2 * SLACK_NS / 10**9)
        return before, {item["name"]: item["value"] for item in answer["result"]}, after


def delivered(recorder):
    """By class the times of the records that became rows."""
    times = {name: [] for name in CLASSES}
    for category in set(CLASSES.values()):
        for row in recorder.query(f"SELECT category, action, time_ns, event_id FROM {category}_events WHERE "
                                  "recorder_source = 'ebpf'"):
            if int(row["event_id"].partition("-")[2], 16) >> 16 == 0:  # not the second event of a record
                times[class_of(row)].append(row["time_ns"])
    return times


def quiet(recorder, looks, merged=None):
    """The classes of which nothing happened during one of the looks: for them what is counted is exact. merged: all is stored, and this is
    how many were merged, which the core does some time after the kernel has made them."""
    exact = set()
    for name, times in delivered(recorder).items():
        for before, status, after in looks:
            least, most = sum(at <= before - SLACK_NS for at in times), sum(at <= after + SLACK_NS for at in times)
            there = status[f"ebpf.made.{name}"] - status[f"lost.ebpf.{name}"]
            # a fork is no row if its child was seen in /proc before
            assert merged is None or least <= there <= most + merged, (name, least, there, most, merged)
            if least == most:
                exact.add(name)
    return exact


def test_overflow(new_recorder, folder):
    """A ring that is far too small, and nobody reads it for a while: what was made is what is there and what is counted."""
    recorder = new_recorder(subscription=EVERYTHING, config="CX.recorder.EbpfRingBufferSizeKB = 64\n").start()
    os.kill(recorder.process.pid, signal.SIGSTOP)
    try:
        processes, files = Truth("spawn", "storm", "300", driver.tiny()), Truth("files", "storm", "1000", folder)
        network = Truth("network", "storm", "300")
    finally:
        os.kill(recorder.process.pid, signal.SIGCONT)
    wait_until(lambda: recorder.status()["queue.events"] == 0, "what is there is stored")
    # Others use this machine too: it is looked until for each class there is a look during which nothing of it happened.
    wanted = {"exec", "fork", "exit", "process", "file", "file_write", "network", "image", "security"}
    looks = []
    for _ in range(20):
        looks += [looked(recorder) for _ in range(20)]
        time.sleep(0.5)  # what happened meanwhile is stored
        if quiet(recorder, looks) >= wanted:
            break
    merged = recorder.status()["merged"]
    recorder.stop()

    exact = quiet(recorder, looks, merged)
    assert exact >= wanted, exact

    before, status, _ = looks[-1]
    assert status["filtered_out"] == 0
    assert all(status[f"lost.ebpf.{name}"] > 0 for name in ("exec", "fork", "exit", "file", "file_write", "network"))
    assert status["lost.ebpf"] == sum(status[f"lost.ebpf.{name}"] for name in CLASSES)
    gaps = recorder.query("SELECT * FROM gaps")
    assert {(row["cause"], row["exact"]) for row in gaps} == {("bpf_ring_full", 1)}, gaps
    for category in set(CLASSES.values()):
        lost = sum(status[f"lost.ebpf.{name}"] for name, of in CLASSES.items() if of == category)
        told = [row for row in gaps if row["class"] == category]
        later_on = sum(row["count"] for row in told if nanoseconds(row["end"]) > before)
        assert lost <= sum(row["count"] for row in told) <= lost + later_on, (category, lost, told)

    # An exec whose pieces found no room says so.
    for act in processes.of("process"):
        for row in rows_of(recorder, "process_events", [act["pid"]], "action = 'exec'"):
            assert row["process_parent_pid"] == processes.pid
            assert field(row, "process.executable") == unhex(act["exe"])
            assert field(row, "process.args") == unhex(act["args"]) or '"args"' in row["recorder_truncated"], act

    # Of the storms: what is not there is among the lost, and nothing is there that was not.
    for truth, view, where, name in (
            (processes, "process_events", "action = 'fork'", "fork"),
            (processes, "process_events", "action = 'exec'", "exec"),
            (processes, "process_events", "action = 'exit'", "exit"),
            (files, "file_events", "action IN ('create', 'rename', 'delete')", "file"),
            (network, "network_events", "action IN ('bind', 'listen', 'connect', 'accept')", "network")):
        acts = [act for act in truth.acts if act.get("action") != "write"]
        found = len(rows_of(recorder, view, {act["pid"] for act in acts}, where))
        assert found <= len(acts) <= found + status[f"lost.ebpf.{name}"], (name, found, len(acts))


# What is attached

BPFTOOL = next((path for path in map(shutil.which, ("bpftool", "/usr/sbin/bpftool", "/sbin/bpftool")) if path), None)
NETWORK_PROGRAMS = {"act_connect", "act_accept", "act_socket", "act_send", "act_receive", "on_state"}
LIFE_PROGRAMS = {"on_fork", "on_exec", "on_exit", "on_sys_exit", "on_signal"}  # who ends the recorder is told in any case
FILE_PROGRAMS = {"tell_open_files", "on_prepare_exec", "on_writer_exit", "act_close", "act_open", "act_name", "act_file", "act_write"}
OTHER_PROGRAMS = {"act_map", "act_protect", "act_program", "act_call", "act_caps", "act_ptrace",
                  "act_look", "act_http"}


def bpf_of(pid, kinds="prog|link"):
    """Ids of the programs and links that a process holds: {"prog": {...}, "link": {...}}."""
    ids = collections.defaultdict(set)
    for path in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):
            for kind, number in re.findall(rf"^({kinds})_id:\s*(\d+)", path.read_text(), re.MULTILINE):
                ids[kind].add(int(number))
    return ids


def bpftool(*arguments):
    done = subprocess.run([BPFTOOL, "--json", *arguments], capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.stdout.strip() else []


def loaded(kind):
    return {item["id"] for item in bpftool(kind, "show")}


def wait_until_gone(ids):
    """The kernel frees them a moment after the last descriptor."""
    wait_until(lambda: not any(ids[kind] & loaded(kind) for kind in ("prog", "link")), "all programs are gone", 10)


needs_bpftool = pytest.mark.skipif(not BPFTOOL, reason="needs bpftool")


@needs_bpftool
def test_what_is_read_is_loaded(recorder):
    """A program that the verifier takes only as one that calls for each word costs several times as much, and nobody sees why."""
    assert recorder.status()["state"] == "recording"
    ids = bpf_of(recorder.process.pid, "map")["map"]
    constants = [item for item in bpftool("map", "show") if item["id"] in ids and item.get("name", "").endswith(".rodata")]
    assert constants
    casts = " bpf_rdonly_cast" in pathlib.Path("/proc/kallsyms").read_text()
    for item in constants:
        values = bpftool("map", "dump", "id", str(item["id"]))[0]["formatted"]["value"][".rodata"]
        assert {"can_cast": int(casts)} in values


@needs_bpftool
@pytest.mark.parametrize("categories, wanted, unwanted", [
    (["file"], LIFE_PROGRAMS | FILE_PROGRAMS | {"act_ptrace"}, NETWORK_PROGRAMS | OTHER_PROGRAMS - {"act_ptrace"}),  # who looks into the recorder
    (["network"], LIFE_PROGRAMS | NETWORK_PROGRAMS - {"act_receive"}, FILE_PROGRAMS | OTHER_PROGRAMS | {"act_receive"}),
    (["process"], LIFE_PROGRAMS | {"act_call", "act_caps", "act_ptrace", "act_open"},
     (FILE_PROGRAMS - {"act_open"}) | NETWORK_PROGRAMS | {"act_map", "act_protect", "act_program", "act_look", "act_http"}),
    (["http"], LIFE_PROGRAMS | {"act_look", "act_http"},
     FILE_PROGRAMS | NETWORK_PROGRAMS | OTHER_PROGRAMS - {"act_look", "act_http"}),
])
def test_attached(new_recorder, categories, wanted, unwanted):
    """What nobody asks for costs nothing: its program is not even loaded; and all go with the recorder."""
    recorder = new_recorder(subscription=only(*categories)).start()
    ids = bpf_of(recorder.process.pid)
    programs = {item["id"]: item["name"] for item in bpftool("prog", "show") if item["id"] in ids["prog"]}
    links = {item["id"]: item["prog_id"] for item in bpftool("link", "show") if item["id"] in ids["link"]}
    assert set(programs) == ids["prog"] and set(links) == ids["link"]
    names = set(programs.values())
    assert wanted <= names, wanted - names
    assert not unwanted & names, unwanted & names
    assert {programs[program] for program in links.values()} == {name for name in names if not name.startswith("act_")}
    recorder.stop()
    wait_until_gone(ids)


@needs_bpftool
def test_nothing_attached(new_recorder):
    recorder = new_recorder(subscription=None).start()
    pid = recorder.process.pid
    assert not bpf_of(pid)
    assert recorder.status()["state"] == "idle"
    assert not [item for kind in ("prog", "link") for item in bpftool(kind, "show")
                if pid in [holder["pid"] for holder in item.get("pids", [])]]
    recorder.stop()


@needs_bpftool
def test_nothing_left_by_one_that_was_killed(new_recorder):
    recorder = new_recorder().start()
    ids = bpf_of(recorder.process.pid)
    assert ids["prog"]
    recorder.kill9()
    kernel.restore(recorder.before)
    wait_until_gone(ids)


# The recorder itself, and privileges

def test_own_activity(new_recorder, folder):
    """It writes a database, answers on a socket, looks into /proc: none of that is recorded."""
    recorder = new_recorder(subscription=EVERYTHING).start()
    for _ in range(5):
        Truth("files", "storm", "20", folder)
        recorder.status()
        recorder.cli("query", "process", "--limit", "5")
    pid = recorder.process.pid
    recorder.stop()
    found = {category: recorder.query(f"SELECT action FROM {category}_events WHERE process_pid = ?", pid)
             for category in CATEGORIES}
    assert not any(rows for category, rows in found.items() if category != "process"), found
    assert {row["action"] for row in found["process"]} <= {"snapshot"}, found
    # But others who do the same are.
    assert recorder.one("SELECT count(*) AS n FROM network_events WHERE process_pid = ? AND socket_path = ?",
                        os.getpid(), str(recorder.socket))["n"] >= 5


WITHOUT = ["setpriv", "--bounding-set=-sys_admin,-bpf,-perfmon", "--inh-caps=-sys_admin,-bpf,-perfmon"]


def test_without_the_privilege(new_recorder):
    recorder = new_recorder(prefix=WITHOUT)
    recorder.start(wait=False)
    text = recorder.exit(4)
    assert "eBPF" in text and "CAP_BPF" in text, text
    assert not recorder.database.exists() or recorder.query("SELECT * FROM process_events") == []


def test_audit_instead(new_recorder, folder):
    """`auto` says why it does without, and records all the same."""
    recorder = new_recorder(prefix=WITHOUT, source="auto").start()
    status = recorder.status()
    why = status["event_source.ebpf"]
    assert "CAP_BPF" in why and "not allow" in why, why
    assert status["event_source"] in ("unicast", "multicast")
    assert status["capability.file"] == "audit" and status["capability.dns"] == "none"
    assert "No eBPF" in recorder.log_text() and why in recorder.log_text()
    truth, files = Truth("spawn", "storm", "20", driver.tiny()), Truth("files", "storm", "20", folder)
    recorder.stop()
    checks.processes(recorder, truth)
    assert {row["recorder_source"] for row in checks.files(recorder, files)} == {"audit"}
    assert sum(map(len, delivered(recorder).values())) == 0


def test_auto(new_recorder, folder):
    """Where it can be had it is taken without being asked for."""
    recorder = new_recorder(source="auto").start()
    status = recorder.status()
    assert status["event_source"].startswith("ebpf") and status["event_source.ebpf"] == "running"
    assert {status[f"capability.{name}"] for name in ("process", "file", "network", "dns", "http", "image")} == {"ebpf"}
    by = {name: status[f"event_source.{name}"] for name in ("process", "file", "network", "dns", "image", "driver", "security")}
    assert by.pop("security").startswith("audit") and set(by.values()) == {"ebpf"}, by
    truth = Truth("files", "storm", "20", folder)
    recorder.stop()
    assert {row["recorder_source"] for row in checks.files(recorder, truth)} == {"ebpf"}


def test_switched_off(new_recorder, folder):
    recorder = new_recorder(source="auto", config="CX.recorder.EnableEbpf = 0\n").start()
    assert not bpf_of(recorder.process.pid)
    truth = Truth("files", "storm", "20", folder)
    recorder.stop()
    assert {row["recorder_source"] for row in checks.files(recorder, truth)} == {"audit"}


# io_uring

@pytest.mark.parametrize("mode", ["opens", "names", "many", "polled"])
def test_by_io_uring(recorder, folder, mode):
    truth = Truth("ring", mode, folder)
    recorder.stop()
    checks.check_actor(checks.files(recorder, truth), truth)


def test_silent_by_io_uring(recorder, folder):
    """Nobody tells whether it succeeded, so neither does the recorder."""
    truth = Truth("ring", "silent", folder)
    recorder.stop()
    row, = checks.files(recorder, truth)
    assert (row["event_outcome"], row["recorder_completeness"], row["recorder_missing"]) == \
        (None, "partial", '["event.outcome"]')


# Of two acts that are the same but for these: when, which, where.
NOT_THE_SAME = ("sequence", "event_id", "time", "time_ns", "file_path", "file_target_path", "file_inode")


def test_same_by_io_uring(recorder, folder):
    """What is asked of a ring has the row that the system call has."""
    truth = Truth("ring", "names", folder)
    recorder.stop()
    rows = rows_of(recorder, "file_events", [truth.pid], "file_writes_count IS NULL")
    half = len(rows) // 2
    for by_call, by_ring in zip(rows[:half], rows[half:]):
        assert {name: value for name, value in by_ring.items() if name not in NOT_THE_SAME} == \
            {name: value for name, value in by_call.items() if name not in NOT_THE_SAME}


def test_written_by_io_uring(recorder, folder):
    truth = Truth("ring", "writes", folder)
    recorder.stop()
    check_written(recorder, truth, truth.of("written"))


def test_connected_by_io_uring(recorder, folder):
    truth = Truth("ring", "connects", folder)
    recorder.stop()
    check_addresses(recorder, truth, truth.of("address"), "action IN ('connect', 'accept')")
    assert len(rows_of(recorder, "network_events", [truth.pid], "action = 'disconnect'")) == 2
