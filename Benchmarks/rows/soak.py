"""An hour at full load, each payment a new one: how much memory the program takes, and whether it grows.

Signing takes as much of the machine as everything else does, so the line is at its limit, not at its best rate: figures
of the other rows are not to be compared with these.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time

import corpus
import place
import program

DATABASE = "bench_soak"
PART = 50_000
# Posted at full speed as soon as fewer than these wait: now intake and workers are at work, now workers alone.
LOW_WATER = 10_000
SAMPLE = 5.0
# A payment leaves 6 KB behind; what is left of the disk is not ours to fill.
FREE = 12 * 2**30


def missing():
    return {}


def needs():
    return None


class Parts:
    """Signed payments, the next part being made while one is sent."""

    def __init__(self):
        self.folder = place.WORK / "soak"
        self.next = self.folder / "next"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.next.mkdir(parents=True)
        for name in ("alipay.pem", "alipay_public.pem"):
            shutil.copy(program.CORPUS / name, self.next)
        self.count = 0
        self.made = None
        self.make()

    def make(self):
        first = str(self.count * PART)
        self.made = subprocess.Popen(
            [place.PYTHON, corpus.__file__, self.next, str(PART), first],
            # It has processes of its own, which end with it.
            start_new_session=True,
            preexec_fn=lambda: os.nice(5),
        )

    def take(self):
        """The next part is at `bodies` and `answers` now, and the one after it is begun."""
        if self.made.wait(600):
            raise RuntimeError("the payments could not be signed")
        for path in (self.bodies, self.answers):
            os.replace(self.next / path.name, path)
        self.count += 1
        self.make()

    @property
    def bodies(self):
        return self.folder / "bodies.txt"

    @property
    def answers(self):
        return self.folder / "answers.tsv"

    def end(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.made.pid, signal.SIGKILL)
        self.made.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def run(bench, number):
    program.fresh(DATABASE)
    parts = Parts()
    try:
        parts.take()
        with program.stub(parts.answers) as stub, program.service("run") as server:
            soak(bench, parts, stub, Watch(server.pid))
    finally:
        parts.end()


def soak(bench, parts, stub, watch):
    start, sent, refused = time.time(), 0, 0
    while True:
        refused += program.send(PART, bodies=parts.bodies, again=True)["refused"]
        sent += PART
        while sent - settled() > LOW_WATER:
            watch.look()
            time.sleep(0.2)
        place.say(f"  {time.time() - start:.0f} s: {sent:,} sent, {settled():,} settled, {watch.now:.1f} MiB")
        if time.time() - start > bench.soak * 60:
            break
        if shutil.disk_usage(place.WORK).free < FREE:
            raise RuntimeError(f"after {time.time() - start:.0f} s the disk is nearly full")
        parts.take()
        stub.send_signal(signal.SIGHUP)
    program.wait_settled(sent, DATABASE)
    watch.look()
    took = time.time() - start
    cpu, peak = place.tree_cpu(watch.pid), place.peak_memory_mib(watch.pid)
    program.check_line(sent, DATABASE, repeated=refused)
    bench.keep(
        "soak",
        "memory",
        "settled",
        seconds=took,
        settled=sent,
        refused=refused,
        rate=sent / took,
        cores=cpu / took,
        mib=peak,
        # What it takes at first is read from its second tenth, when everything has run once.
        early=watch.median(0.1, 0.2),
        late=watch.median(0.9, 1),
        step=SAMPLE,
        series=[round(value, 1) for value in watch.values],
    )


def settled():
    """By the feed's head, which is cheap to read however many there are."""
    return program.published(DATABASE)


class Watch:
    """Resident memory of a process, in MiB, every SAMPLE seconds."""

    def __init__(self, pid):
        self.pid = pid
        self.values = []
        self.due = time.time()

    @property
    def now(self):
        return self.values[-1] if self.values else place.memory_mib(self.pid)

    def look(self):
        while self.due <= time.time():
            self.values.append(place.memory_mib(self.pid))
            self.due += SAMPLE

    def median(self, first, last):
        count = len(self.values)
        return place.median(self.values[int(count * first) : max(int(count * last), int(count * first) + 1)])
