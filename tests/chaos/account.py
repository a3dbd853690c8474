"""What a load did (truth/load.c) against what a history has: each act is in it, once, or within a gap that says of its time and
its class that events may be missing."""
import bisect
import calendar
import collections
import time
import typing

NEAR_NS = 5 * 10**9  # what is shown beside an act
LOOK_NS = 15 * 10**8


class Act(typing.NamedTuple):
    category: str
    action: str
    begin: int
    end: int
    pid: int
    name: str


def as_text(time_ns):
    """As the database shows times."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time_ns // 10**9)) + f".{time_ns % 10**9:09}Z"


def seconds(text):
    """Since 1970."""
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) + float("0" + text[19:-1] if text[19:-1] else "0")


def read(path):
    acts = []
    with open(path) as log:
        for line in log:
            category, action, begin, end, pid, name = line.split()
            acts.append(Act(category, action, int(begin), int(end), int(pid), name))
    return acts


class Clock:
    """That of the recorder, which may have been moved: what it showed at a time of the machine's."""

    def __init__(self):
        self.since, self.by = [0], [(0,)]

    def move(self, before, after, by):
        """Between these two times it was moved to so many ns ahead of the machine's. What happened shortly before may be told as of
        then, and what was counted between two looks of the recorder."""
        self.since += [max(before - LOOK_NS, self.since[-1]), after + LOOK_NS]
        self.by += [(self.by[-1][-1], by), (by,)]

    def shown(self, time_ns):
        """All that it may have shown then."""
        return [time_ns + by for by in self.by[bisect.bisect_right(self.since, time_ns) - 1]]


# Rows of the history by the name of the act.
STORED = {
    ("process", "exec"): "SELECT json_extract(process_args, '$[1]') AS name FROM process_events WHERE action = 'exec' AND "
                         "process_args LIKE '[\"tiny\",\"chaos-%'",
    ("network", "bind"): "SELECT source_ip AS name FROM network_events WHERE action = 'bind' AND source_ip LIKE '127.%'",
    ("network", "connect"): "SELECT destination_ip AS name FROM network_events WHERE action = 'connect' AND destination_ip LIKE '127.%'",
    ("network", "accept"): "SELECT source_ip AS name FROM network_events WHERE action = 'accept' AND source_ip LIKE '127.%'",
    ("security", "login"): "SELECT CAST(user_audit_id AS TEXT) AS name FROM security_events WHERE event_code = 'LOGIN'",
}
FILES = "SELECT file_path AS name FROM file_events WHERE action = '{}' AND file_path LIKE '%/m%-%'"
STORED |= {("file", action): FILES.format(action) for action in ("create", "write", "rename", "delete")}
BY_PID = ("SELECT process_pid AS pid, time_ns FROM process_events WHERE action = '{}' AND coalesce(process_parent_pid, {}) = {} "
          "ORDER BY time_ns")


class Account:
    """`missing`: acts that are not stored; `unexplained`: those of them that no gap covers; `twice`: acts that are stored more than
    once. parent: the load, whose children they are; in ten minutes every pid is somebody else's, too."""

    def __init__(self, acts, query, clock, without=(), parent=0):
        self.acts = [act for act in acts if (act.category, act.action) not in without]
        self.clock = clock
        self.gaps = query('SELECT "begin", "end", class, cause, count FROM gaps ORDER BY sequence')
        # A clock that was set makes times doubtful for hours, and loses nothing: it is no excuse.
        self.excuses = [gap for gap in self.gaps if gap["cause"] != "clock_step"]
        self.n = collections.Counter((act.category, act.action) for act in self.acts)
        self.missing, self.twice = [], []
        for kind in self.n:
            wanted = [act for act in self.acts if (act.category, act.action) == kind]
            if kind in STORED:
                self.compare(wanted, collections.Counter(row["name"] for row in query(STORED[kind])))
            else:
                self.compare_by_pid(wanted, query(BY_PID.format(kind[1], parent, parent)))
        self.explain()

    def compare(self, wanted, stored):
        self.missing += [act for act in wanted if stored[act.name] == 0]
        self.twice += [act for act in wanted if stored[act.name] > 1]

    def compare_by_pid(self, wanted, rows):
        """Pids are used again: a row is of the act of its pid that is the nearest."""
        found, of = collections.Counter(), collections.defaultdict(list)
        for act in wanted:
            of[act.pid].append(act)
        for row in rows:
            if row["pid"] in of:
                found[min(of[row["pid"]], key=lambda act: self.distance(act, row["time_ns"]))] += 1
        self.missing += [act for act in wanted if found[act] == 0]
        self.twice += [act for act in wanted if found[act] > 1]

    def distance(self, act, time):
        return min(abs(shown - time) for shown in self.clock.shown(act.begin))

    def times(self, act):
        """From when to when it was by the clock of the recorder; where that was moved meanwhile, by both."""
        moved = {shown - at for at in (act.begin, act.end) for shown in self.clock.shown(at)}
        return [(act.begin + by, act.end + by) for by in moved]

    def explain(self):
        self.causes = collections.defaultdict(collections.Counter)
        self.unexplained = []
        for act in self.missing:
            cause = self.cause(act)
            if cause:
                self.causes[act.category, act.action][cause] += 1
            else:
                self.unexplained.append(act)

    def cause(self, act):
        times = [(as_text(begin), as_text(end)) for begin, end in self.times(act)]
        return next((gap["cause"] for gap in self.excuses if gap["class"] in ("all", act.category) and
                     any((gap["begin"] or "") <= end and begin <= gap["end"] for begin, end in times)), None)

    def is_right(self):
        return not self.unexplained and not self.twice

    def tell(self, act):
        """An act that is not right, for a person: with the gaps near it."""
        begin, end = self.clock.shown(act.begin)[0], self.clock.shown(act.end)[-1]
        near = [gap for gap in self.gaps if as_text(begin - NEAR_NS) <= gap["end"] and (gap["begin"] or "") <= as_text(end + NEAR_NS)]
        return "\n".join([f"{act.category}.{act.action} {act.name} pid {act.pid}, {as_text(begin)} to {as_text(end)}; gaps near it:",
                          *(f"    {gap['begin']} to {gap['end']} {gap['class']} {gap['cause']} {gap['count']}" for gap in near)])

    def gap_report(self):
        """How many gaps of each cause, and how long they are together: short, if they say no more than what may be missing."""
        of = collections.defaultdict(list)
        for gap in self.gaps:
            of[gap["cause"]].append(seconds(gap["end"]) - seconds(gap["begin"] or gap["end"]))
        took = (self.acts[-1].end - self.acts[0].begin) / 10**9
        return "\n".join([f"gaps in {took:.1f} s:", *(f"  {cause}: {len(all_of)}, {sum(all_of):.1f} s in all, {max(all_of):.1f} s the longest"
                                                     for cause, all_of in sorted(of.items()))])

    def report(self):
        causes = sorted({cause for kind in self.causes.values() for cause in kind})
        missing = collections.Counter((act.category, act.action) for act in self.missing)
        unexplained = collections.Counter((act.category, act.action) for act in self.unexplained)
        twice = collections.Counter((act.category, act.action) for act in self.twice)
        lines = [["act", "true", "stored", *(f"in {cause}" for cause in causes), "unexplained", "twice"]]
        for kind in sorted(self.n):
            lines.append([".".join(kind), self.n[kind], self.n[kind] - missing[kind], *(self.causes[kind][cause] for cause in causes),
                          unexplained[kind], twice[kind]])
        lines.append(["sum", *(sum(column) for column in zip(*(line[1:] for line in lines[1:])))])
        widths = [max(len(str(line[i])) for line in lines) for i in range(len(lines[0]))]
        return "\n".join("  ".join(str(cell).rjust(width) if i else str(cell).ljust(width)
                                   for i, (cell, width) in enumerate(zip(line, widths))) for line in lines)
