"""Saved subscriptions that are stored encrypted: no term of theirs is on the disk, and what was altered is refused by name."""
import json

import pytest

import driver
from driver import Truth, wait_until

pytestmark = pytest.mark.live

SECRET = "/opt/secret-of-the-hunters"


def document(name, *terms):
    return {"name": name, "streams": [{"type": "database", "event_filters": [{"terms": ["process.exec", *terms]}]}]}


@pytest.fixture
def saved(new_recorder):
    """A recorder with two saved subscriptions, both plain: one of what the hunters look for, one of the acts of the tests."""
    recorder = new_recorder(subscription=None, config="EnableSubscriptionProtection = 1\n")
    folder = recorder.state / "subscriptions"
    folder.mkdir(parents=True, mode=0o700)
    recorder.state.chmod(0o700)
    (folder / "hunt.json").write_text(json.dumps(document("hunt", f"process.path starts with '{SECRET}'")))
    (folder / "acts.json").write_text(json.dumps(document("acts", f"process.path is '{driver.tiny()}'")))
    return recorder


def texts(recorder):
    """What whoever reads the files of the folder and what lies beside it finds, but for the history."""
    return b"".join(path.read_bytes() for path in recorder.state.rglob("*")
                    if path.is_file() and not path.name.startswith("recorder.db"))


def records(recorder):
    """The subscription on the acts is in force."""
    before = recorder.one("SELECT count(*) AS n FROM process_events WHERE action = 'exec'")["n"]
    Truth("spawn", "storm", "3", driver.tiny())
    wait_until(lambda: recorder.one("SELECT count(*) AS n FROM process_events WHERE action = 'exec'")["n"] == before + 3,
               "the acts are recorded")


def test_stored_encrypted(saved):
    assert SECRET.encode() in texts(saved)
    saved.start()
    for word in SECRET, "process.path", "streams", str(driver.tiny()):
        assert word.encode() not in texts(saved), word
    assert sorted(path.name for path in (saved.state / "subscriptions").iterdir()) == ["acts.json", "hunt.json"]
    key = saved.state / "subscriptions.key"
    assert (key.stat().st_mode & 0o7777, key.stat().st_size) == (0o600, 32)
    assert (saved.status()["subscriptions"], saved.status()["subscriptions_refused"]) == (2, 0)
    records(saved)
    before = key.read_bytes()
    saved.stop()

    saved.start()
    assert (saved.status()["subscriptions"], saved.status()["subscriptions_refused"]) == (2, 0)
    records(saved)
    # While it runs: plain, and back.
    saved.cli("config", "set", "EnableSubscriptionProtection", "0", "--config", saved.config)
    assert SECRET.encode() in texts(saved)
    assert json.loads((saved.state / "subscriptions" / "acts.json").read_text())["name"] == "acts"
    saved.cli("config", "set", "EnableSubscriptionProtection", "1", "--config", saved.config)
    assert SECRET.encode() not in texts(saved)
    assert saved.status()["subscriptions_unprotected"] == 0
    assert key.read_bytes() == before
    saved.stop()


def test_altered_is_refused(saved):
    saved.start()
    saved.stop()
    hunt = saved.state / "subscriptions" / "hunt.json"
    sealed = hunt.read_bytes()
    for altered, why in ((sealed[:-1] + bytes([sealed[-1] ^ 1]), "sealed, but altered"), (sealed[:60], "sealed, but cut short"),
                         ((saved.state / "subscriptions" / "acts.json").read_bytes(), "the file of another name")):
        hunt.write_bytes(altered)
        saved.start()
        assert (saved.status()["subscriptions"], saved.status()["subscriptions_refused"]) == (1, 1)
        assert f"{hunt}: " in saved.log_text() and why in saved.log_text()
        records(saved)
        saved.stop()
        assert hunt.read_bytes() == altered
    hunt.write_bytes(sealed)
    saved.start()
    assert (saved.status()["subscriptions"], saved.status()["subscriptions_refused"]) == (2, 0)
    saved.stop()
