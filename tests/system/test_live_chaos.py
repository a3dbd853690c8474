"""A short run of `make chaos`: some faults one after the other under load; each act is in the history, or within a gap."""
import sys

import pytest

from conftest import both_sources
from driver import SOURCE

sys.path.insert(0, str(SOURCE / "tests" / "chaos"))

import chaos  # noqa: E402

pytestmark = pytest.mark.live
source = both_sources

# Of each sort one, but for those that take long.
FAULTS = {
    "ebpf": [(0.3, "killed", {"away_s": 0.1}), (0.5, "burst", {"kind": "file", "n": 500}), (0.3, "full", {"for_s": 0.5, "then": "killed"}),
             (0.3, "clock_set", {"minutes": -90}), (0.3, "stopped", {"for_s": 0.5}), (0.2, "ended", {"away_s": 0.1})],
    "audit": [(0.3, "rules_deleted", {"times": 1}), (1.0, "audit_off", {}), (0.5, "burst", {"kind": "process", "n": 100}),
              (0.2, "killed_while_stopped", {"for_s": 0.5}), (0.3, "damaged", {"name": "proc.bin", "number": 3, "how": "ended"})],
}


def test_short(audit_state, tmp_path, disk_path, source):
    with chaos.Scene(disk_path, source) as scene:
        told = scene.run(FAULTS[source], 60)
        whole = scene.recorder.cli("verify", check=None)
    print(told.report())
    print(told.gap_report())
    assert whole.returncode == 0, whole.text
    assert not told.unexplained and not told.twice, "\n".join(map(told.tell, (told.unexplained + told.twice)[:5]))
    assert len(told.acts) > 500 and len(told.missing) < len(told.acts) * 0.9
