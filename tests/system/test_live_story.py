"""Somebody logs in by ssh, becomes root by sudo, edits a file, asks a server, logs out: what the recorder tells of it, as a person would
ask for it."""
import http.server
import pathlib
import re
import sys
import threading

import pytest

from conftest import both_sources
from driver import SOURCE, json_lines

sys.path.insert(0, str(SOURCE / "tests" / "telemetry"))

import host  # noqa: E402

pytestmark = pytest.mark.live
source = both_sources


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *unused):
        pass


@pytest.fixture
def server(tmp_path):
    """The port of a server on 127.0.0.1."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *given: Quiet(*given, directory=tmp_path))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def user():
    """Who may become root."""
    if host.missing():
        pytest.skip(f"needs {', '.join(host.missing())}")
    with host.Account() as account:
        rule = pathlib.Path("/etc/sudoers.d") / account.name
        try:
            rule.write_text(f"{account.name} ALL=(ALL) NOPASSWD: ALL\n")
            rule.chmod(0o440)
            yield account
        finally:
            rule.unlink(missing_ok=True)


@pytest.fixture
def secret(user):
    path = pathlib.Path("/etc") / f"{user.name}.conf"
    path.write_text("before\n")
    yield path
    path.unlink()


def test_story(new_recorder, disk_path, user, secret, server):
    recorder = new_recorder().start()
    with host.Sshd(disk_path / "sshd", user) as sshd:
        sshd.login(user.name, f"sudo sh -c 'echo after >> {secret}' && curl -s -o /dev/null http://127.0.0.1:{server}/story")
    assert secret.read_text() == "before\nafter\n"
    recorder.stop()

    print(recorder.cli("sessions").text)
    *_, session = [session for session in json_lines(recorder.cli("sessions", "--json").text) if session.get("user_audit_name") == user.name]
    print(recorder.cli("sessions").text)
    number = session["session_id"]
    assert (session["source_ip"], session["service"]) == ("127.0.0.1", "sshd")

    told = [event for event in json_lines(recorder.cli("timeline", "--session", number, "--json").text) if event.get("kind") != "gap"]
    print(recorder.cli("timeline", "--session", number).text)
    for event in told:
        assert event["user"]["audit"]["name"] == user.name, event
        assert event["session"]["id"] == number and event["session"]["login"]["source_ip"] == "127.0.0.1", event
    ran = [(event["process"]["executable"], event["user"]["name"]) for event in told if event["event"]["action"] == "exec"]
    assert ("/usr/bin/sudo", user.name) in ran or ("/usr/bin/sudo", "root") in ran
    assert ("/usr/bin/curl", user.name) in ran
    changes = [event for event in told if event.get("file", {}).get("path") == str(secret) and event["event"]["action"] == "write"]
    assert changes and all(event["user"]["name"] == "root" for event in changes)
    connections = [event for event in told if event["event"]["action"] == "connect" and event["process"]["name"] == "curl"]
    assert [event["destination"]["port"] for event in connections if "port" in event.get("destination", {})] == [server]
    assert told[-1]["event"]["action"] in ("session_end", "exit", "authentication", "logoff"), told[-1]

    who = recorder.cli("who", secret).text
    print(who)
    line = next(line for line in who.splitlines() if re.search(r"\bwrite\b", line))
    assert user.name in line and "127.0.0.1" in line and "root" in line
