"""What is to be reached, and whether it was: pure functions over the measurements of one run."""

import dataclasses
import statistics

OURS = "settled"
BEST_PEER = "the best peer"
# Neither is a queue or a receiver that somebody could run instead: the first is the limit, the second keeps no state
# of a job.
NO_PEERS = (OURS, "pgbench", "openssl", "pgq")


@dataclasses.dataclass(frozen=True)
class Target:
    """`ours` is to be at least (or at most) `bound`, times what stands beside it if something does."""

    row: str
    title: str
    case: object
    field: str
    sign: str
    bound: float
    unit: str
    beside: tuple = None  # who, case, field

    def is_reached(self, value):
        # A difference of two times in clock ticks is off by the last binary digit.
        value = round(value, 9)
        return value >= self.bound if self.sign == ">=" else value <= self.bound


@dataclasses.dataclass(frozen=True)
class Verdict:
    target: Target
    ours: float
    beside_name: str
    beside: float
    # What is compared with the bound, of each round: its ratio, or ours where nothing stands beside it.
    rounds: tuple

    @property
    def found(self):
        """The same of all rounds: their median."""
        return statistics.median(self.rounds)

    @property
    def reached_in(self):
        """The number of rounds that reached it."""
        return sum(self.target.is_reached(value) for value in self.rounds)

    @property
    def word(self):
        """`reached` and `falls short` where at least four of five rounds say so and the median does; a machine whose speed
        changes by a third from minute to minute tells nothing about what lies closer to the bound."""
        share = self.reached_in / len(self.rounds)
        if self.target.is_reached(self.found):
            return "reached" if share >= 0.8 else "open"
        return "falls short" if share <= 0.2 else "open"


def _intake():
    for connections in (64, 256):
        at = f"{connections} connections"
        yield Target(
            "intake",
            f"durable acknowledgements/s, {at}, beside single-row INSERTs",
            connections,
            "rate",
            ">=",
            1.4,
            "/s",
            ("pgbench", connections, "rate"),
        )
        yield Target(
            "intake",
            f"durable acknowledgements/s, {at}, beside Java",
            connections,
            "rate",
            ">=",
            2,
            "/s",
            ("java", connections, "rate"),
        )
        yield Target(
            "intake",
            f"99th percentile, {at}, beside Java",
            connections,
            "p99",
            "<=",
            0.7,
            " ms",
            ("java", connections, "p99"),
        )
        yield Target("intake", f"the server's CPU for one request, {at}", connections, "cpu_us", "<=", 70, " µs")


TARGETS = (
    *_intake(),
    Target(
        "queue", "jobs drained/s, beside the best peer", "drain", "rate", ">=", 2, "/s", (BEST_PEER, "drain", "rate")
    ),
    Target(
        "queue",
        "jobs enqueued/s by 100, beside INSERTs of 100 rows",
        "enqueue",
        "rate",
        ">=",
        1,
        "/s",
        ("pgbench", "enqueue", "rate"),
    ),
    Target("queue", "enqueue to start at 50 jobs/s, median", "latency", "p50", "<=", 1, " ms"),
    Target("queue", "enqueue to start at 50 jobs/s, 99th percentile", "latency", "p99", "<=", 3, " ms"),
    Target(
        "gateway",
        "verified answers/s for each core, beside signatures/s of one core",
        "per core",
        "rate",
        ">=",
        0.55,
        "/s",
        ("openssl", "per core", "rate"),
    ),
    Target("line", "notifications settled/s at full speed", "full", "rate", ">=", 3500, "/s"),
    Target("line", "from notification to settlement at half the rate, 99th percentile", "half", "p99", "<=", 50, " ms"),
    Target(
        "depth", "drained/s with 1,000,000 ready, beside 100,000", "1M", "rate", ">=", 0.9, "/s", (OURS, "100k", "rate")
    ),
    Target(
        "depth", "drained/s with 5,000,000 ready, beside 100,000", "5M", "rate", ">=", 0.9, "/s", (OURS, "100k", "rate")
    ),
    Target(
        "depth",
        "drained/s after 1,000,000 have ended, beside none",
        "100k after 1M",
        "rate",
        ">=",
        0.97,
        "/s",
        (OURS, "100k", "rate"),
    ),
    Target(
        "snapshot",
        "jobs/s under a held snapshot, beside before",
        "held",
        "rate",
        ">=",
        0.95,
        "/s",
        (OURS, "held", "before"),
    ),
    Target("feed", "items exported/s by one reader", "export", "rate", ">=", 200_000, "/s"),
    Target("feed", "what 100 waiting readers cost, of a core", "idle", "cores", "<=", 0.01, ""),
    Target("feed", "from the settlement's commit to the reader, 99th percentile", "arrival", "p99", "<=", 20, " ms"),
    Target("footprint", "from the start to the first answer", "start", "ms", "<=", 100, " ms"),
    Target("footprint", "most memory, at full speed", "memory", "mib", "<=", 64, " MiB"),
    Target("soak", "most memory in an hour at full load", "memory", "mib", "<=", 64, " MiB"),
    Target(
        "soak",
        "memory in the last tenth of the hour, beside the second",
        "memory",
        "late",
        "<=",
        1.02,
        " MiB",
        (OURS, "memory", "early"),
    ),
)


def figures(measurements, row, case, who, field):
    """By round: the median of what was measured in it."""
    by_round = {}
    for each in measurements:
        if (each["row"], each["case"], each["who"]) == (row, case, who) and each.get(field) is not None:
            by_round.setdefault(each["round"], []).append(each[field])
    return {number: statistics.median(values) for number, values in by_round.items()}


def contestants(measurements, row, case):
    """In the order in which they were measured."""
    return list(dict.fromkeys(each["who"] for each in measurements if (each["row"], each["case"]) == (row, case)))


def best_peer(measurements, target):
    _, case, field = target.beside
    rates = {
        who: statistics.median(values.values())
        for who in contestants(measurements, target.row, case)
        if who not in NO_PEERS and (values := figures(measurements, target.row, case, who, field))
    }
    return max(rates, key=rates.get, default=None)


def judge(measurements, target):
    """None when one side of it was not measured."""
    ours = figures(measurements, target.row, target.case, OURS, target.field)
    if not ours:
        return None
    middle = statistics.median(ours.values())
    if target.beside is None:
        return Verdict(target, middle, "", 0, tuple(ours.values()))
    who, case, field = target.beside
    if who == BEST_PEER:
        who = best_peer(measurements, target)
    beside = figures(measurements, target.row, case, who, field)
    ratios = [ours[number] / beside[number] for number in ours if beside.get(number)]
    if not ratios:
        return None
    name = who if who != OURS else f"{field if field != target.field else case}"
    return Verdict(target, middle, name, statistics.median(beside.values()), tuple(ratios))


def verdicts(measurements):
    return [verdict for target in TARGETS if (verdict := judge(measurements, target))]


def pooled(several):
    """One verdict over the rounds of several runs: what a single run leaves open, they may tell together."""
    first = several[0]
    return Verdict(
        first.target,
        statistics.median(verdict.ours for verdict in several),
        first.beside_name,
        statistics.median(verdict.beside for verdict in several),
        tuple(value for verdict in several for value in verdict.rounds),
    )
