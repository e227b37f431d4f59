"""Writes report.md and a plot for each row from results.jsonl.

report.py [--results results.jsonl] [--run ID] [--folder DIR]
report.py --run ID --again ID …   prints the verdicts of several runs beside each other, and those of all their rounds
"""

import argparse
import json
import pathlib
import statistics

import place
import plot
import targets

# Row, its heading, and what of each case is shown: (case or None for all, field, title, unit).
ROWS = {
    "intake": (
        "Intake over HTTP",
        [
            (64, "rate", "durable acknowledgements/s, 64 connections", "/s"),
            (256, "rate", "durable acknowledgements/s, 256 connections", "/s"),
            (64, "p99", "99th percentile, 64 connections", " ms"),
            (256, "p99", "99th percentile, 256 connections", " ms"),
            (64, "cpu_us", "the server's CPU for one request, 64 connections", " µs"),
            (256, "cpu_us", "the server's CPU for one request, 256 connections", " µs"),
        ],
    ),
    "queue": (
        "The queue",
        [
            ("drain", "rate", "jobs drained/s by one process", "/s"),
            ("enqueue", "rate", "jobs enqueued/s, 100 in a commit", "/s"),
            ("latency", "p50", "enqueue to start, median", " ms"),
            ("latency", "p99", "enqueue to start, 99th percentile", " ms"),
        ],
    ),
    "gateway": ("The gateway", [("per core", "rate", "a second for each core that is used", "/s")]),
    "line": (
        "From the notification to the settlement",
        [
            ("full", "rate", "settled/s at full speed", "/s"),
            ("full", "acknowledged_rate", "acknowledged/s meanwhile", "/s"),
            ("half", "p50", "notification to settlement at half the rate, median", " ms"),
            ("half", "p99", "notification to settlement at half the rate, 99th percentile", " ms"),
        ],
    ),
    "depth": (
        "How deep the queue is",
        [
            (case, "rate", f"drained/s, {words}", "/s")
            for case, words in [
                ("1k", "1,000 ready (over before it is at full speed)"),
                ("100k", "100,000 ready"),
                ("1M", "1,000,000 ready"),
                ("5M", "5,000,000 ready"),
                ("100k after 1M", "100,000 ready, 1,000,000 ended"),
            ]
        ],
    ),
    "snapshot": (
        "A held snapshot",
        [
            ("held", "before", "jobs/s before", "/s"),
            ("held", "rate", "jobs/s, last third of the snapshot", "/s"),
            ("held", "kept", "what is left of the rate", ""),
        ],
    ),
    "feed": (
        "The feed",
        [
            ("export", "rate", "items exported/s by one reader", "/s"),
            ("idle", "cores", "100 waiting readers, of a core", ""),
            ("arrival", "p50", "commit to reader, median", " ms"),
            ("arrival", "p99", "commit to reader, 99th percentile", " ms"),
        ],
    ),
    "footprint": (
        "Footprint",
        [
            ("start", "ms", "start to first answer", " ms"),
            ("start", "mib", "most memory until then", " MiB"),
            ("memory", "mib", "most memory at full speed", " MiB"),
        ],
    ),
    "soak": (
        "An hour at full load",
        [
            ("memory", "settled", "payments settled", ""),
            ("memory", "mib", "most memory", " MiB"),
            ("memory", "early", "memory in the second tenth of the time", " MiB"),
            ("memory", "late", "memory in the last tenth", " MiB"),
        ],
    ),
}


def entries(measurements, row, case, field):
    """(who, median, low, high, is ours) of one figure, the order being that of the run."""
    found = []
    for who in targets.contestants(measurements, row, case):
        values = list(targets.figures(measurements, row, case, who, field).values())
        if values:
            found.append((who, statistics.median(values), min(values), max(values), who == targets.OURS))
    return found


def figure(value, unit=""):
    return f"{plot.number(value)}{unit}"


def spread(middle, low, high, unit):
    """The median, and the least and most of the rounds where there are several."""
    return figure(middle, unit) + (f"<br>{figure(low)}–{figure(high)}" if high > low else "")


def preface(about):
    lines = [
        "# Comparison",
        "",
        f"Run {about['run']}, {about['rounds']} round{'s' if about['rounds'] > 1 else ''}"
        + (", quick: shorter and smaller than a full one, so its verdicts are hints." if about["quick"] else "")
        + (", short: half as long where length only makes it smoother." if about.get("short") else "."),
        "",
    ]
    machine = about["machine"]
    lines.append(f"- Machine: {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB; {machine['at']}")
    lines.append("- PostgreSQL: " + ", ".join(f"{name} {value}" for name, value in about["durability"].items()))
    lines.append("- Contestants: " + ", ".join(f"{name} {value}" for name, value in about["versions"].items()))
    lines += [f"- Left out: {name}: {why}" for name, why in about["left_out"].items()]
    lines += [f"- Failed: {each}" for each in about.get("failures", [])]
    return lines + [""]


def busy_note(measurements):
    loads = [each["busy"] for each in measurements if each.get("busy") is not None]
    if not loads:
        return []
    loud = sum(load >= 0.8 for load in loads)
    return [
        f"Before {loud} of {len(loads)} measurements other work kept 0.8 cores or more busy (at most {max(loads):.1f})."
        + (" On such a machine only ratios mean something, and times of a few milliseconds little." if loud else ""),
        "",
    ]


def summary(measurements):
    lines = [
        "## What was to be reached",
        "",
        "Medians; a ratio is the median of the rounds' own ratios. *Reached* and *falls short* are said where four of five rounds",
        "agree with the median; where fewer do, this machine cannot tell, and the verdict is *open*.",
        "",
        "| what | settled | beside it | ratio | to reach | rounds | |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    for verdict in targets.verdicts(measurements):
        target = verdict.target
        unit = "" if target.beside else target.unit
        beside = f"{figure(verdict.beside, target.unit)} ({verdict.beside_name})" if target.beside else ""
        lines.append(
            f"| {target.title} | {figure(verdict.ours, target.unit)} | {beside} | "
            f"{f'{verdict.found:.2f}' if target.beside else ''} | {target.sign} {target.bound:,}{unit} | "
            f"{verdict.reached_in} of {len(verdict.rounds)} | {said(verdict)} |"
        )
    return lines + [""]


# How a table of many verdicts says them.
SIGNS = {"reached": "✓", "falls short": "✗", "open": "?"}


def said(verdict):
    return verdict.word if verdict.word == "reached" else f"**{verdict.word}**"


def beside(*runs):
    """The verdicts of several runs as one table, each run's own and that of all their rounds: a run, and the same again."""
    lines = [
        f"| what | {' | '.join(f'run {number}' for number in range(1, len(runs) + 1))} | to reach | all rounds | |",
        "|---|" + "---:|" * (len(runs) + 2) + "---|",
    ]
    found = [{each.target.title: each for each in targets.verdicts(run)} for run in runs]
    for target in targets.TARGETS:
        each = [verdicts.get(target.title) for verdicts in found]
        if not any(each):
            continue
        unit = " ×" if target.beside else target.unit
        whole = targets.pooled([verdict for verdict in each if verdict])
        lines.append(
            f"| {target.title} | {' | '.join(cell(verdict) for verdict in each)} | {target.sign} {target.bound:,}{unit} | "
            f"{whole.reached_in} of {len(whole.rounds)} | {said(whole)} |"
        )
    return "\n".join(lines)


def cell(verdict):
    """What is compared with the bound, and whether it reached it."""
    if verdict is None:
        return ""
    shown = f"{verdict.found:.2f}" if verdict.target.beside else figure(verdict.found, verdict.target.unit)
    return f"{shown} {SIGNS[verdict.word]}"


def section(row, measurements, folder):
    heading, shown = ROWS[row]
    groups = [
        (title, unit, found) for case, field, title, unit in shown if (found := entries(measurements, row, case, field))
    ]
    if not groups:
        return []
    (folder / f"{row}.svg").write_text(drawing(row, heading, measurements, groups))
    columns = list(dict.fromkeys(who for _, _, found in groups for who, *_ in found))
    lines = [
        f"## {heading}",
        "",
        f"![{heading}]({row}.svg)",
        "",
        f"| | {' | '.join(columns)} |",
        "|---|" + "---:|" * len(columns),
    ]
    for title, unit, found in groups:
        cells = {who: spread(middle, low, high, unit) for who, middle, low, high, _ in found}
        lines.append(f"| {title} | {' | '.join(cells.get(who, '') for who in columns)} |")
    if "pgq" in targets.contestants(measurements, row, "drain") + targets.contestants(measurements, row, "held"):
        lines += [
            "",
            "pgq finishes whole batches and keeps no state of a job, so it is shown and not counted as a peer.",
        ]
    return lines + [""]


def drawing(row, heading, measurements, groups):
    if row != "snapshot":
        return plot.bars(groups)
    last = {each["who"]: each for each in measurements if each["row"] == row}
    one = next(iter(last.values()))
    # Rates differ a hundredfold between contestants, so each is shown as a part of its own rate before.
    series = [
        (who, [value / each["before"] for value in each["series"]]) for who, each in last.items() if each["before"]
    ]
    return plot.lines(
        f"{heading}: jobs/s, as a part of the rate before",
        "one is the rate before",
        series,
        one["step"],
        (one["warm"], one["warm"] + one["hold"]),
    )


def read(results, run):
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    run = run or lines[-1]["run"]
    about = [line for line in lines if line["run"] == run and "about" in line]
    return about[-1]["about"], [line for line in lines if line["run"] == run and "row" in line]


def write(results, folder, run=None):
    """The path of the report of the run, by default the last one."""
    about, measurements = read(results, run)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.svg"):
        old.unlink()
    lines = preface(about) + busy_note(measurements) + summary(measurements)
    for row in ROWS:
        lines += section(row, measurements, folder)
    path = folder / "report.md"
    path.write_text("\n".join(lines))
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--results", type=pathlib.Path, default=place.WORK / "results.jsonl")
    parser.add_argument("--run")
    parser.add_argument("--folder", type=pathlib.Path, default=place.WORK / "report")
    parser.add_argument("--again", action="append", default=[])
    options = parser.parse_args()
    if options.again:
        print(beside(*[read(options.results, run)[1] for run in (options.run, *options.again)]))
    else:
        print(write(options.results, options.folder, options.run))
