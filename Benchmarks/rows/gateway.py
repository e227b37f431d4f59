"""Signed questions to the gateway for each core that the worker uses, beside what OpenSSL signs on one core."""

import re
import subprocess

import place
import program

DATABASE = "bench_gateway"


def missing():
    return {}


def needs():
    return None


def run(bench, number):
    count = bench.count(24_000)
    program.fresh(DATABASE)
    with program.service("serve"):
        program.send(count)
    busy = place.wait_for_quiet()
    signs = signs_a_second(bench.seconds(3))
    bench.keep("gateway", "per core", "openssl", busy=busy, rate=signs)
    with program.stub() as gateway:
        busy, before = place.wait_for_quiet(), place.cpu_seconds(gateway.pid)
        with program.service("work") as worker:
            program.wait_settled(count, DATABASE)
            used = place.tree_cpu(worker.pid)
        stub = place.cpu_seconds(gateway.pid) - before
    took = float(
        place.psql(
            "SELECT extract(epoch FROM max(confirmed_at) - min(confirmed_at)) FROM settled.settlements", DATABASE
        )
    )
    with program.service("work"):
        program.check_line(count, DATABASE)
    bench.keep(
        "gateway",
        "per core",
        "settled",
        busy=busy,
        rate=count / used,
        cpu_us=used / count * 1e6,
        calls_a_second=count / took,
        worker_cores=used / took,
        stub_cores=stub / took,
    )


def signs_a_second(seconds):
    """Of one core, with nothing around it."""
    text = subprocess.run(
        ["openssl", "speed", "-seconds", str(seconds), "rsa2048"], capture_output=True, text=True, check=True
    ).stdout
    # rsa 2048 bits 0.000612s 0.000018s   1634.1  55103.1
    return float(re.search(r"^rsa 2048 bits +\S+s +\S+s +([\d.]+)", text, re.MULTILINE).group(1))
