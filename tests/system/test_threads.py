"""The daemon at work with everybody at it. Made for the program that ThreadSanitizer watches: a report ends it."""
import json
import subprocess
import threading

import pytest

import checks
import driver
from driver import Truth, wait_until

pytestmark = pytest.mark.live


def test_storm_with_company(new_recorder, folder, tmp_path):
    """500 processes and 2,000 acts on files, while one tails, one asks for the status and one reads the database."""
    recorder = new_recorder(arguments=["--capture", tmp_path / "capture.rec"]).start()
    end = threading.Event()
    asked = [0, 0]

    def ask():
        while not end.is_set():
            assert recorder.status()["state"] == "recording"
            asked[0] += 1

    def read():
        while not end.is_set():
            recorder.query("SELECT count(*) FROM events")
            asked[1] += 1

    with open(tmp_path / "tail", "wb") as output:
        tail = subprocess.Popen([driver.BIN, "tail", "--json", "--state", recorder.state], stdin=subprocess.DEVNULL,
                                stdout=output)
    # it watches when it has seen something
    wait_until(lambda: subprocess.run(["true"], check=True) and (tmp_path / "tail").stat().st_size, "the tail is there")
    company = [threading.Thread(target=ask), threading.Thread(target=read)]
    for thread in company:
        thread.start()
    try:
        processes = Truth("spawn", "storm", "500", driver.tiny())
        files = Truth("files", "storm", "500", folder)
    finally:
        end.set()
        for thread in company:
            thread.join()
    recorder.stop()
    assert tail.wait(driver.DEADLINE_S) == 0
    assert asked[0] > 0 and asked[1] > 0
    checks.processes(recorder, processes)
    checks.files(recorder, files)
    lines = (tmp_path / "tail").read_text().splitlines()
    assert len(lines) > 0 and all(json.loads(line) for line in lines)
