"""Does the activities beside a recorder and says of each whether its history tells of it. Used by `make telemetry` (run) and the tests."""
import contextlib
import os
import pathlib
import platform
import sys
import time
import typing

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

import driver  # noqa: E402
import host  # noqa: E402
from activities import NO, RULE, UNAVAILABLE, YES, Activity, NotHere, Scene, activities  # noqa: E402

ACTS = pathlib.Path(os.environ.get("RECORDER_ACTS_DIR", driver.TRUTH.parent / "telemetry"))
ARCH = {"x86_64": "b64", "aarch64": "b64"}.get(platform.machine(), "b32")
WAIT_S = 20
SETTINGS = "CX.recorder.EnableFuzzyHash = 1\n"  # for a row that costs too much to be there by default
ZONE = {(b"telemetry.example", 1): (0, [(1, bytes([192, 0, 2, 7]))])}


class Result(typing.NamedTuple):
    activity: Activity
    verdict: str
    why: str  # of what is not YES


def is_short(result, source):
    """Whether it is not what the table says of this source."""
    expected = result.activity.audit if source == "audit" else YES
    return result.verdict not in (expected, UNAVAILABLE)


def measure(recorder, source, folder, progress=lambda text: None):
    """A result for each activity. The recorder, which has the default subscription, is started for it, and stopped."""
    rules = folder / "rules"
    rules.write_text("".join(activity.rule.format(arch=ARCH, folder=folder) + "\n" for activity in activities if activity.rule))
    wants, ruled, unavailable = {}, {}, {}

    def wait(want):
        end = time.monotonic() + WAIT_S
        while not want.find(recorder.query) and time.monotonic() < end:
            time.sleep(0.05)
        return want

    with contextlib.ExitStack() as stack:
        account = stack.enter_context(host.Account())
        sshd = stack.enter_context(host.Sshd(folder / "sshd", account))
        stack.enter_context(driver.NameServer(ZONE))
        recorder.start()
        scene = Scene(source, folder, ACTS, sshd, account, wait)
        stack.enter_context(scene.undo)
        for activity in activities:
            progress(f"{source}: {activity.category} {activity.name}")
            try:
                wants[activity] = one(activity.do(scene), 0)
            except NotHere as error:
                unavailable[activity] = str(error)
        after = recorder.query("SELECT max(sequence) AS n FROM events")[0]["n"]
        if source == "audit":
            recorder.cli("audit-rules", "register", rules)
            for activity in activities:
                if activity.rule:
                    ruled[activity] = one(activity.do(scene), 1)
        recorder.stop()
    return [judge(activity, recorder.query, wants, ruled, unavailable, after) for activity in activities]


def one(wanted, which):
    """What the act must have told by itself (0), by a rule of the user (1)."""
    return wanted if hasattr(wanted, "view") else wanted[which]


def judge(activity, query, wants, ruled, unavailable, after):
    if activity in unavailable:
        return Result(activity, UNAVAILABLE, unavailable[activity])
    if wants[activity].find(query):
        return Result(activity, YES, "")
    if activity in ruled and ruled[activity].find(query, after):
        return Result(activity, RULE, activity.why)
    return Result(activity, NO, activity.why or str(wants[activity].nearest(query)))


def table(results):
    """{source: [Result]} as lines: an activity, its verdicts, why where one is not yes."""
    sources = list(results)
    lines = [f"{'':32}" + "".join(f"{source:18}" for source in sources).rstrip()]
    category = None
    for row in zip(*results.values()):
        activity = row[0].activity
        if activity.category != category:
            category = activity.category
            lines.append(category)
        why = "; ".join(dict.fromkeys(result.why for result in row if result.why))
        lines.append((f"  {activity.name:30}" + "".join(f"{result.verdict:18}" for result in row) + why).rstrip())
    count = {source: sum(result.verdict == YES for result in results[source]) for source in sources}
    lines.append(f"{f'of {len(activities)}':32}" + "".join(f"{count[source]:<18}" for source in sources).rstrip())
    return lines
