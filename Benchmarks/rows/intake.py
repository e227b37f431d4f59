"""Durable acknowledgements a second over HTTP: verify, store, answer. Peers do the same with one INSERT a
notification."""

import contextlib
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import place
import program

CONNECTIONS = (64, 256)
DATABASE, PLAIN = "bench_intake", "bench_plain"
JAVA_PORT, FASTAPI_PORT = place.PORT + 4, place.PORT + 5
JDBC = Path("/usr/share/java/postgresql.jar")
PAYLOAD = '{"a":"%s"}' % ("x" * 480)


def missing():
    """Peers that cannot take part here, and what they need."""
    notes = {}
    if shutil.which("javac") is None or not JDBC.exists():
        notes["java"] = "apt-get install openjdk-17-jdk-headless libpostgresql-jdbc-java"
    return notes


def needs():
    return None if shutil.which("wrk") else "apt-get install wrk"


def run(bench, number):
    plain_tables()
    ours(bench)
    limit(bench)
    for name, receiver, port in [("java", java, JAVA_PORT), ("fastapi", fastapi, FASTAPI_PORT)]:
        if name not in missing():
            peer(bench, name, receiver, f"http://127.0.0.1:{port}/notify/trade")


def plain_tables():
    place.fresh_database(PLAIN)
    place.psql((place.HERE / "limits/schema.sql").read_text(), PLAIN)


def ours(bench):
    program.fresh(DATABASE)
    with program.service("serve") as server:
        probe(program.NOTIFY, lambda: program.number("SELECT count(*) FROM settled.notification_keys", DATABASE))
        program.wrk(program.NOTIFY, 32, bench.seconds(2))
        for connections in CONNECTIONS:
            place.psql("TRUNCATE settled.deliveries, settled.notification_keys, settled.jobs", DATABASE)
            figures = measured(bench, program.NOTIFY, connections, server.pid)
            program.check_intake(figures["requests"] - figures["refused"], DATABASE)
            bench.keep("intake", connections, "settled", **figures)


def peer(bench, name, receiver, url):
    place.psql("TRUNCATE plain_jobs", PLAIN)
    with receiver() as server:
        program.wait_until(f"{name} answers, see {name}.log", lambda: post(url, b"a=b") is not None, every=0.2)
        probe(url, stored)
        # Long enough for the JVM's compiler.
        program.wrk(url, 32, bench.seconds(4))
        for connections in CONNECTIONS:
            place.psql("TRUNCATE plain_jobs", PLAIN)
            figures = measured(bench, url, connections, server.pid)
            if stored() < figures["requests"] - figures["refused"]:
                raise program.Broken(f"{name} acknowledged {figures['requests']} and stored {stored()}")
            bench.keep("intake", connections, name, **figures)


def limit(bench):
    for connections in CONNECTIONS:
        place.psql("TRUNCATE plain_jobs", PLAIN)
        busy = place.wait_for_quiet()
        figures = place.pgbench("insert_one.sql", connections, bench.seconds(4), {"payload": PAYLOAD}, PLAIN)
        bench.keep("intake", connections, "pgbench", busy=busy, **figures)


def measured(bench, url, connections, pid):
    """One run of wrk, with the processor's time that the server and its children took."""
    busy, before = place.wait_for_quiet(), place.tree_cpu(pid)
    figures = program.wrk(url, connections, bench.seconds(5))
    used = place.tree_cpu(pid) - before
    if figures["refused"] or figures["broken"]:
        place.say(f"  {figures['refused']} refused, {figures['broken']} broken")
    return {**figures, "busy": busy, "cpu_us": used / max(1, figures["requests"]) * 1e6}


# -------------------------------------------------------------------------------------------------------------- Probing


def probe(url, count):
    """A receiver that takes what is not signed, or stores a notification twice, is not worth measuring."""
    with open(program.BODIES, "rb") as lines:
        good = next(lines).strip()
    tampered = good.replace(b"total_amount=", b"total_amount=9")
    answers = [post(url, good), post(url, tampered), post(url, good)]
    if not (answers[0] == answers[2] == (200, b"success") and answers[1][0] != 200 and answers[1][1] != b"success"):
        raise program.Broken(f"{url} answered a good, a tampered and a repeated notification with {answers}")
    if count() != 1:
        raise program.Broken(f"{url} stored {count()} rows of one notification")


def post(url, body):
    """Status and text; None when nobody answers."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return None


def stored():
    return program.number("SELECT count(*) FROM plain_jobs", PLAIN)


# ---------------------------------------------------------------------------------------------------------------- Peers


@contextlib.contextmanager
def java():
    folder = place.WORK / "java"
    folder.mkdir(exist_ok=True)
    subprocess.run(["javac", "-d", folder, place.HERE / "peers/JavaReceiver.java"], check=True)
    command = [
        "java",
        "-Dsun.net.httpserver.nodelay=true",
        "-Xmx1g",
        "-cp",
        f"{folder}:{JDBC}",
        "JavaReceiver",
        JAVA_PORT,
        64,
    ]
    environment = {
        "ALIPAY_PUBLIC_KEY": str(program.CORPUS / "alipay_public.pem"),
        "JDBC_URL": f"jdbc:postgresql://127.0.0.1:{place.PORT}/{PLAIN}?prepareThreshold=1",
    }
    with place.running(command, environment, log="java.log") as process:
        yield process


@contextlib.contextmanager
def fastapi():
    command = [
        place.PYTHON,
        "-W",
        "ignore",
        "-m",
        "uvicorn",
        "fastapi_receiver:app",
        "--host",
        "127.0.0.1",
        "--port",
        FASTAPI_PORT,
        "--workers",
        os.cpu_count(),
        "--no-access-log",
        "--log-level",
        "critical",
        "--loop",
        "uvloop",
        "--http",
        "httptools",
    ]
    environment = {
        "ALIPAY_PUBLIC_KEY": str(program.CORPUS / "alipay_public.pem"),
        "DSN": f"postgresql://postgres@127.0.0.1:{place.PORT}/{PLAIN}",
    }
    with place.running(command, environment, cwd=place.HERE / "peers", log="fastapi.log") as process:
        yield process
