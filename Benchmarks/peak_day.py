"""The day on which the bills fall due, minute by minute: what arrives, what waits, and for how long.

Pure arithmetic, no measurement: one queue in front of the gateway for each app, served in the order of arrival at the rate that
the gateway allows or the workers manage, whichever is less. The costs are measured ones (docs/scale.md says how); the shape of
the day and the shares are assumptions, and options.

    Benchmarks/peak_day.py                              the table of docs/scale.md
    Benchmarks/peak_day.py --households 2000000 --rate 500 --apps 2
"""
import argparse
import math

# Microseconds of a core for a notification and its settlement, of the program and of PostgreSQL, by how many come in a second:
# the fewer share a commit, the more each bears. Measured by costs.py: docs/scale.md, "What one notification costs".
COSTS = [(100, 2505, 3580), (1_000, 1408, 1632), (2_700, 756, 282)]
# What of that is taking it in, at full speed; for notifications that are not settled in the same minute.
INTAKE_US = 91, 62

# What each hour has of the day's payments, apart from the messages that remind people (an assumption; the sum does not matter).
HOURS = [1, 0.5, 0.3, 0.2, 0.3, 0.8, 2, 4, 6, 7, 7, 7, 7, 6, 5.5, 5.5, 5.5, 6, 6.5, 7.5, 7, 5, 3, 2]
# Reminders: the minute at which they are sent; each brings an equal part, which dies away.
REMINDERS, FADES_AFTER_MINUTES = (10 * 60, 20 * 60), 12


def shape(reminded):
    """Each minute's part of the day's payments; `reminded` of them follow a reminder."""
    base = [HOURS[minute // 60] / 60 for minute in range(1440)]
    pulse = [sum(math.exp(-(minute - at) / FADES_AFTER_MINUTES) for at in REMINDERS if minute >= at) for minute in range(1440)]
    return [(1 - reminded) * plain / sum(base) + reminded * extra / sum(pulse) for plain, extra in zip(base, pulse)]


def day(payments, calls_per_second, options):
    """The largest number of waiting calls, the longest wait in minutes, and the minute at which the last wait ends."""
    backlog = most = longest = 0.0
    free_again = None
    minutes = [payments * part for part in shape(options.reminded)]
    peak = max(minutes)
    for minute in range(2 * 1440):
        arriving = minutes[minute] * options.calls if minute < 1440 else 0
        before = backlog
        backlog = max(0.0, backlog + arriving - 60 * calls_per_second)
        if backlog > most:
            most = backlog
        # Who arrives last in this minute waits until all before are served.
        longest = max(longest, backlog / (60 * calls_per_second))
        if before > 0 and backlog == 0:
            free_again = minute
    return peak, most, longest, free_again


def clock(minute):
    if minute is None:
        return "–"
    return ("+1 d " if minute >= 1440 else "") + f"{minute % 1440 // 60:02d}:{minute % 60:02d}"


def wait(minutes):
    if minutes == 0:
        return "none"
    return f"{minutes * 60:.0f} s" if minutes < 2 else f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def costs(rate):
    """Between what was measured, along the rate's logarithm; beyond it, as at the ends."""
    rate = min(max(rate, COSTS[0][0]), COSTS[-1][0])
    for (low, *at_low), (high, *at_high) in zip(COSTS, COSTS[1:]):
        if rate <= high:
            part = math.log(rate / low) / math.log(high / low)
            return [below + (above - below) * part for below, above in zip(at_low, at_high)]


def row(households, apps, rate, options):
    payments = households * options.share * options.peak_share / apps
    peak, most, longest, free_again = day(payments, rate, options)
    arriving = peak * options.deliveries / 60
    settled = min(rate / options.calls, peak / 60)
    cores = [
        (arriving * intake + settled * (each - intake)) / 1e6 for intake, each in zip(INTAKE_US, costs(settled))
    ]
    return [
        f"{households:,}", f"{apps}", f"{rate}", f"{payments:,.0f}", f"{arriving:,.1f}", f"{most:,.0f}", wait(longest),
        clock(free_again), *(f"{each:.2f}" for each in cores),
    ]


HEADINGS = ["households", "apps", "calls/s each", "payments that day, each", "notifications/s in the peak minute", "most waiting",
            "longest wait", "caught up at", "cores: program", "cores: PostgreSQL"]
STANDARD = [(1_500, 1, 200), (1_500_000, 1, 200), (15_000_000, 1, 50), (15_000_000, 1, 200), (300_000_000, 1, 200),
            (300_000_000, 1, 1_000), (300_000_000, 1, 3_000), (300_000_000, 16, 200)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--households", type=int, help="all that are billed; without it, the standard table")
    parser.add_argument("--apps", type=int, default=1, help="apps, each with a gateway rate and a database of its own")
    parser.add_argument("--rate", type=int, default=200, help="calls a second that the gateway allows each app")
    parser.add_argument("--share", type=float, default=0.3, help="of households pay by Alipay, once a month")
    parser.add_argument("--peak-share", type=float, default=0.15, help="of a month's payments come on the peak day")
    parser.add_argument("--reminded", type=float, default=0.25, help="of that day's payments follow a reminder")
    parser.add_argument("--deliveries", type=float, default=1.1, help="notifications for each payment, repeats included")
    parser.add_argument("--calls", type=float, default=1.1, help="calls of the gateway for each payment, repeats included")
    options = parser.parse_args()
    if options.households is not None and min(options.households, options.apps, options.rate) < 1:
        parser.error("--households, --apps and --rate are at least 1")
    cases = STANDARD if options.households is None else [(options.households, options.apps, options.rate)]
    print("| " + " | ".join(HEADINGS) + " |")
    print("|" + "---:|" * len(HEADINGS))
    for case in cases:
        print("| " + " | ".join(row(*case, options)) + " |")


if __name__ == "__main__":
    main()
