"""The real program under measurement: its configuration, its processes, and what its database must hold afterwards."""

import contextlib
import http.client
import json
import os
import subprocess
import time

import corpus
import place

HTTP, ADMIN, STUB = place.PORT + 1, place.PORT + 2, place.PORT + 3
NOTIFY = f"http://127.0.0.1:{HTTP}/notify/trade"
CONFIG = place.WORK / "settled.yaml"
CORPUS = place.WORK / "corpus"
BODIES = CORPUS / "bodies.txt"


class Broken(Exception):
    """What must always hold does not: something was lost, doubled or left over."""


def tcp_dsn(database):
    """Receivers reach PostgreSQL over loopback, all of them, because JDBC knows no Unix sockets."""
    return f"host=127.0.0.1 port={place.PORT} user=postgres dbname={database}"


def fresh(database):
    """A database of its own with this program's schema, and a configuration that names it."""
    place.fresh_database(database)
    CONFIG.write_text(f"""\
database: {{ url: "{tcp_dsn(database)}" }}
http: {{ listen: "127.0.0.1:{HTTP}", admin_listen: "127.0.0.1:{ADMIN}" }}
apps:
  - {{ id: "{corpus.APP}", gateway: "http://127.0.0.1:{STUB}/gateway.do", private_key_file: "{CORPUS}/app.pem",
      alipay_public_key_file: "{CORPUS}/alipay_public.pem" }}
sources:
  - {{ name: trade, profile: trade, ack: success }}
gateway: {{ rate_per_second: 100000, retry_floor_per_second: 1000 }}
log: {{ level: error, format: json }}
""")
    settled("migrate", "up")


def settled(*words, may_find=False):
    """Standard output of an operator's command; exit code 6 means that it has findings."""
    done = subprocess.run([place.SETTLED, *words, "--config", CONFIG], capture_output=True, text=True)
    if done.returncode and not (may_find and done.returncode == 6):
        raise RuntimeError(f"settled {' '.join(words)} ended with {done.returncode}: {done.stderr[-800:]}")
    return done.stdout


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def wait_until(what, done, patience=60.0, every=0.05):
    end = time.time() + patience
    while not done():
        if time.time() > end:
            raise RuntimeError(f"after {patience:.0f} s still not: {what}")
        time.sleep(every)


def answers(port, path="/readyz"):
    with contextlib.suppress(OSError, http.client.HTTPException):
        return get(port, path) == 200
    return False


@contextlib.contextmanager
def service(word):
    """`settled serve`, `work` or `run`, from when it is ready until the end of the block."""
    with place.running([place.SETTLED, word, "--config", CONFIG], log=f"settled-{word}.log") as process:
        wait_until(
            f"settled {word} is ready, see settled-{word}.log",
            lambda: process.poll() is not None or answers(ADMIN),
            every=0.02,
        )
        if process.poll() is not None:
            log = (place.WORK / f"settled-{word}.log").read_text()
            raise RuntimeError(f"settled {word} ended with {process.returncode}: {log[-800:]}")
        yield process


@contextlib.contextmanager
def stub(signed=CORPUS / "answers.tsv"):
    """The gateway's side, in a process of its own; its answers are signed already."""
    command = [place.PYTHON, place.HERE / "gateway_stub.py", "--port", STUB, "--answers", signed]
    with place.running(command, log="stub.log") as process:
        wait_until("the gateway's stub answers, see stub.log", lambda: answers(STUB, "/"), every=0.1)
        yield process


def send(count, rate=0.0, first=0, connections=64, bodies=BODIES, again=False):
    """Posts bodies `first`… once each, at `rate` a second or as fast as they are answered; `again`, until all are
    acknowledged."""
    done = subprocess.run(
        [
            place.PYTHON,
            place.HERE / "sender.py",
            NOTIFY,
            "--bodies",
            bodies,
            "--count",
            str(count),
            "--first",
            str(first),
            "--rate",
            str(rate),
            "--connections",
            str(connections),
            *(["--again"] if again else []),
        ],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-800:])
    result = place.last_json(done.stdout)
    if result["refused"] and not again:
        raise Broken(f"{result['refused']} of {count} verified notifications were not acknowledged")
    return result


def wrk(url, connections, seconds):
    done = subprocess.run(
        ["wrk", "-t2", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", place.HERE / "post.lua", url],
        capture_output=True,
        text=True,
        env={**os.environ, "BODIES": str(BODIES), "WRK_THREADS": "2"},
    )
    result = place.last_json(done.stdout)
    if result["repeated"]:
        raise RuntimeError(f"{result['repeated']} bodies were sent twice: make a larger corpus with --bodies")
    return result


def number(sql, database):
    return int(place.psql(sql, database))


def wait_settled(count, database, patience=600.0):
    """Until `count` settlements are committed. Counts what is live, which is cheap while the line is at work."""
    wait_until(
        f"{count} settlements",
        lambda: number("SELECT count(*) FROM settled.settlements", database) >= count,
        patience,
        every=0.2,
    )


# ----------------------------------------------------------------------------------------------------------- Invariants

CENSUS = """
SELECT json_build_object(
    'keys', (SELECT count(*) FROM settled.notification_keys),
    'deliveries', (SELECT count(*) FROM settled.deliveries),
    'live', (SELECT count(*) FROM settled.jobs),
    'ended', (SELECT count(*) FROM settled.job_history),
    'both', (SELECT count(*) FROM settled.jobs JOIN settled.job_history USING (id)),
    'settled', (SELECT count(*) FROM settled.job_history WHERE outcome = 'settled'),
    'settlements', (SELECT count(*) FROM settled.settlements),
    'trades', (SELECT count(DISTINCT trade_no) FROM settled.settlements))
"""


def check_intake(acknowledged, database, repeated=0):
    """Every acknowledgement left its notification, each with one job and one key.

    `repeated` notifications at most came a second time, after an answer that left open whether they were held.
    """
    held = json.loads(place.psql(CENSUS, database))
    if (
        held["keys"] < acknowledged
        or not 0 <= held["deliveries"] - held["keys"] <= repeated
        or held["keys"] != held["live"] + held["ended"]
    ):
        raise Broken(f"{acknowledged} notifications were acknowledged, the database holds {held}")


def check_line(acknowledged, database, repeated=0):
    """Every acknowledged notification is settled, once, and the feed has each settlement once, in an unbroken chain."""
    check_intake(acknowledged, database, repeated)
    held = json.loads(place.psql(CENSUS, database))
    if held["live"] or held["both"] or not (held["settled"] == held["settlements"] == held["trades"] == held["keys"]):
        raise Broken(f"{acknowledged} notifications were acknowledged and all should be settled: {held}")
    check_feed(held["settlements"], database)


def check_feed(settlements, database):
    wait_until(f"{settlements} items are published", lambda: published(database) >= settlements, 120, every=0.1)
    report = json.loads(settled("feed", "verify", "--json", may_find=True))
    if not report["sound"] or report["items"] != settlements or report["unnumbered"]:
        raise Broken(f"the feed of {settlements} settlements is not sound: {report}")


def published(database):
    return number("SELECT published_head FROM settled.feed_heads WHERE feed_id = 'main'", database)


def check_queue(stored, done, database, unsure=0):
    """Every stored job is live or ended, never both, and at least `done` have ended.

    `unsure` jobs at most were perhaps never stored: batches that were under way when their senders were stopped.
    """
    held = json.loads(place.psql(CENSUS, database))
    if not 0 <= stored - held["live"] - held["ended"] <= unsure or held["both"] or held["ended"] < done:
        raise Broken(f"{stored} jobs were stored and {done} worked on, the database holds {held}")
