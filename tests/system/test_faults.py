"""Recordings of a host whose clock was set in the middle: nothing is missing, nothing is there twice, by hours in both directions.
And the account of a chaos run finds what is not explained."""
import collections
import gzip
import re
import sys

import pytest

import driver
from driver import cli

sys.path.insert(0, str(driver.SOURCE / "tests" / "chaos"))

import account  # noqa: E402

OURS = driver.SOURCE / "tests" / "data"
HOUR_S = 3600
HEAD = re.compile(rb"msg=(audit|recorder)\((\d+)\.(\d+):(\d+)\)")


def recording(name):
    path = OURS / name
    return (gzip.decompress(path.read_bytes()) if name.endswith(".gz") else path.read_bytes()).splitlines()


def set_clock(lines, by_s, told):
    """As if the clock had been set in the middle: audit's records of one serial have one time. told: a live recorder says in its
    capture when it saw that its clock went back."""
    middle = len(lines) // 2
    first = next(int(head[4]) for head in map(HEAD.search, lines[middle:]) if head and head[1] == b"audit")
    out, was_set = [], False
    for number, line in enumerate(lines):
        head = HEAD.search(line)
        is_after = head and (int(head[4]) >= first if head[1] == b"audit" else number >= middle)
        if is_after:
            time_s = int(head[2]) + by_s
            if told and not was_set and by_s < 0:
                out.append(b"type=RECORDER_CLOCK msg=recorder(%d.%s:0): back=1" % (time_s, head[3]))
            was_set = True
            line = line[:head.start(2)] + str(time_s).encode() + line[head.end(2):]
        out.append(line)
    assert was_set
    return b"\n".join(out) + b"\n"


def imported(folder, content):
    folder.mkdir()
    (folder / "log").write_bytes(content)
    cli("import", "audit", folder / "log", "--db", folder / "db", "--json")
    return driver.query(folder / "db", "SELECT * FROM events"), driver.query(folder / "db", "SELECT * FROM gaps")


def acts(rows):
    return collections.Counter((row["category"], row["action"], row["pid"]) for row in rows)


@pytest.mark.parametrize("hours", [3, -3])
@pytest.mark.parametrize("name", ["processes.rec", "files.rec.gz", "network.rec", "identity.rec", "descriptors.rec", "auditd-raw.rec.gz"])
def test_clock_set_in_a_recording(tmp_path, name, hours):
    lines = recording(name)
    before, no_gaps = imported(tmp_path / "as-it-was", b"\n".join(lines) + b"\n")
    after, gaps = imported(tmp_path / "set", set_clock(lines, hours * HOUR_S, told=True))
    assert acts(after) == acts(before) and len(before) > 30
    assert len(gaps) == len(no_gaps)
    # What happened after it has the time that the clock showed.
    assert max(row["time"] for row in after)[:13] != max(row["time"] for row in before)[:13] if hours > 0 else \
        min(row["time"] for row in after)[:13] != min(row["time"] for row in before)[:13]


@pytest.mark.parametrize("hours", [3, -3])
def test_clock_set_in_a_log(tmp_path, hours):
    """Of a log that says nothing of it."""
    lines = recording("auditd-raw.rec.gz")
    before, _ = imported(tmp_path / "as-it-was", b"\n".join(lines) + b"\n")
    after, _ = imported(tmp_path / "set", set_clock(lines, hours * HOUR_S, told=False))
    assert acts(after) == acts(before)


class Rows:
    """A history that has what is said here."""

    def __init__(self, gaps=(), files=()):
        self.gaps, self.files = list(gaps), list(files)

    def __call__(self, sql):
        return self.gaps if "FROM gaps" in sql else [{"name": name} for name in self.files]


def test_what_is_not_explained_is_found():
    """The account itself: what is neither stored nor within a gap of its class and time, and what is stored twice."""
    acts = [account.Act("file", "create", 10**18 + n, 10**18 + n + 5, 1, f"/made-{n}") for n in (0, 100, 200, 300)]

    def gap(begin, end, name="all", cause="ring_full"):
        return {"begin": account.as_text(10**18 + begin), "end": account.as_text(10**18 + end), "class": name, "cause": cause, "count": 1}

    gaps = [gap(100, 104), gap(200, 210, "network"), gap(280, 299), gap(0, 10**9, cause="clock_step")]
    told = account.Account(acts, Rows(gaps, ["/made-0", "/made-0"]), account.Clock())
    assert [act.name for act in told.unexplained] == ["/made-200", "/made-300"] and [act.name for act in told.twice] == ["/made-0"]
    assert told.causes["file", "create"] == {"ring_full": 1}
    # By a clock that was behind by 1 s what happened then is explained by what it showed.
    clock = account.Clock()
    clock.move(10**17, 10**17, -10**9)
    told = account.Account(acts[:1], Rows([gap(-10**9, -10**9 + 2)]), clock)
    assert told.unexplained == [] and account.Account(acts[:1], Rows([gap(0, 2)]), clock).unexplained == acts[:1]
