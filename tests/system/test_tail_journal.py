"""`recorder tail --journal`: reads and follows a journal that anybody writes; no recorder runs."""
import contextlib
import json
import os
import signal
import subprocess

import pytest

import driver
from driver import cli, json_lines

BEGIN = 1700000000


def line(number, action="exec", **process):
    """An event as a journal has it."""
    time = f"2023-11-14T22:{13 + (20 + number) // 60:02}:{(20 + number) % 60:02}.000000000Z"
    event = {"@timestamp": time, "event": {"id": f"{(BEGIN + number) * 10**9:x}-{number:x}", "kind": "event",
                                           "category": ["process"], "type": ["start"], "action": action},
             "process": {"pid": number, "name": "sh", "command_line": f"sh -c {number}", **process}}
    return json.dumps(event, separators=(",", ":")) + "\n"


class Journal:
    """Written by hand, rotated as the recorder does it."""

    def __init__(self, state, name="j"):
        (state / "journals").mkdir(exist_ok=True)
        self.state, self.path = state, state / "journals" / f"{name}.jsonl"
        self.path.touch()

    def write(self, begin, end, **fields):
        with open(self.path, "a") as file:
            for number in range(begin, end):
                file.write(line(number, **fields))

    def old(self, number):
        return self.path.with_name(f"{self.path.name}.{number}")

    def rotate(self):
        number = 1
        while self.old(number).exists():
            number += 1
        for n in range(number, 1, -1):
            self.old(n - 1).rename(self.old(n))
        self.path.rename(self.old(1))
        self.path.touch()

    def tail(self, *arguments, **options):
        return cli("tail", "--state", self.state, "--journal", "j", *arguments, **options)

    def numbers(self, *arguments):
        return numbers(self.tail("--no-follow", "--json", *arguments).text)


def numbers(text):
    return [event["process"]["pid"] for event in json_lines(text)]


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path)


@contextlib.contextmanager
def following(journal, *arguments):
    """A tail that follows, once it has come to the end: what was there is to be its first line."""
    command = [driver.BIN, "tail", "--state", journal.state, "--journal", "j", *arguments]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as tail:
        try:
            yield tail
        finally:
            tail.kill()


def read_numbers(tail, n):
    return [json.loads(tail.stdout.readline())["process"]["pid"] for _ in range(n)]


def test_what_is_there(journal):
    journal.write(1, 11)
    journal.rotate()
    journal.write(11, 21)
    journal.rotate()
    journal.write(21, 31)
    assert journal.numbers() == list(range(1, 31))
    assert journal.numbers("--lines", "3") == [28, 29, 30]
    assert journal.numbers("--lines", "15") == list(range(16, 31))
    assert journal.numbers("--lines", "100") == list(range(1, 31))
    assert journal.numbers("--since", "2023-11-14T22:13:35Z") == list(range(15, 31))
    assert journal.numbers("--since", "2023-11-14T22:13:35Z", "--lines", "2") == [29, 30]
    assert journal.numbers("--limit", "4") == [1, 2, 3, 4]
    assert journal.numbers("process.pid less than 14", "--lines", "5") == [9, 10, 11, 12, 13]
    assert journal.tail("--no-follow", "--json").text == "".join(line(number) for number in range(1, 31))


def test_damaged(journal):
    """A file that cannot be read on is told, and what is in the others is shown."""
    journal.write(1, 11)
    journal.rotate()
    journal.old(1).with_name(journal.old(1).name + ".zst").write_bytes(b"(\xb5/\xfd rubbish")
    journal.old(1).unlink()
    journal.write(11, 16)
    done = journal.tail("--no-follow", "--json", check=1)
    assert numbers(done.text) == list(range(11, 16))
    assert "j.jsonl.1.zst is damaged; the rest of it is not shown" in done.error
    assert numbers(journal.tail("--no-follow", "--json", "--lines", "2", check=None).text) == [14, 15]


def test_filters_on_ancestors(journal):
    init = {"pid": 1, "executable": "/sbin/init", "user": {"id": 0, "name": "root"}}
    sshd = {"pid": 7, "executable": "/usr/sbin/sshd", "user": {"id": 0, "name": "root"}}
    journal.write(1, 2)
    journal.write(2, 3, parent={**sshd, "command_line": "sshd -D"}, ancestry=[sshd, init])
    journal.write(3, 4, parent=init, ancestry=[init])
    assert journal.numbers("process.ancestry_path ends with '/sshd'") == [2]
    assert journal.numbers("process.ancestry_path is '/sbin/init'") == [2, 3]
    assert journal.numbers("process.parent_path is '/sbin/init'") == [3]
    assert journal.numbers("process.parent_cmd contains '-D'", "process.ancestry_user_name is 'root'") == [2]
    assert journal.numbers("process.ancestry_path not is '/sbin/init'") == [1]


def test_lines_for_people_are_those_of_a_query(tmp_path, journal):
    log = tmp_path / "audit.log"
    log.write_text("".join(
        f"type=SYSCALL msg=audit({BEGIN + n}.000:{n}): arch=c000003e syscall=59 success=yes exit=0 a0=0 a1=0 a2=0 a3=0 items=0 "
        f"ppid=1 pid={n} auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts1 ses=3 comm=\"sh\" "
        f"exe=\"/bin/sh\" key=(null)\ntype=EXECVE msg=audit({BEGIN + n}.000:{n}): argc=2 a0=\"sh\" a1=1B5B33316D\n"
        for n in range(1, 20)))
    cli("import", "audit", log, "--db", tmp_path / "x.db", "--quiet")
    found = cli("query", "--db", tmp_path / "x.db", "--json").text.splitlines(keepends=True)
    events = [text for text in found if json.loads(text).get("kind") != "gap"]
    assert len(events) == 19
    journal.path.write_text("".join(events))
    shown = cli("query", "--db", tmp_path / "x.db", "--utc").text
    lines = journal.tail("--no-follow", "--utc").text
    assert lines.count("\n") > 19 and shown.startswith(lines)


def test_follows_across_rotations(journal):
    journal.write(1, 6)
    with following(journal, "--json", "--lines", "1") as tail:
        assert read_numbers(tail, 1) == [5]
        journal.write(6, 8)
        assert read_numbers(tail, 2) == [6, 7]
        # The rest of the old file, and two that were never seen as the current one.
        os.kill(tail.pid, signal.SIGSTOP)
        journal.write(8, 10)
        for begin in range(10, 40, 10):
            journal.rotate()
            journal.write(begin, begin + 10)
        os.kill(tail.pid, signal.SIGCONT)
        assert read_numbers(tail, 32) == list(range(8, 40))
        journal.rotate()
        journal.write(40, 41)
        assert read_numbers(tail, 1) == [40]
        # Half a line is none.
        text = line(41)
        with open(journal.path, "a") as file:
            file.write(text[:50])
            file.flush()
            file.write(text[50:] + line(42))
        assert read_numbers(tail, 2) == [41, 42]
        tail.terminate()
        assert tail.stderr.read() == b""


def test_files_that_are_gone_are_told(journal):
    journal.write(1, 6)
    with following(journal, "--json", "--lines", "1") as tail:
        assert read_numbers(tail, 1) == [5]
        os.kill(tail.pid, signal.SIGSTOP)
        for begin in range(10, 40, 10):
            journal.rotate()
            journal.write(begin, begin + 10)
        journal.old(3).unlink()
        journal.old(2).unlink()
        os.kill(tail.pid, signal.SIGCONT)
        assert read_numbers(tail, 20) == list(range(20, 40))
        assert b"1 file of the journal was gone before it was read" in tail.stderr.readline()


def test_ends_at_the_limit(journal):
    journal.write(1, 4)
    with following(journal, "--lines", "1", "--limit", "2", "--json") as tail:
        assert read_numbers(tail, 1) == [3]
        journal.write(4, 6)
        assert tail.wait(driver.DEADLINE_S) == 0
        assert numbers(tail.stdout.read()) == [4]


def test_lines_that_are_no_events(journal):
    journal.path.write_text(line(1) + "garbage \x1b[31m\n{}\n" + line(2))
    done = journal.tail("--no-follow", "--utc")
    assert "sh -c 1" in done.text and "sh -c 2" in done.text
    assert done.error.count("is no event of this version") == 2 and "\x1b" not in done.error
    # As they are.
    assert journal.tail("--no-follow", "--json").text == journal.path.read_text()


def test_unknown_journal(tmp_path, journal):
    Journal(tmp_path, "logins")
    error = cli("tail", "--state", tmp_path, "--journal", "login", check=1).error
    assert "no journal 'login'" in error and "j, logins" in error
    assert "j, logins" in cli("tail", "--state", tmp_path, "--journal", "../journals/j", check=1).error
    empty = tmp_path / "empty"
    empty.mkdir()
    error = cli("tail", "--state", empty, "--journal", "j", check=1).error
    assert "no journal 'j'" in error and "subscription" in error


def test_folder_that_goes(journal):
    journal.write(1, 2)
    with following(journal, "--json", "--lines", "1") as tail:
        assert read_numbers(tail, 1) == [1]
        journal.path.unlink()
        journal.path.parent.rmdir()
        assert tail.wait(driver.DEADLINE_S) == 1
        assert b"is gone" in tail.stderr.read()


@pytest.mark.parametrize("option", [("--lines", "1"), ("--since", "1h"), ("--no-follow",)])
def test_options_of_journals_alone(tmp_path, option):
    assert "--journal" in cli("tail", "--state", tmp_path, *option, check=2).error
