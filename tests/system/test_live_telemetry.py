"""The yardstick of tests/telemetry: each activity is told as its table says, by the one source and by the other."""
import pathlib
import sys

import pytest

from conftest import both_sources
from driver import SOURCE

sys.path.insert(0, str(SOURCE / "tests" / "telemetry"))

import host  # noqa: E402
import yardstick  # noqa: E402

pytestmark = pytest.mark.live
source = both_sources


def test_activities(new_recorder, source, disk_path):
    if host.missing():
        pytest.skip(f"needs {', '.join(host.missing())}")
    folder = pathlib.Path(disk_path)
    results = yardstick.measure(new_recorder(config=yardstick.SETTINGS), source, folder)
    print("\n".join(yardstick.table({source: results})))
    assert len(results) == 34
    short = [f"{result.activity.category} {result.activity.name}: {result.verdict}, {result.why}" for result in results
             if yardstick.is_short(result, source)]
    assert not short, "\n".join(short)
