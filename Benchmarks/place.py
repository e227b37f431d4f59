"""Where the comparison happens: a folder of its own, a durable PostgreSQL of its own, and the means to watch them.

Nothing outside the folder is touched. Everything that is started here is stopped here, by its process id.
"""

import contextlib
import glob
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
# Not below a home directory: PostgreSQL's user must be able to enter it when root runs the comparison.
WORK = pathlib.Path(os.environ.get("SETTLED_BENCH_FOLDER", f"/var/tmp/settled-bench-{os.getuid()}"))
SETTLED = pathlib.Path(os.environ.get("SETTLED_BINARY", HERE.parent / ".build/release/settled"))
PYTHON = WORK / "venv/bin/python"
PORT = int(os.environ.get("SETTLED_BENCH_PORT", "25433"))
SOCKET = WORK / "pg/socket"
TICKS = os.sysconf("SC_CLK_TCK")


def pg_bin():
    for folder in sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True):
        if os.path.exists(f"{folder}/pgbench"):
            return folder
    sys.exit("PostgreSQL's programs are missing: apt-get install postgresql")


def say(*words, sep=" "):
    print(*words, sep=sep, file=sys.stderr, flush=True)


def prepare():
    """The throw-away environment, pinned, made once. Without these programs nothing can be measured; rows say what
    else they need."""
    for program, package in [("openssl", "openssl"), ("psql", "postgresql-client")]:
        if shutil.which(program) is None:
            sys.exit(f"{program} is missing: apt-get install {package}")
    if not SETTLED.exists():
        sys.exit(f"{SETTLED} is missing: make release")
    WORK.mkdir(parents=True, exist_ok=True)
    WORK.chmod(0o755)
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", WORK / "venv"], check=True)
    marker = WORK / "venv/requirements.txt"
    wanted = (HERE / "requirements.txt").read_text()
    if not marker.exists() or marker.read_text() != wanted:
        subprocess.run([PYTHON, "-m", "pip", "install", "-q", "-r", HERE / "requirements.txt"], check=True)
        marker.write_text(wanted)


# ----------------------------------------------------------------------------------------------------------- PostgreSQL

SETTINGS = f"""
listen_addresses = '127.0.0.1'
port = {PORT}
unix_socket_directories = '{SOCKET}'
max_connections = 400
shared_buffers = 1GB
fsync = on
synchronous_commit = on
full_page_writes = on
max_wal_size = 8GB
checkpoint_timeout = 15min
autovacuum = on
autovacuum_naptime = 5s
track_commit_timestamp = on
log_min_messages = warning
"""


def as_postgres(*command, **options):
    """PostgreSQL refuses root, so root drops to its user."""
    prefix = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    return subprocess.run([*prefix, *map(str, command)], check=True, **options)


@contextlib.contextmanager
def cluster():
    """A durable server on a Unix socket and 127.0.0.1, with the settings above and nothing else changed."""
    data = WORK / "pg/data"
    SOCKET.mkdir(parents=True, exist_ok=True)
    if os.getuid() == 0:
        subprocess.run(["chown", "-R", "postgres", WORK / "pg"], check=True)
    if not (data / "PG_VERSION").exists():
        as_postgres(
            f"{pg_bin()}/initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            stdout=subprocess.DEVNULL,
        )
    settings = WORK / "pg/bench.conf"
    settings.write_text(SETTINGS)
    conf = data / "postgresql.conf"
    if "bench.conf" not in conf.read_text():
        conf.write_text(conf.read_text() + f"\ninclude '{settings}'\n")
    as_postgres(f"{pg_bin()}/pg_ctl", "-D", data, "-l", WORK / "pg/log", "-w", "start", stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        as_postgres(f"{pg_bin()}/pg_ctl", "-D", data, "-m", "fast", "-w", "stop", stdout=subprocess.DEVNULL)


def dsn(database="bench"):
    return f"host={SOCKET} port={PORT} user=postgres dbname={database}"


def psql(sql, database="bench"):
    done = subprocess.run(
        ["psql", "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-d", dsn(database), "-c", sql],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return done.stdout.strip()


def fresh_database(name):
    psql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", "postgres")
    psql(f"CREATE DATABASE {name}", "postgres")


def durability():
    names = [
        "server_version",
        "fsync",
        "synchronous_commit",
        "full_page_writes",
        "wal_sync_method",
        "shared_buffers",
        "max_wal_size",
    ]
    return {name: psql(f"SELECT current_setting('{name}')", "postgres") for name in names}


def pgbench(script, clients, seconds, variables=None, database="bench"):
    """Transactions a second and latencies in ms of PostgreSQL with nothing in front of it."""
    prefix = str(WORK / f"pgbench.{os.getpid()}")
    for name in glob.glob(prefix + "*"):
        os.unlink(name)
    command = [
        f"{pg_bin()}/pgbench",
        "-n",
        "-M",
        "prepared",
        "-c",
        clients,
        "-j",
        min(clients, 4),
        "-T",
        seconds,
        "-f",
        HERE / "limits" / script,
        "-l",
        f"--log-prefix={prefix}",
    ]
    for name, value in (variables or {}).items():
        command += ["-D", f"{name}={value}"]
    done = subprocess.run([*map(str, command), dsn(database)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    latencies = []
    for name in glob.glob(prefix + "*"):
        with open(name) as lines:
            latencies += [int(line.split()[2]) / 1000 for line in lines]
        os.unlink(name)
    return {
        "rate": float(re.search(r"tps = ([\d.]+) \(without", done.stdout).group(1)),
        "p50": percentile(latencies, 0.5),
        "p99": percentile(latencies, 0.99),
    }


# ------------------------------------------------------------------------------------------------------------- Watching


def percentile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * part))] if values else None


def cpu_seconds(pid):
    """Of a process and the children it has waited for."""
    try:
        fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return sum(int(fields[index]) for index in (11, 12, 13, 14)) / TICKS


def tree(pid):
    children = {}
    for path in glob.glob("/proc/[0-9]*/stat"):
        with contextlib.suppress(OSError):
            children.setdefault(int(open(path).read().rsplit(")", 1)[1].split()[1]), []).append(int(path.split("/")[2]))
    found, open_pids = [], [pid]
    while open_pids:
        found.append(open_pids.pop())
        open_pids += children.get(found[-1], [])
    return found


def tree_cpu(pid):
    return sum(cpu_seconds(each) for each in tree(pid))


def cores_while(pid, seconds):
    """What a process and its children use while they are left alone, as a part of one core."""
    before = tree_cpu(pid)
    time.sleep(seconds)
    return (tree_cpu(pid) - before) / seconds


def memory_mib(pid, what="VmRSS"):
    text = open(f"/proc/{pid}/status").read()
    return int(re.search(rf"{what}:\s+(\d+)", text).group(1)) / 1024


def peak_memory_mib(pid):
    return memory_mib(pid, "VmHWM")


def busy_cores(seconds=0.4):
    """Cores that somebody uses while we do nothing."""

    def ticks():
        fields = [int(field) for field in open("/proc/stat").readline().split()[1:9]]
        return sum(fields) - fields[3] - fields[4]

    before = ticks()
    time.sleep(seconds)
    return (ticks() - before) / TICKS / seconds


def wait_for_quiet(limit=0.8, patience=None):
    """Puts on disk what was written before, so that nobody's commits wait for it. Then waits, for a while, until the
    machine is not busy with other things; what it was at last is kept with the figure."""
    # The first change to a page after a checkpoint writes all of it: alike for everybody.
    psql("CHECKPOINT", "postgres")
    os.sync()
    end = time.time() + float(os.environ.get("SETTLED_BENCH_PATIENCE", "10") if patience is None else patience)
    while True:
        busy = busy_cores()
        if busy < limit or time.time() > end:
            return round(busy, 2)
        time.sleep(0.5)


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    memory = int(re.search(r"MemTotal:\s+(\d+)", open("/proc/meminfo").read()).group(1)) // 1024 // 1024
    return {"cpu": model, "cores": os.cpu_count(), "memory_gib": memory, "at": time.strftime("%Y-%m-%d %H:%M:%S %Z")}


@contextlib.contextmanager
def running(command, env=None, cwd=None, log="server.log"):
    """A process for the time of the block; ended with SIGTERM, and if need be with SIGKILL."""
    with open(WORK / log, "w") as output:
        process = subprocess.Popen(
            [*map(str, command)], env={**os.environ, **(env or {})}, cwd=cwd, stdout=output, stderr=output
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def last_json(text):
    for line in reversed(text.strip().splitlines()):
        with contextlib.suppress(ValueError):
            return json.loads(line)
    raise RuntimeError(f"no JSON in: {text[-400:]}")


def median(values):
    return statistics.median(values)
