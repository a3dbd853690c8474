"""`recorder import audit`: recordings of others give what they hold, the same every time."""
import collections
import contextlib
import csv
import gzip
import json
import os
import pathlib
import random
import re
import resource
import signal
import sqlite3
import subprocess
import time

import pytest

import driver
from driver import BIN, cli, json_lines

DATA = pathlib.Path(os.environ["RECORDER_TEST_DATA"]) / "audit" if "RECORDER_TEST_DATA" in os.environ else None
OURS = driver.SOURCE / "tests" / "data"
SUMMARY = ["records", "events", "partial", "merged", "unknown_types", "errors", "seconds"]

needs_data = pytest.mark.skipif(DATA is None, reason="RECORDER_TEST_DATA is not set")

EXEC = """type=SYSCALL msg=audit(1700000000.100:7): arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 items=1 \
ppid=10 pid=20 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts1 ses=3 comm="ls" exe="/usr/bin/ls" \
key=(null)
type=EXECVE msg=audit(1700000000.100:7): argc=2 a0="ls" a1=2D6C20C3
type=CWD msg=audit(1700000000.100:7): cwd="/root"
type=PATH msg=audit(1700000000.100:7): item=0 name="/usr/bin/ls" inode=5 dev=08:01 mode=0100755 ouid=0 ogid=0 rdev=00:00 \
nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0
type=PROCTITLE msg=audit(1700000000.100:7): proctitle=6C73
"""


def import_audit(*files, db="none", **options):
    summary = json.loads(cli("import", "audit", *files, "--db", db, "--json", **options).text)
    assert list(summary) == SUMMARY
    return summary


def dump(database):
    """Every row of every view, but for what says when and where it was imported."""
    rows = {}
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        views = [name for name, in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY 1")]
        assert {"events", "processes", "gaps", "signals", "file_events", "process_events"} <= set(views)
        for view in views:
            rows[view] = connection.execute(f"SELECT * FROM {view}").fetchall()
    return rows


def corpora():
    if DATA is None:
        return []
    with open(DATA / "expected" / "counts.tsv") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@needs_data
@pytest.mark.parametrize("row", corpora(), ids=[row["#file"] for row in corpora()] or None)
def test_every_recording(row, tmp_path):
    """All records are read, all events are there, and a second time they are the same."""
    file = DATA / row["#file"]
    once, twice = tmp_path / "once.db", tmp_path / "twice.db"
    summary = import_audit(file, db=once)
    # What is neither a record nor a comment counts as a record, and as an error.
    n_odd = summary["records"] - int(row["records"])
    assert 0 <= n_odd <= min(int(row["other_nonblank_lines"]), summary["errors"])
    import_audit(file, db=twice)
    assert dump(once) == dump(twice)
    # Calls that failed, and returns of calls that say nothing, are no events; a denial and its call are two.
    events = driver.query(once, "SELECT count(*) AS n FROM events WHERE category != 'recorder'")[0]["n"]
    assert events <= summary["events"]
    types = collections.Counter(dict((name, int(n)) for name, n in
                                     (item.split("=") for item in row["record_types"].split(","))))
    if "SYSCALL" not in types and types.total() == int(row["events(node,time,serial)"]):
        assert summary["events"] == types.total(), "each of these records is an event of its own"
    assert summary["events"] > 0 or types["SYSCALL"]


@needs_data
def test_all_recordings_at_once(tmp_path):
    rows = corpora()
    assert len(rows) == 50
    files = [DATA / row["#file"] for row in rows]
    summary = import_audit(*files, db=tmp_path / "all.db")
    assert summary["records"] >= sum(int(row["records"]) for row in rows)


@needs_data
def test_executions_of_others_are_read_as_ausearch_reads_them(tmp_path):
    """The arguments of every complete execution, against `ausearch -i`."""
    compared = 0
    for row in corpora():
        interpreted = DATA / "expected" / "ausearch" / (row["#file"].replace("/", "__") + ".interpret.txt")
        if "EXECVE" not in row["record_types"] or not interpreted.exists() or "argfrag" in row["flags"]:
            continue
        expected = set()
        for line in interpreted.read_text(errors="surrogateescape").splitlines():
            found = re.search(r"type=EXECVE .* argc=\d+ (a0=.*?)\s*$", line)
            if found:
                expected.add(" ".join(re.split(r" ?\ba\d+=", found[1])[1:]))
        database = tmp_path / (row["#file"].replace("/", "-") + ".db")
        import_audit(DATA / row["#file"], db=database)
        for event in driver.query(database, "SELECT * FROM process_events WHERE action = 'exec' AND "
                                            "recorder_missing IS NULL"):
            arguments = " ".join(json.loads(event["process_args"]))
            assert arguments in expected or not event["process_args"].isascii(), row["#file"]
            compared += 1
    assert compared >= 20


@pytest.mark.parametrize("files", [["processes.rec"], ["links.rec", "links.rec"]])
def test_summary_adds_up(tmp_path, files):
    """Events that were told are stored or merged."""
    data, database = driver.SOURCE / "tests" / "data", tmp_path / "x.db"
    summary = import_audit(*(data / file for file in files), db=database)
    assert summary["merged"] > 0
    assert summary["events"] == summary["merged"] + int(cli("query", "--count", "--db", database).text)


# Ways to hand a recording over

def test_forms_of_a_file(tmp_path):
    plain, packed, carriage = tmp_path / "audit.log", tmp_path / "audit.log.1.gz", tmp_path / "crlf.log"
    plain.write_text(EXEC)
    packed.write_bytes(gzip.compress(EXEC.encode()))
    carriage.write_bytes(b"\r\n".join([b"", b"# a comment", *EXEC.encode().splitlines(), b""]))
    dumps = []
    for number, file in enumerate([plain, packed, carriage, "-"]):
        database = tmp_path / f"{number}.db"
        with open(plain) as stdin:
            summary = import_audit(file, db=database, stdin=stdin)
        assert (summary["records"], summary["events"], summary["partial"], summary["errors"]) == (5, 1, 0, 0)
        dumps.append(dump(database))
    assert all(one == dumps[0] for one in dumps)
    row, = driver.query(database, "SELECT * FROM process_events")
    assert driver.field(row, "process.args") == [b"ls", b"-l \xc3"]
    assert row["time"] == "2023-11-14T22:13:20.100000000Z"
    assert (row["user_id"], row["user_audit_id"], row["session_id"]) == (0, 1000, 3)


def test_one_after_the_other_or_together(tmp_path):
    """Two files in one go, or one import after the other into the same database."""
    first, second = tmp_path / "1.log", tmp_path / "2.log"
    first.write_text(EXEC)
    second.write_text(EXEC.replace(".100:7", ".200:8").replace(" pid=20", " pid=21"))
    together, apart = tmp_path / "together.db", tmp_path / "apart.db"
    assert import_audit(first, second, db=together)["events"] == 2
    import_audit(first, db=apart)
    import_audit(second, db=apart)
    sql = "SELECT time, category, action, pid, executable, command_line FROM events WHERE category != 'recorder'"
    assert driver.query(together, sql) == driver.query(apart, sql)


def test_the_event_id_is_of_the_bytes(tmp_path):
    file, moved = tmp_path / "1.log", tmp_path / "2.log"
    file.write_text(EXEC)
    moved.write_text("type=SYSTEM_BOOT msg=audit(1600000000.000:1): pid=1 uid=0 auid=4294967295 ses=4294967295 "
                     "msg='comm=\"init\" exe=\"/sbin/init\" hostname=? addr=? terminal=? res=success'\n" + EXEC)
    ids = []
    for number, path in enumerate([file, moved]):
        import_audit(path, db=tmp_path / f"{number}.db")
        ids.append(driver.query(tmp_path / f"{number}.db", "SELECT event_id FROM process_events")[0]["event_id"])
    assert ids[0] == ids[1]


# Files that are not what they should be

@pytest.mark.parametrize("content, summary, code", [
    (b"", (0, 0, 0), 0),
    (b"\n\n\n", (0, 0, 0), 0),
    (b"no audit log at all\n", (1, 0, 1), 1),
    (bytes(range(256)) * 100, None, 1),
    (EXEC.encode()[:-200], None, 0),
    (EXEC.encode() + b"type=SYSCALL msg=audit(", (6, 1, 1), 0),
    (b"type=SYSCALL msg=audit(99999999999999999999.1:1): \n", (1, 0, 1), 1),
    (b"type=SYSCALL msg=audit(1.1:99999999999999999999999): \n", (1, 0, 1), 1),
    (b"type=EXECVE msg=audit(1.1:1): argc=4294967295 a0=\n", None, 0),
    (b"x" * (20 << 20), None, 1),
], ids=["empty", "blank", "text", "binary", "cut", "cut line", "time", "serial", "argc", "one line"])
def test_broken_files(tmp_path, content, summary, code):
    file = tmp_path / "broken.log"
    file.write_bytes(content)
    found = import_audit(file, db=tmp_path / "x.db", check=code)
    if summary is not None:
        assert (found["records"] + found["errors"] * (not found["records"]), found["events"], found["errors"]) in (
            summary, (summary[0] - summary[2] or summary[2], *summary[1:]))
    again = import_audit(file, db=tmp_path / "y.db", check=code)
    assert {**again, "seconds": 0} == {**found, "seconds": 0}
    assert dump(tmp_path / "x.db") == dump(tmp_path / "y.db")


def test_what_is_no_audit_log(tmp_path):
    file = tmp_path / "no.log"
    file.write_text('{"time": 1}\n{"time": 2}\n')
    done = cli("import", "audit", file, "--db", "none", check=1)
    assert "no line of it is an audit record" in done.error and done.text.startswith("2 records gave 0 events")
    assert "no line of it is an audit record" in cli("import", "audit", file, "--db", "none", "--json", check=1).error
    file.write_text('{"time": 1}\n' + EXEC)
    assert "1 record not read in full" in cli("import", "audit", file, "--db", "none").text


def test_no_such_file(tmp_path):
    done = cli("import", "audit", tmp_path / "nothing.log", "--db", "none", check=1)
    assert "nothing.log" in done.error and done.error.startswith("recorder: ")
    assert cli("import", "audit", tmp_path, "--db", "none", check=1).error
    packed = tmp_path / "cut.gz"
    packed.write_bytes(gzip.compress(EXEC.encode() * 1000)[:-30])
    assert "cut.gz" in cli("import", "audit", packed, "--db", "none", check=1).error
    assert cli("import", check=2).error
    assert "audit" in cli("import", "evtx", packed, check=2).error


def test_a_database_that_is_none(tmp_path):
    file, database = tmp_path / "1.log", tmp_path / "other.db"
    file.write_text(EXEC)
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE mine (x)")
        connection.execute("PRAGMA user_version = 12345")
    before = database.read_bytes()
    done = cli("import", "audit", file, "--db", database, check=1)
    assert "other.db" in done.error
    assert database.read_bytes() == before


MADE_OF = "identity", "links", "network", "processes"  # what schema-N.sql.gz were made of, each with a program of that time
VIEWS = "events", "process_events", "file_events", "network_events", "security_events", "signal_events", "processes", "gaps"


def of_version_1(connection):
    connection.executescript("""
        DROP VIEW signals; DROP VIEW signal_events; DROP VIEW events; DROP TABLE event_signal; DROP TABLE shape_signal;
        CREATE TABLE signal (sequence INTEGER PRIMARY KEY, time INTEGER, name INTEGER, event INTEGER);
        CREATE VIEW signals AS SELECT sequence, time, (SELECT value FROM text WHERE id = name) AS name FROM signal;
        CREATE VIEW events AS SELECT sequence, time FROM file_events;
        PRAGMA user_version = 1""")


@pytest.mark.parametrize("version, change", [(8, None), (7, None), (6, None), (2, None), (2, of_version_1)], ids=["8", "7", "6", "2", "1"])
def test_older_database(tmp_path, version, change):
    """It is migrated when it is next written to, and tells the same as before."""
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    with contextlib.closing(sqlite3.connect(old)) as connection:
        connection.executescript(read_text(OURS / f"schema-{version}.sql.gz"))
        connection.execute("CREATE VIEW of_a_person AS SELECT sequence FROM file_events")
        if change:
            change(connection)
    assert "migrates" in cli("query", "--db", old, check=1).error
    for name in MADE_OF:
        import_audit(OURS / f"{name}.rec", db=new)
    empty = tmp_path / "empty.rec"
    empty.write_text("")
    import_audit(empty, db=old)
    for view in VIEWS:
        # Numbers are given anew with each opening, and a text that had been forgotten had another.  Who let a user in was not asked.
        tell = [[{key: value for key, value in row.items()
                  if key not in ("sequence", "id", "process_row", "next_image") and not re.match("session_(login|leader)_", key)}
                 for row in driver.query(database, f"SELECT * FROM {view}")] for database in (old, new)]
        assert tell[0] == tell[1], view
    assert driver.query(old, "SELECT count(*) AS n FROM of_a_person") == driver.query(new, "SELECT count(*) AS n FROM file_events")
    assert driver.query(old, "PRAGMA integrity_check") == [{"integrity_check": "ok"}]
    assert driver.query(old, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1") == \
        driver.query(new, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")
    import_audit(OURS / "files.rec.gz", db=old)
    import_audit(OURS / "files.rec.gz", db=new)
    strip = [[line.partition('"sequence":')[0] for line in cli("query", "--db", database, "--json").text.splitlines()]
             for database in (old, new)]
    assert len(strip[0]) > 400 and strip[0] == strip[1]


# Our own recordings, made on a real kernel, with what they must give (tests/data/README.md)

def golden_of(recording):
    name = recording.name.partition(".")[0]
    return next((path for path in (OURS / f"{name}.json", OURS / f"{name}.json.gz") if path.exists()), None)


def read_bytes(path):
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def read_text(path):
    return read_bytes(path).decode()


def write_golden(recording, events):
    data = "".join(json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n" for event in events).encode()
    name = recording.name.partition(".")[0]
    for old in OURS.glob(f"{name}.json*"):
        old.unlink()
    if len(data) > 50000:
        (OURS / f"{name}.json.gz").write_bytes(gzip.compress(data, 9, mtime=0))
    else:
        (OURS / f"{name}.json").write_bytes(data)


@pytest.mark.parametrize("recording", sorted(OURS.glob("*.rec*")), ids=lambda path: path.name.partition(".")[0])
def test_golden(recording, tmp_path):
    summary = import_audit(recording, db=tmp_path / "x.db")
    assert summary["unknown_types"] == 0
    events = json_lines(cli("query", "--db", tmp_path / "x.db", "--json").text)
    for event in events:
        event.pop("host", None)  # that which imports is not that of the recording
    if os.environ.get("RECORDER_UPDATE_GOLDENS"):
        write_golden(recording, events)
        return
    wanted = json_lines(read_text(golden_of(recording)))
    assert [(a, b) for a, b in zip(events, wanted) if a != b][:3] == []
    assert len(events) == len(wanted) > 8


def test_there_are_goldens():
    assert len(list(OURS.glob("*.rec*"))) >= 11


def test_no_room(tmp_path):
    """A database that cannot grow: the summary says how many events are not in it, and the rest is whole."""
    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    log, database = tmp_path / "audit.log", tmp_path / "small.db"
    with open(log, "w") as file:
        for number in range(20000):
            file.write(EXEC.replace("1700000000.100:7", f"{1700000000 + number}.100:{number}").replace("pid=20", f"pid={number + 30}"))
    done = cli("import", "audit", log, "--db", database, "--json", check=1, preexec_fn=small_files, restore_signals=False)
    assert "storing failed" in done.error
    summary = json.loads(done.text)
    assert list(summary) == SUMMARY + ["not_stored"]
    assert summary["not_stored"] > 0
    with contextlib.closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        n, = connection.execute("SELECT count(*) FROM events").fetchone()
    assert n + summary["not_stored"] == summary["events"]


def mutate(data, dice):
    """Bits turned, a part cut out, doubled, moved."""
    data = bytearray(data)
    for _ in range(dice.randint(1, 6)):
        if len(data) < 2:
            break
        at = dice.randrange(len(data))
        piece = data[at:at + dice.randint(1, 2000)]
        what = dice.choice(("bits", "cut", "double", "move"))
        if what == "bits":
            for _ in range(20):
                data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        if what in ("cut", "move"):
            del data[at:at + len(piece)]
        if what in ("double", "move"):
            to = dice.randrange(len(data) + 1)
            data[to:to] = piece
    return bytes(data)


def test_damaged_recordings(tmp_path):
    """Into a database: the program ends in time and memory, its counts are those of what is stored, the same bytes give the same rows."""
    seed = int(os.environ.get("RECORDER_TEST_SEED", time.time_ns()))
    print(f"RECORDER_TEST_SEED={seed}")
    dice = random.Random(seed)
    recordings = [path for path in OURS.glob("*.rec*") if path.name not in ("files.rec.gz", "auditd-raw.rec.gz", "auditd-enriched.rec.gz")]
    for n in range(int(os.environ.get("RECORDER_MUTATIONS", 6))):
        file = tmp_path / "damaged.log"
        file.write_bytes(mutate(read_bytes(dice.choice(recordings)), dice))
        shown = []
        for database in tmp_path / f"{n}a.db", tmp_path / f"{n}b.db":
            with open(tmp_path / "summary", "wb") as out:
                process = subprocess.Popen([BIN, "import", "audit", file, "--db", database, "--json", "--quiet"], stdout=out, stderr=subprocess.PIPE)
                error = process.stderr.read()
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                process.stderr.close()
            assert process.returncode in (0, 1) and b"Sanitizer" not in error, error
            assert usage.ru_maxrss < 1 << 20 and usage.ru_utime < 60
            summary = json.loads((tmp_path / "summary").read_bytes())
            assert "not_stored" not in summary and summary["errors"] + summary["unknown_types"] <= 2 * summary["records"]
            assert driver.query(database, "PRAGMA integrity_check") == [{"integrity_check": "ok"}]
            assert driver.query(database, "SELECT count(*) AS n FROM events")[0]["n"] <= summary["events"]
            shown.append(cli("query", "--db", database, "--json").text)
        assert shown[0] == shown[1]

