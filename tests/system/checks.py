"""What a truth program did against what is in the database: everything, once, in order, and nothing else."""
import collections
import difflib
import json
import os

from driver import field, unhex

# Processes

def process_events(recorder, *pids):
    marks = ",".join("?" * len(pids))
    return recorder.query(f"SELECT * FROM process_events WHERE process_pid IN ({marks}) ORDER BY sequence", *pids)


def told(row):
    return {name: row[name] for name in ("action", "time", "process_entity_id", "process_start", "process_executable")}


def by_pid(rows):
    groups = collections.defaultdict(list)
    for row in rows:
        groups[row["process_pid"]].append(row)
    return groups


def expected_actions(truth):
    """What must be recorded of each process that the truth program made."""
    actions = collections.defaultdict(collections.Counter)
    for act in truth.acts:
        if act["what"] == "process":
            actions[act["pid"]].update(["fork", "exit"] + ["exec"] * ("exe" in act))
        elif act["what"] == "exec":
            actions[act["pid"]].update(["exec"])
        elif act["what"] in ("unshare", "signal"):
            actions[act["pid"]].update([act["what"]])
    return actions


def check_program(row, act):
    """An exec event, or the row of a process image, against what was begun."""
    assert field(row, "process.executable") == unhex(act["exe"])
    assert field(row, "process.args") == unhex(act["args"])
    assert row["process_args_count"] == len(act["args"])


def check_user(row, user="root", login="unset"):
    assert (row["user_name"], row["user_effective_name"], row["user_audit_name"]) == (user, user, login)


def processes(recorder, truth, user="root", login="unset"):
    """Everything about every process of a truth program."""
    with recorder.reading():
        return read_processes(recorder, truth, user, login)


def read_processes(recorder, truth, user, login):
    own = process_events(recorder, truth.pid)
    own_image = next(row for row in own if row["action"] == "exec" and
                     field(row, "process.executable") == os.fsencode(truth.exe))
    assert field(own_image, "process.args") == truth.argv[-len(field(own_image, "process.args")):]
    assert own_image["process_parent_pid"] == os.getpid()

    expected = expected_actions(truth)
    # Not what had one of these pids before the program began and ended meanwhile: pids come round.
    rows = by_pid(recorder.query(
        "SELECT * FROM process_events WHERE process_pid != ? AND process_pid IN (SELECT value FROM json_each(?)) "
        "AND NOT (coalesce(process_start < ?, false) AND process_entity_id IN (SELECT process_entity_id FROM process_events WHERE action = 'snapshot')) "
        "ORDER BY sequence", truth.pid, json.dumps(list(expected)), own_image["process_start"]))
    entities = {truth.pid: own_image["process_entity_id"]}
    exes = {truth.pid: os.fsencode(truth.exe)}
    for act in truth.of("process"):
        pid = act["pid"]
        found = rows[pid]
        assert collections.Counter(row["action"] for row in found) == expected[pid], f"{act['how']}, pid {pid}: {list(map(told, found))}"
        assert len({row["process_entity_id"] for row in found}) == 1
        entities[pid] = found[0]["process_entity_id"]
    assert len(set(entities.values())) == len(entities), "two processes share an id"

    # Nothing else was made by them: no thread, no failed exec, nothing twice.
    children = collections.Counter(act["ppid"] for act in truth.of("process"))
    forks = recorder.query("SELECT process_parent_entity_id AS entity, count(*) AS n FROM process_events WHERE "
                           "action = 'fork' AND process_parent_entity_id IN (SELECT value FROM json_each(?)) GROUP BY 1",
                           json.dumps(list(entities.values())))
    assert {row["entity"]: row["n"] for row in forks} == {entities[pid]: n for pid, n in children.items()}

    for act in truth.of("process") + truth.of("exec"):
        found = rows[act["pid"]]
        execs = [row for row in found if row["action"] == "exec"]
        if "exe" in act:
            row = next(row for row in execs if field(row, "process.executable") == unhex(act["exe"]))
            check_program(row, act)
            assert row["process_parent_entity_id"] == entities[act["ppid"]], act["how"]
            assert row["process_parent_pid"] in (act["ppid"], truth.pid), act["how"]  # an orphan has another by now
            assert row["event_outcome"] == "success"
            check_user(row, user, login)
    for act in truth.of("process"):
        found = {row["action"]: row for row in rows[act["pid"]]}
        fork, end = found["fork"], found["exit"]
        assert fork["process_parent_pid"] == act["ppid"]
        assert fork["process_parent_entity_id"] == entities[act["ppid"]]
        assert field(fork, "process.executable") == exes.get(act["ppid"], os.fsencode(truth.exe))
        check_user(fork, user, login)
        assert end["process_exit_signal"] == act.get("signal")
        assert end["process_exit_code"] == act.get("exit")
        assert end["event_duration"] > 0
        assert fork["sequence"] < end["sequence"]
        check_user(end, user, login)

    # The same by image, with the grandparent.
    images = collections.defaultdict(list)
    for row in recorder.query("SELECT * FROM processes WHERE process_entity_id IN (SELECT value FROM json_each(?))",
                              json.dumps(list(entities.values()))):
        images[row["process_entity_id"]].append(row)
    grandparents = {entity: rows[0]["process_parent_entity_id"] for entity, rows in images.items()}
    for act in truth.of("process"):
        last = [row for row in images[entities[act["pid"]]] if row["next_image"] is None]
        assert len(last) == 1, act["how"]
        row, = last
        if "exe" in act:
            check_program(row, act)
        assert row["process_parent_entity_id"] == entities[act["ppid"]]
        assert row["process_exit_code"] == act.get("exit") and row["process_exit_signal"] == act.get("signal")
        assert row["process_start"] and row["process_end"] and row["process_start"] <= row["process_end"]
        ancestry = row["process_ancestry"].split(" < ")
        assert ancestry[0] == os.fsdecode(exes.get(act["ppid"], os.fsencode(truth.exe)))
        assert str(truth.exe) in ancestry and os.path.realpath("/proc/self/exe") in ancestry
        check_user(row, user, login)
    parent, = recorder.query("SELECT DISTINCT process_parent_entity_id AS id FROM processes WHERE "
                             "process_entity_id = ?", own_image["process_entity_id"])
    tests = recorder.query("SELECT DISTINCT process_entity_id AS id FROM processes WHERE process_pid = ? AND "
                           "process_executable = ?", os.getpid(), os.path.realpath("/proc/self/exe"))
    assert parent["id"] == tests[0]["id"]
    assert grandparents[own_image["process_entity_id"]] == parent["id"]
    return entities


# Files

def shown(row):
    return row["action"], field(row, "file.path"), field(row, "file.target_path")


def said(act):
    return act["action"], unhex(act["path"]), unhex(act["target"]) if "target" in act else None


def knows_inode(row, act):
    """A call that names a file leaves nothing behind that a tracepoint could see: unknown then, never wrong."""
    if row["recorder_source"] == "ebpf" and row["file_inode"] is None and row["action"] not in ("write", "read"):
        return "O_" not in act["how"] and "opena" not in act["how"]
    return row["file_inode"] == act["inode"]


def files(recorder, truth):
    """Each act of the truth has its event, in its place: the order of the events is that of the acts."""
    acts = [act for act in truth.of("file") if act["action"] != "none"]
    # What was written is told apart from the open, and only by ebpf.
    rows = recorder.query("SELECT * FROM file_events WHERE process_pid IN (SELECT value FROM json_each(?)) "
                          "AND file_writes_count IS NULL ORDER BY sequence",
                          json.dumps(sorted({act["pid"] for act in acts})))
    did, recorded = [said(act) for act in acts], [shown(row) for row in rows]
    wrong = []
    matcher = difflib.SequenceMatcher(None, did, recorded, autojunk=False)
    for change, a, b, c, d in matcher.get_opcodes() if did != recorded else []:
        if change != "equal":
            how = [act["how"] for act in acts[a:b]]
            confidence = [row["file_path_confidence"] for row in rows[c:d]]
            wrong.append(f"{how}: did {did[a:b]}, recorded {recorded[c:d]} {confidence}")
    if not wrong:
        wrong = [f"{act['how']} {said(act)}: inode {act['inode']}, recorded {row['file_inode']}"
                 for row, act in zip(rows, acts) if "inode" in act and not knows_inode(row, act)]
    assert not wrong, f"{len(wrong)} of {len(acts)} differ:\n" + "\n".join(line[:1000] for line in wrong[:30])
    return rows


def check_actor(rows, truth, user="root", login="unset"):
    for row in rows:
        assert field(row, "process.executable") == os.fsencode(truth.exe)
        assert field(row, "process.args") == truth.argv[-len(field(row, "process.args")):]
        assert row["process_parent_pid"] == os.getpid()
        assert (row["user_name"], row["user_effective_name"], row["user_audit_name"]) == (user, user, login)
        assert row["event_outcome"] == "success"
    assert len({row["process_entity_id"] for row in rows}) == 1


# Network

def expected_connection(act):
    side = "source" if act["action"] in ("accept", "bind") else "destination"
    return {
        "action": act["action"],
        "event_outcome": act["outcome"],
        "error_code": act.get("error"),
        f"{side}_ip": act.get("ip"),
        f"{side}_port": act.get("port"),
        "socket.path": unhex(act["path"]) if "path" in act else None,
        "network_type": act.get("type"),
    }


def connections(recorder, truth):
    # The end of a connection only ebpf tells.
    rows = recorder.query("SELECT * FROM network_events WHERE process_pid = ? AND action != 'disconnect' ORDER BY sequence",
                          truth.pid)
    wrong = []
    acts = truth.of("network")
    for row, act in zip(rows, acts):
        for name, value in expected_connection(act).items():
            if value is None and name != "error_code":
                continue  # the program did not ask: the recorder may know more
            if act["how"] == "without an address" and row[name] is None:
                continue  # nor did the kernel tell
            if act["action"] == "bind" and name == "source_port" and value == 0:
                continue  # the kernel chose one: ebpf tells which, and the socket if it is still there
            found = field(row, name) if name == "socket.path" else row[name]
            if found != value:
                wrong.append(f"{act}: {name} is {found!r}, not {value!r}")
    assert not wrong, "\n".join(wrong)
    assert len(rows) == len(acts), [row["action"] for row in rows]
    for row in rows:
        assert field(row, "process.executable") == os.fsencode(truth.exe)
        assert row["process_parent_pid"] == os.getpid()
        if row["action"] in ("connect", "accept"):
            assert row["network_direction"] == {"connect": "egress", "accept": "ingress"}[row["action"]]
    return rows
