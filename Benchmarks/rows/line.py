"""From the notification to the settlement on one machine: first as fast as it goes, then at half that rate."""

import shutil

import place
import program

DATABASE = "bench_line"


def missing():
    return {}


def needs():
    return None if shutil.which("wrk") else "apt-get install wrk"


RATE = """
SELECT count(*) / extract(epoch FROM max(pg_xact_commit_timestamp(s.xmin))
                           - (SELECT min(received_at) FROM settled.deliveries))
FROM settled.settlements s
"""
# From the beginning of the transaction that stored the notification to the commit of its settlement.
LAGS = """
SELECT string_agg((1000 * extract(epoch FROM pg_xact_commit_timestamp(s.xmin) - k.received_at))::float8::text, ' ')
FROM settled.settlements s JOIN settled.notification_keys k USING (job_id)
"""


def run(bench, number):
    with program.stub():
        rate = full(bench)
        paced(bench, rate / 2)


def full(bench):
    """wrk until the line is well behind, then until everything is settled."""
    program.fresh(DATABASE)
    busy = place.wait_for_quiet()
    with program.service("run") as server:
        sent = program.wrk(program.NOTIFY, 64, bench.seconds(4))
        keys = program.number("SELECT count(*) FROM settled.notification_keys", DATABASE)
        program.wait_settled(keys, DATABASE)
        memory = place.peak_memory_mib(server.pid)
        cpu = place.tree_cpu(server.pid)
        rate = float(place.psql(RATE, DATABASE))
        program.check_line(sent["requests"] - sent["refused"], DATABASE)
    bench.keep(
        "line",
        "full",
        "settled",
        busy=busy,
        rate=rate,
        acknowledged_rate=sent["rate"],
        settled=keys,
        cpu_us=cpu / keys * 1e6,
    )
    bench.keep("footprint", "memory", "settled", busy=busy, mib=memory)
    return rate


def paced(bench, rate):
    program.fresh(DATABASE)
    busy, count = place.wait_for_quiet(), int(rate * bench.seconds(6))
    with program.service("run"):
        # What a program does only once is not what a payment usually waits for.
        program.send(500, 500)
        sent = program.send(count, rate, first=500)
        program.wait_settled(count + 500, DATABASE)
        program.check_line(count + 500, DATABASE)
    lags = [float(word) for word in place.psql(LAGS + " WHERE s.id > 500", DATABASE).split()]
    bench.keep(
        "line",
        "half",
        "settled",
        busy=busy,
        rate=sent["rate"],
        asked=rate,
        p50=place.percentile(lags, 0.5),
        p99=place.percentile(lags, 0.99),
    )
