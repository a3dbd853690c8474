"""One workload, recorded once under each source: the histories are the same, field by field, but for differences that are
listed here, each with its reason (docs/ARCHITECTURE.md, "The same from both")."""
import collections
import json
import re
import shutil

import pytest

import driver
import kernel
from driver import Truth

pytestmark = pytest.mark.live

WORKLOADS = {
    "files": lambda folder: [("files", "all", folder)],
    "processes": lambda folder: [("spawn", "storm", "20", driver.tiny()), ("spawn", "ways", driver.tiny()),
                                 ("spawn", "deaths", driver.tiny())],
    "network": lambda folder: [("network", "all", folder)],
}
VIEWS = ("process_events", "file_events", "network_events", "image_events", "security_events")

# Numbers that differ from run to run whatever the source: that they are known is compared, their value is not.
CHANGING = ("port", "inode", "pid", "entity_id", "start", "duration", "session_id", "mtime", "size", "fd", "login_time")
# Of the row, not of the event.
NOT_COMPARED = ("sequence", "time", "time_ns", "event_id", "process_row", "recorder_source", "recorder_escaped", "event_code",
                # Of the version, which is the same: known when the hasher has come to it.
                "process_hash_state", "process_hash_md5", "process_hash_sha1", "process_hash_sha256",
                # Of whom audit tells nothing: what /proc shows, if it is asked in time (test_live_identity).
                "process_namespaces")
# Audit does not tell the version of a program: it is looked for by the path, if that still leads to the same file; nor into which
# namespaces a child was born: those of its parent; nor an end of a socket, which the socket is asked for if it is still there.
INFERRED_BY_AUDIT = {"process.hash.id", "process.executable_file.ctime", "process.namespaces", "source.ip", "source.port", "network.type"}

# (view, column): what only one of the sources knows, and why.
ONLY_AUDIT = {
    ("file_events", "file_inode"): "a call that names a file leaves nothing behind that a tracepoint could see",
    ("file_events", "file_device"): "as the inode",
    ("file_events", "file_mode"): "as the inode",
    ("file_events", "file_uid"): "as the inode",
    ("file_events", "file_gid"): "as the inode",
    ("file_events", "file_type"): "as the inode",
    ("file_events", "process_current_directory"): "told by ebpf only with a relative name",
    ("network_events", "process_current_directory"): "as for processes",
}
ONLY_EBPF = {
    ("network_events", "source_ip"): "both addresses are the kernel's",
    ("network_events", "source_port"): "as the address",
    ("network_events", "destination_ip"): "as the address",
    ("network_events", "destination_port"): "as the address",
    ("network_events", "network_transport"): "audit's address has none",
    ("network_events", "network_type"): "audit has no address of a listen",
    ("network_events", "socket_path"): "of accept and listen",
    ("file_events", "file_xattr"): "audit has the call alone",
}
BOTH_DIFFER = {
    ("file_events", "file_path_confidence"): "confirmed by inode: exact with audit, joined with ebpf; by descriptor: the reverse",
    ("network_events", "source_port"): "a bind to port 0 shows the port only by ebpf",
}
# Of any view, and not of any host.
SOMEWHERE = {
    "process_security_context": "ebpf does not tell it; a host without SELinux and AppArmor has none",
    **dict.fromkeys((f"process_thread_capabilities_{name}" for name in ("permitted", "effective", "inheritable", "ambient")),
                    "of a program of root audit tells them unless it has all (security/commoncap.c, nonroot_raised_pE)"),
}


USED, DONE = set(), set()


def columns(row):
    return [name for name in row if name not in NOT_COMPARED]


def known(row, name, pids):
    """A value that can be compared with that of another run."""
    value = row[name]
    if value is None:
        return None
    if name.endswith("pid"):
        return pids.get(value, "another")
    if any(name.endswith(end) for end in CHANGING):
        return "known"
    if name == "recorder_inferred":
        return json.dumps(sorted(set(json.loads(value)) - INFERRED_BY_AUDIT)).replace("[]", "") or None
    if name == "auditd_message":
        return re.sub(r"\bpid=\d+", "pid=", value)
    return value


def record(new_recorder, source, name, folder):
    shutil.rmtree(folder)
    folder.mkdir(mode=0o755)
    recorder = new_recorder(source=source).start()
    truths = [Truth(*command) for command in WORKLOADS[name](folder)]
    recorder.stop()
    pids = {}
    for truth in truths:
        pids[truth.pid] = f"program {len(pids)}"
        for act in truth.acts:
            if "pid" in act and act["pid"] not in pids:
                pids[act["pid"]] = f"process {len(pids)}"
    rows = collections.OrderedDict()
    for view in VIEWS:
        rows[view] = [row for row in recorder.query(
            f"SELECT * FROM {view} WHERE process_pid IN (SELECT value FROM json_each(?)) ORDER BY sequence", json.dumps(list(pids)))]
    return rows, pids


def comparable(view, rows):
    """Without what one of the sources tells beside the rest."""
    if view == "file_events":
        return [row for row in rows if row["file_writes_count"] is None]
    if view == "network_events":
        return [row for row in rows if row["action"] != "disconnect"]
    if view == "image_events":
        return []
    if view == "process_events":  # forks and exits of one process are told at once by ebpf, later by audit
        return sorted(rows, key=lambda row: (row["process_pid"], row["action"] not in ("fork", "snapshot"), row["action"] == "exit"))
    return rows


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_same_from_both(new_recorder, folder, name):
    (ebpf, ebpf_pids), (audit, audit_pids) = (record(new_recorder, source, name, folder) for source in ("ebpf", "audit"))
    wrong = []
    for view in VIEWS:
        one, other = comparable(view, ebpf[view]), comparable(view, audit[view])
        acts = [[row["action"] for row in rows] for rows in (one, other)]
        if acts[0] != acts[1]:
            wrong.append(f"{view}: ebpf {collections.Counter(acts[0])}, audit {collections.Counter(acts[1])}")
            continue
        for e, a in zip(one, other):
            for column in columns(e):
                x, y = known(e, column, ebpf_pids), known(a, column, audit_pids)
                if x == y or column in SOMEWHERE and None in (x, y):
                    continue
                if (view, column) in BOTH_DIFFER or x is None and (view, column) in ONLY_AUDIT or \
                        y is None and (view, column) in ONLY_EBPF:
                    USED.add((view, column))
                    continue
                wrong.append(f"{view} {e['action']} {column}: ebpf {x!r}, audit {y!r} ({e.get('file_path')})")
    DONE.add(name)
    counts = collections.Counter(wrong)
    assert not wrong, f"{len(wrong)} differences:\n" + "\n".join(f"{n} x {line}" for line, n in counts.most_common(40))
    assert sum(map(len, ebpf.values())) > 20


def test_every_difference_that_is_listed_is_there():
    """A line of the lists above that no workload needs is out of date."""
    if not USED or len(DONE) < len(WORKLOADS):
        pytest.skip("not all workloads ran")
    assert set(ONLY_AUDIT) | set(ONLY_EBPF) | set(BOTH_DIFFER) == USED
