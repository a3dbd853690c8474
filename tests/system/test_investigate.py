"""The commands of an investigation: sessions, timeline, who. One story: alice comes by ssh, becomes root, changes a file; beside her
cron does what cron does."""
import itertools
import json
import re

import pytest

from driver import cli, json_lines
from test_cli import argument, arguments, call, on_a_terminal, record

ALICE = {"auid": 1000, "ses": 7}
CRON = {"auid": 0, "ses": 8}
UNSET = 4294967295
FORK = "1200011"  # SIGCHLD and where the child's id is put
serials = itertools.count(1)


def login(second, pid, auid, ses):
    return record(second, next(serials), "LOGIN", f"pid={pid} uid=0 old-auid={UNSET} auid={auid} tty=(none) old-ses={UNSET} ses={ses} res=1")


def said(second, kind, pid, auid, ses, op, exe, address="?"):
    return record(second, next(serials), kind, f"pid={pid} uid=0 auid={auid} ses={ses} msg='op={op} acct=\"alice\" exe=\"{exe}\" "
                                               f"hostname=client addr={address} terminal=ssh res=success'")


def begins(second, pid, ppid, exe, *args, **who):
    serial = next(serials)
    return call(second, serial, 59, pid, ppid, exe, [(argument(exe), "NORMAL")], arguments(second, serial, *args), **who)


def clone(second, pid, ppid, child, exe, **who):
    return call(second, next(serials), 56, pid, ppid, exe, a0=FORK, exit=child, **who)


HOSTS = [('"/etc/"', "PARENT"), ('"/etc/hosts"', "NORMAL")]
LOG = "".join([
    begins(0, 300, 1, "/usr/sbin/sshd", "sshd", auid=UNSET, ses=UNSET),
    begins(0, 400, 1, "/usr/sbin/cron", "cron", auid=UNSET, ses=UNSET),
    login(1, 300, 1000, 7),
    clone(1, 300, 1, 305, "/usr/sbin/sshd", **ALICE),
    begins(1, 305, 300, "/usr/sbin/unix_chkpwd", "unix_chkpwd", "alice", **ALICE),
    said(1, "USER_START", 300, 1000, 7, "PAM:session_open", "/usr/sbin/sshd", "203.0.113.7"),
    clone(2, 300, 1, 301, "/usr/sbin/sshd", **ALICE),
    begins(3, 301, 300, "/bin/bash", "-bash", uid=1000, **ALICE),
    login(4, 400, 0, 8),
    begins(5, 401, 400, "/usr/bin/find", "find", "/tmp", **CRON),
    clone(6, 301, 300, 302, "/bin/bash", uid=1000, **ALICE),
    begins(6, 302, 301, "/usr/bin/sudo", "sudo", "vi", "/etc/hosts", **ALICE),
    said(7, "USER_START", 302, 1000, 7, "PAM:session_open", "/usr/bin/sudo"),
    clone(8, 302, 301, 303, "/usr/bin/sudo", **ALICE),
    begins(8, 303, 302, "/usr/bin/vi", "vi", "/etc/hosts", **ALICE),
    call(9, next(serials), 257, 303, 302, "/usr/bin/vi", HOSTS, a2="241", **ALICE),
    call(10, next(serials), 87, 401, 400, "/usr/bin/find", [('"/tmp/"', "PARENT"), ('"/tmp/old"', "DELETE")], **CRON),
    said(11, "USER_END", 302, 1000, 7, "PAM:session_close", "/usr/bin/sudo"),
    said(12, "USER_END", 300, 1000, 7, "PAM:session_close", "/usr/sbin/sshd", "203.0.113.7"),
])


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    folder = tmp_path_factory.mktemp("investigate")
    (folder / "audit.log").write_text(LOG)
    summary = json.loads(cli("import", "audit", folder / "audit.log", "--db", folder / "x.db", "--json").text)
    assert (summary["records"], summary["errors"], summary["unknown_types"]) == (LOG.count("\n"), 0, 0)
    return folder / "x.db"


def events_of(database, *command):
    lines = json_lines(cli(*command, "--db", database, "--json").text)
    return [line for line in lines if line.get("kind") != "gap"]


def test_sessions(database):
    alice, cron = events_of(database, "sessions")
    assert (alice["session_id"], alice["user_audit_id"], alice["source_ip"], alice["service"]) == (7, 1000, "203.0.113.7", "sshd")
    assert alice["login_time"].startswith("2023-11-14T22:13:21") and alice["ended"].startswith("2023-11-14T22:13:32")
    assert (cron["session_id"], cron["service"], cron["source_ip"], cron["ended"]) == (8, "cron", None, None)
    assert alice["is_over"] and alice["host_name"] is None
    leader, = {event["process"]["entity_id"] for event in events_of(database, "query", "process.pid is '300'")}
    assert alice["leader_entity_id"] == leader
    assert events_of(database, "sessions", "--user", "1000") == [alice]
    assert events_of(database, "sessions", "--since", "2023-11-14T22:13:31Z") == [alice]
    assert events_of(database, "sessions", "--until", "2023-11-14T22:13:23Z") == [alice]
    assert events_of(database, "sessions", "--user", "nobody") == []
    text = cli("sessions", "--db", database, "--utc").text
    assert re.search(r"^ *7  .*203\.0\.113\.7  sshd .* 2023-11-14  2023-11-14  ", text, re.MULTILINE)
    assert re.search(r"^ *8  .* cron .* 2023-11-14  \(2023-11-14\)  ", text, re.MULTILINE)
    assert cli("sessions", "--db", database, "--user", "nobody").text.startswith("No login session")


def test_everything_of_a_session_names_it(database):
    """Also what was begun by sudo; where it came from too, also what was stored before that was told."""
    for pid in (301, 302, 303, 305):
        for event in events_of(database, "query", f"process.pid is '{pid}'"):
            session = event["session"]
            assert (session["id"], session["login"]["source_ip"], session["login"]["service"]) == (7, "203.0.113.7", "sshd"), event
    found = events_of(database, "query", "session.source_ip in '203.0.113.0/24'", "process.exec")
    assert [event["process"]["pid"] for event in found] == [305, 301, 302, 303]
    assert {event["process"]["pid"] for event in events_of(database, "query", "session.service is 'cron'")} == {400, 401}


def test_timeline_of_a_session(database):
    events = events_of(database, "timeline", "--session", "7")
    assert {event["session"]["id"] for event in events} == {7}
    assert events[0]["event"]["action"] == "session_start" and events[-1]["event"]["action"] == "session_end"
    text = cli("timeline", "--db", database, "--session", "7").text
    assert "1000@203.0.113.7>" in text and "/etc/hosts" in text and "/tmp/old" not in text
    only = events_of(database, "timeline", "--session", "7", "file")
    assert [event["file"]["path"] for event in only] == ["/etc/hosts"]


def test_timeline_of_a_process(database):
    events = events_of(database, "timeline", "302")
    assert {event["process"]["pid"] for event in events} == {302, 303}
    around = events_of(database, "timeline", "302", "--around", "1h")
    assert {event["process"]["pid"] for event in around} >= {300, 301, 302, 303, 400, 401}
    lines = cli("timeline", "--db", database, "302", "--around", "1h").text.splitlines()
    marked = [line for line in lines if line.startswith("▶ ")]
    assert len(marked) == len(events) and all("[302]" in line or "[303]" in line for line in marked)
    assert any(line.startswith("  ") and "/tmp/old" in line for line in lines)
    near = events_of(database, "timeline", "303", "--around", "1s")
    assert not any(event["process"]["pid"] in (400, 401) and event["event"]["action"] == "exec" for event in near)


@pytest.mark.parametrize("wrong, code, hint", [
    (("timeline",), 2, "--session"),
    (("timeline", "bash"), 2, "entity id"),
    (("timeline", "4000000"), 1, "no process 4000000"),
    (("timeline", "--session", "7", "--around", "5m"), 2, "--around"),
    (("timeline", "302", "--around", "soon"), 2, "duration"),
    (("timeline", "302", "file.pth is 'x'"), 2, "file.path"),
    (("who",), 2, "FILE"),
    (("who", ""), 2, "empty"),
    (("sessions", "--since", "5m", "--until", "10m"), 2, "--since"),
])
def test_wrong_use(database, wrong, code, hint):
    done = cli(*wrong, "--db", database, check=code)
    assert done.error.startswith("recorder: ") and hint in done.error and not done.text


def test_who(database):
    write, = events_of(database, "who", "/etc/hosts")
    assert (write["event"]["action"], write["process"]["pid"], write["session"]["login"]["source_ip"]) == ("write", 303, "203.0.113.7")
    assert events_of(database, "who", "/etc/") == [write]
    assert events_of(database, "who", "/etc") == []
    assert [event["process"]["pid"] for event in events_of(database, "who", "/tmp/old")] == [401]
    assert [event["event"]["action"] for event in events_of(database, "who", "/usr/bin/vi")] == ["exec"]
    assert events_of(database, "who", "/etc/hosts", "--until", "2023-11-14T22:13:28Z") == []
    assert events_of(database, "who", "/etc/hosts", "--type", "process") == []
    text = cli("who", "/etc/hosts", "--db", database).text
    assert "1000@203.0.113.7>" in text and "vi[303]" in text
    assert cli("who", "/etc/shadow", "--db", database).text.startswith("Nobody is known")


def test_who_by_another_name(database, tmp_path):
    """A link to it, and a name from where one stands."""
    (tmp_path / "hosts").symlink_to("/etc/hosts")
    assert len(events_of(database, "who", tmp_path / "hosts")) == 1
    assert len(json_lines(cli("who", "etc/hosts", "--db", database, "--json", cwd="/").text)) >= 1


def test_limit_of_who(database):
    assert len(events_of(database, "who", "/", "--limit", "0")) > 2
    newest = events_of(database, "who", "/", "--limit", "1")
    assert [event["file"]["path"] for event in newest] == ["/tmp/old"]


@pytest.mark.parametrize("command, columns", [(["sessions"], 80), (["timeline", "302", "--around", "1h"], 100), (["who", "/etc/hosts"], 100)])
def test_on_a_terminal(database, command, columns):
    text = on_a_terminal(*command, "--db", database, columns=columns)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert "\x1b[" in text and all(len(line) <= columns for line in plain.splitlines()), plain
