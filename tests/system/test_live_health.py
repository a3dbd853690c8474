"""Health: all is well on a fresh run; what is not is told, with the mend; canaries arrive, or are missed."""
import json
import os
import re
import signal

import pytest

import kernel
from conftest import both_sources
from driver import wait_until

pytestmark = pytest.mark.live
source = both_sources

OFTEN = ["--set", "CanaryIntervalSecs=1"]
def health(recorder, check=0):
    answer = json.loads(recorder.cli("health", "--json", check=check).text)
    return answer["level"], {item["id"]: item for item in answer["checks"]}


def check_now(recorder, name):
    """A check as it is now; asked for without a look at the exit code."""
    answer = recorder.request(command="recorder.health")["result"]
    return next(item for item in answer["checks"] if item["id"] == name)


def level(recorder, name):
    return check_now(recorder, name)["level"]


def changes(recorder, name):
    rows = recorder.query("SELECT recorder_message AS message FROM recorder_events WHERE action = 'health' ORDER BY sequence")
    return [row["message"].split(": ")[1] for row in rows if row["message"].startswith(name + ": ")]


def test_all_is_well(new_recorder):
    recorder = new_recorder(arguments=OFTEN).start()
    wait_until(lambda: recorder.status()["canary.sent"] > 1, "a canary came back")
    worst, checks = health(recorder)
    assert worst == "ok" and not [item for item in checks.values() if item["level"] != "ok" or item["mend"]], checks
    assert re.fullmatch(r"exec, file, connect arrived within \d+ ms", checks["canary"]["why"])
    table = recorder.cli("health").text
    assert all(name in table for name in checks) and "\x1b" not in table and "mend" not in table
    assert "\x1b[" in recorder.cli("health", "--color", "always").text
    status = recorder.status()
    assert status["state"] == "recording" and status["health"] == status["health.canary"] == "ok"
    assert status["canary.failed"] == 0 and status["canary.latency_ms"] < 15000 and status["canary.last"]
    sent = status["canary.sent"]
    wait_until(lambda: recorder.status()["canary.sent"] > sent, "they go on")
    recorder.stop()
    assert not [path for path in os.listdir(recorder.state) if path.startswith("canary.")]
    # The default subscription wants programs and connections: it has those of the canaries too.
    seen = recorder.query("SELECT process_args AS args, process_pid AS pid FROM process_events WHERE action = 'exec'")
    pids = [row["pid"] for row in seen if json.loads(row["args"])[1:2] == ["canary"]]
    assert len(pids) >= 2
    connects = recorder.query("SELECT destination_ip AS ip, error_code AS error FROM network_events WHERE action = 'connect' AND "
                              "process_pid = ?", pids[0])
    assert connects == [{"ip": "127.0.0.1", "error": "ECONNREFUSED"}]
    assert not recorder.query("SELECT * FROM recorder_events WHERE action = 'health'")


def test_wanted_by_nobody(new_recorder, source):
    """Only what subscriptions ask for is demanded, and nothing more is stored."""
    logins = {"name": "logins", "domain": "recorder",
              "streams": [{"type": "database", "event_filters": [{"terms": ["security"]}]}]}
    recorder = new_recorder(logins, arguments=OFTEN).start()
    wait_until(lambda: "no subscription wants" in health(recorder)[1]["canary"]["why"], "none is sent")
    assert recorder.status()["canary.sent"] == 0
    recorder.cli("config", "set", "CanaryIntervalSecs", "0", "--config", recorder.config)
    recorder.stop()

    touched = {"name": "touched", "domain": "recorder", "streams": [{"type": "database", "event_filters": [
        {"terms": ["file.write", "file.path ends with '/nowhere'"]}]}]}
    recorder = new_recorder(touched, arguments=OFTEN).start()
    wait_until(lambda: health(recorder)[1]["canary"]["why"].startswith("file arrived within"), "the file alone is demanded")
    # The kernel is not asked for files elsewhere than below a folder, if it can be told so.
    if source == "ebpf":
        touched["streams"][0]["event_filters"][0]["terms"][1] = "file.path starts with '/nowhere/'"
        sent = recorder.status()["canary.sent"]
        recorder.cli("command", "recorder.register-subscription", json.dumps({"subscription": touched}))
        wait_until(lambda: "no subscription wants" in health(recorder)[1]["canary"]["why"], "none is demanded")
        assert recorder.status()["canary.failed"] == 0 and recorder.status()["canary.sent"] <= sent + 1
    recorder.stop()
    assert not recorder.query("SELECT * FROM events WHERE category != 'recorder'")


def test_what_is_wrong_is_told(new_recorder):
    recorder = new_recorder(arguments=["--set", "CanaryIntervalSecs=0"], config="")
    (recorder.state / "subscriptions").mkdir(parents=True)
    for path in recorder.state, recorder.state / "subscriptions":
        path.chmod(0o700)
    (recorder.state / "subscriptions" / "bad.json").write_text("{")
    recorder.start()
    worst, checks = health(recorder, check=1)
    assert worst == "fail" and checks["subscriptions"]["level"] == "fail" and checks["subscriptions"]["mend"]
    assert checks["canary"]["why"].startswith("off")
    assert recorder.status()["state"] == "degraded"
    assert recorder.status()["state.reasons"] == [checks["subscriptions"]["why"]]

    recorder.socket.chmod(0o666)
    wait_until(lambda: level(recorder, "socket") == "fail", "the mode of the socket is seen")
    text = recorder.cli("health", check=1).text
    assert "mode 0666" in text and "mend: chmod 600 it" in text
    recorder.socket.chmod(0o600)
    wait_until(lambda: level(recorder, "socket") == "ok", "it is right again")

    (recorder.config / "recorder.conf").write_text("Nonsense = 1\n")
    recorder.cli("config", "set", "StatusUpdateInterval", "7", "--config", recorder.config, check=2)
    recorder.process.send_signal(signal.SIGHUP)
    wait_until(lambda: level(recorder, "settings") == "fail", "the settings are refused")
    log = recorder.stop()
    assert "Health, socket: fail: " in log and "(chmod 600 it)" in log and "Health, socket: ok: " in log
    assert changes(recorder, "subscriptions") == ["fail, was ok"]
    assert changes(recorder, "socket") == ["fail, was ok", "ok, was fail"]
    assert changes(recorder, "settings") == ["fail, was ok"]


def test_metrics(new_recorder):
    recorder = new_recorder(arguments=OFTEN).start()
    wait_until(lambda: recorder.status()["canary.sent"] > 1, "a canary came back")
    text = recorder.cli("status", "--prometheus").text
    sample = re.compile(r'([a-z_]+)(\{[a-z]+="(\\.|[^"\\])*"(,[a-z]+="(\\.|[^"\\])*")*\})? -?[0-9.]+')
    metric, samples = None, {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            metric = line.split()[2]
        elif line.startswith("# TYPE "):
            assert line == f"# TYPE {metric} {'counter' if metric.endswith('_total') else 'gauge'}"
        else:
            assert sample.fullmatch(line) and sample.match(line)[1] == metric, line
            samples[line.rsplit(" ", 1)[0]] = float(line.rsplit(" ", 1)[1])
    assert text.endswith("\n")
    assert samples['recorder_health_check{check="canary"}'] == 0
    assert samples["recorder_records_received_total"] > 0
    assert samples['recorder_state_info{state="recording"}'] == 1
    assert samples["recorder_canaries_sent_total"] >= 2
    recorder.stop()


@pytest.mark.parametrize("source", ["audit"])
def test_canary_that_cannot_arrive(new_recorder):
    """Somebody's rule in front of ours: no counter shows what it hides."""
    before = kernel.state()
    recorder = new_recorder(config="CX.recorder.CanaryIntervalSecs = 2\n").start()
    rule = ["never,exit", "-F", "arch=b64", "-S", "connect"]
    try:
        wait_until(lambda: "arrived within" in check_now(recorder, "canary")["why"], "a canary came back")
        kernel.auditctl("-A", *rule)
        # The next is given up after 15 s. The one after it is to go when the rule is gone, or it is waited for as long.
        recorder.cli("config", "set", "CanaryIntervalSecs", "17", "--config", recorder.config)
        wait_until(lambda: level(recorder, "canary") == "fail", "a canary is missed")
        _, checks = health(recorder, check=1)
        assert checks["canary"]["why"] == "what the canary did never arrived: connect"
        status = recorder.status()
        assert status["state"] == "degraded" and status["canary.missing.connect"] and not status["canary.missing.file"]
        kernel.auditctl("-d", *rule)
        wait_until(lambda: level(recorder, "canary") == "ok", "they arrive again")
        recorder.stop()
    finally:
        recorder.cleanup()
        kernel.restore(before)
    assert changes(recorder, "canary") == ["fail, was ok", "ok, was fail"]


@pytest.mark.parametrize("source", ["audit"])
def test_rules_that_were_removed(recorder):
    kernel.auditctl("-D")
    wait_until(lambda: level(recorder, "rules") == "warn", "they are there again")
    recorder.stop()
