"""The queue beside others on the same server: drained, filled in batches, and how soon a lone job starts."""

import os
import shlex
import shutil
import subprocess

import place
import program

DATABASE, PLAIN = "bench_queue", "bench_plain"
PAYLOAD = '{"pad":"%s"}' % ("x" * 420)
# As many jobs as make a drain last some seconds.
JOBS = {"settled": 60_000, "plain": 40_000, "pgqueuer": 40_000, "chancy": 8_000, "procrastinate": 3_000, "pgq": 60_000}
NOTED = {"pgq": "finishes whole batches and keeps no state of a job"}


def missing():
    return {} if shutil.which("pgqd") else {"pgq": "apt-get install postgresql-15-pgq3 pgqd"}


def needs():
    return None


def contestants():
    """Name and command. SETTLED_BENCH_QUEUES="name=command;…" adds queues that answer the words of peers/queues.py."""
    own = {"settled": [place.SETTLED, "bench", "step"]}
    peers = {
        name: [place.PYTHON, "-W", "ignore", place.HERE / "peers/queues.py", name]
        for name in JOBS
        if name != "settled" and name not in missing()
    }
    more = dict(entry.split("=", 1) for entry in os.environ.get("SETTLED_BENCH_QUEUES", "").split(";") if entry)
    return {**own, **peers, **{name: shlex.split(command) for name, command in more.items()}}


def step(command, operation, database=DATABASE, patience=900, **options):
    """One measurement of one queue in a process of its own, as JSON."""
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    done = subprocess.run(
        [*map(str, [*command, operation, "--database", place.dsn(database), *words])],
        capture_output=True,
        text=True,
        timeout=patience,
    )
    if done.returncode:
        raise RuntimeError(f"{command} {operation}: {done.stderr[-800:]}")
    result = place.last_json(done.stdout)
    if "error" in result:
        raise RuntimeError(f"{command} {operation}: {result['error']}")
    return result


def run(bench, number):
    place.fresh_database(DATABASE)
    for name, command in contestants().items():
        drain(bench, name, command)
        enqueue(bench, name, command)
        latency(bench, name, command)
    limit(bench)


def drain(bench, name, command):
    jobs = bench.count(JOBS.get(name, 10_000))
    step(command, "reset")
    step(command, "fill", n=jobs)
    busy = place.wait_for_quiet()
    result = step(command, "drain", n=jobs)
    if result.get("n", jobs) < jobs:
        place.say(f"  {name} did not finish: {result}")
    if name == "settled":
        program.check_queue(jobs, jobs, DATABASE)
    bench.keep("queue", "drain", name, busy=busy, rate=result["rate"], jobs=jobs)


def enqueue(bench, name, command):
    step(command, "reset")
    busy = place.wait_for_quiet()
    result = step(command, "enqueueN", secs=bench.seconds(3), batch=100, conc=1)
    bench.keep("queue", "enqueue", name, busy=busy, rate=result["rate"])


def latency(bench, name, command):
    step(command, "reset")
    busy = place.wait_for_quiet()
    result = step(command, "latency", n=bench.samples(400), gap=0.02)
    bench.keep("queue", "latency", name, busy=busy, p50=result["p50"], p99=result["p99"])


def limit(bench):
    place.fresh_database(PLAIN)
    place.psql((place.HERE / "limits/schema.sql").read_text(), PLAIN)
    busy = place.wait_for_quiet()
    quoted = '"' + PAYLOAD.replace('"', '\\"') + '"'
    arrays = {"suffixes": "{" + ",".join(map(str, range(100))) + "}", "payloads": "{" + ",".join([quoted] * 100) + "}"}
    figures = place.pgbench("insert_hundred.sql", 1, bench.seconds(3), arrays, PLAIN)
    bench.keep("queue", "enqueue", "pgbench", busy=busy, rate=figures["rate"] * 100)
