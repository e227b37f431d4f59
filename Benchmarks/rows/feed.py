"""The feed: how fast one reader takes it out, what waiting readers cost, and how soon an item is with a reader."""

import contextlib
import os
import subprocess
import time

import place
import program

DATABASE = "bench_feed"
FIRST = 90_000_000

# Settlements as the ledger writes them, without having been asked for: the program numbers and chains them itself.
FILL = """
WITH proof AS (
    INSERT INTO settled.evidence (job_id, method, assurance, answer, signature, key_fingerprint, verified_at)
    SELECT n, 'alipay.eco.cplife.pay.result.query', 'signed', convert_to(repeat('x', 600), 'UTF8'), 's', 'k', now()
    FROM generate_series(1, {count}) AS n RETURNING id, job_id
), paid AS (
    INSERT INTO settled.settlements (kind, trade_no, app_id, seller_id, biz_type, room_id, community_id, total_fen,
                                     trade_status, paid_at, assurance, evidence_id, job_id)
    SELECT 'payment', '20261120220014' || lpad(({first} + job_id)::text, 14, '0'), '2021000000000001',
           '2088000000000002', '00', 'R' || job_id, 'C' || job_id % 1000, 1 + job_id % 99999, 'TRADE_SUCCESS',
           now(), 'signed', id, job_id
    FROM proof ORDER BY id RETURNING id, total_fen, job_id
), bills AS (
    INSERT INTO settled.settlement_bills (settlement_id, line_no, bill_entry_id, acct_period, cost_type, amount_fen)
    SELECT id, 1, 'WY' || job_id, '2026-11', 'WY', total_fen FROM paid
), funds AS (
    INSERT INTO settled.settlement_funds (settlement_id, line_no, fund_channel, amount_fen)
    SELECT id, 1, 'ALIPAYACCOUNT', total_fen FROM paid
)
INSERT INTO settled.settlement_parties (settlement_id, buyer_user_id, buyer_logon_id, household_id)
SELECT id, '2088' || lpad(job_id::text, 12, '0'), '138****8000', '3-2-' || job_id FROM paid
"""


def missing():
    return {}


def needs():
    return None


def run(bench, number):
    rows = bench.count(200_000)
    program.fresh(DATABASE)
    place.psql(FILL.format(count=rows, first=FIRST), DATABASE)
    token = program.settled("tokens", "create", "--scope", "read", "--name", "bench").strip()
    with program.stub(), program.service("run") as server:
        program.check_feed(rows, DATABASE)
        exported(bench, token, rows, server.pid)
        waiting(bench, token, rows, server.pid)
        soon(bench, token, rows)


def command(mode, **options):
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return [str(place.PYTHON), str(place.HERE / "feed_reader.py"), mode, "--port", str(program.HTTP), *words]


def read(token, mode, **options):
    done = subprocess.run(command(mode, **options), capture_output=True, text=True, env={**os.environ, "TOKEN": token})
    if done.returncode:
        raise RuntimeError(done.stderr[-800:])
    return place.last_json(done.stdout)


def exported(bench, token, rows, pid):
    read(token, "pages", after=rows // 2)
    busy, before = place.wait_for_quiet(), place.tree_cpu(pid)
    result = read(token, "pages")
    if result["rows"] != rows:
        raise program.Broken(f"the feed has {rows} items, a reader got {result['rows']}")
    bench.keep(
        "feed",
        "export",
        "settled",
        busy=busy,
        rate=result["rate"],
        mib_a_second=result["mib"],
        cpu_us=(place.tree_cpu(pid) - before) / rows * 1e6,
    )


def waiting(bench, token, head, pid):
    """What a hundred readers cost who wait: their polls end and are asked anew, evenly over the time, as they do for ever.
    That they connect is not part of it."""
    # The kernel counts in hundredths of a second; in ten seconds one of them is a thousandth of a core.
    busy, seconds = place.wait_for_quiet(), 2 if bench.quick else 10
    idle = place.cores_while(pid, seconds)
    readers = subprocess.Popen(
        command("idle", after=head, readers=100, secs=3600),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TOKEN": token},
    )
    try:
        time.sleep(2)
        used = place.cores_while(pid, seconds)
        if readers.poll() is not None:
            raise RuntimeError("the readers that should wait have ended")
    finally:
        readers.kill()
        readers.wait()
    bench.keep("feed", "idle", "settled", busy=busy, cores=max(0.0, used - idle), without_readers=idle)


def soon(bench, token, head):
    """A hundred readers wait; one of them notes when it has each of some hundred settlements, sent 50 a second."""
    # In the first second the readers themselves start, and the program does what it does only once.
    first, counted = 50, bench.samples(400)
    count, busy = first + counted, place.wait_for_quiet()
    follower = subprocess.Popen(
        command("follow", after=head, until=head + count, secs=120),
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TOKEN": token},
    )
    others = subprocess.Popen(
        command("idle", after=head + count, readers=99, secs=3600),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TOKEN": token},
    )
    try:
        program.send(count, 50)
        arrivals = place.last_json(follower.communicate(timeout=130)[0])["arrivals"]
    finally:
        for process in (follower, others):
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()
    if len(arrivals) != count:
        raise program.Broken(f"{count} settlements were made, a reader got {len(arrivals)}")
    late = lags({seq: at for seq, at in arrivals.items() if int(seq) > head + first})
    program.check_feed(head + count, DATABASE)
    bench.keep(
        "feed", "arrival", "settled", busy=busy, p50=place.percentile(late, 0.5), p99=place.percentile(late, 0.99)
    )


def lags(arrivals):
    """Milliseconds from the settlement's commit, by PostgreSQL's own record, to the end of the reader's answer."""
    text = place.psql(
        "SELECT f.seq, extract(epoch FROM pg_xact_commit_timestamp(s.xmin))::float8 FROM settled.feed f "
        f"JOIN settled.settlements s ON s.id = f.settlement_id WHERE f.seq >= {min(map(int, arrivals))}",
        DATABASE,
    )
    committed = dict(line.split("|") for line in text.splitlines())
    return [(arrived - float(committed[seq])) * 1000 for seq, arrived in arrivals.items()]
