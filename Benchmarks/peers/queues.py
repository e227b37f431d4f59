"""One queue of PostgreSQL, one measurement, one process; prints one JSON object.

`settled bench step` takes the same words:

    queues.py QUEUE reset|fill|enqueue1|enqueueN|drain|latency|worker|churn --database DSN [--n N] [--conc C] …

A job does nothing, and carries what a notification would leave behind. `drain` counts until the database holds all
jobs as completed, not until the handlers have run.
"""

import argparse
import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time

logging.disable(logging.CRITICAL)
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PADDING = "x" * 400


def arguments_of(job_time):
    return {"t": job_time, "pad": PADDING}


class Queue:
    """What a contestant must be able to do. `done` counts jobs that the database holds as completed."""

    def __init__(self, options):
        self.options = options
        self.dsn = options.database

    async def sql(self, text):
        import asyncpg

        connection = await asyncpg.connect(**connection_arguments(self.dsn))
        try:
            if text.lstrip().lower().startswith("select"):
                return await connection.fetchval(text)
            await connection.execute(text)
        finally:
            await connection.close()

    async def empty_schema(self):
        await self.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")

    async def open(self):
        import asyncpg

        self.pool = await asyncpg.create_pool(**connection_arguments(self.dsn), min_size=2, max_size=32)

    async def close(self):
        self.pool.terminate()


def connection_arguments(dsn):
    words = dict(word.split("=", 1) for word in dsn.split())
    return {"host": words["host"], "port": int(words["port"]), "user": words["user"], "database": words["dbname"]}


class Plain(Queue):
    """SKIP LOCKED by hand over asyncpg: a hundred claimed, a hundred marked as done; no heartbeat, no fence, no
    history."""

    async def reset(self):
        await self.empty_schema()
        schema = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "limits/schema.sql")
        await self.sql(open(schema).read())

    async def put(self, jobs):
        payloads = [json.dumps(job) for job in jobs]
        await self.pool.execute(
            "INSERT INTO plain_jobs (dedupe_key, kind, payload) "
            "SELECT gen_random_uuid()::text, 'noop', p FROM unnest($1::jsonb[]) AS p",
            payloads,
        )
        if len(jobs) == 1:
            await self.pool.execute("NOTIFY plain_jobs")

    async def work(self, seen, stop):
        batch = self.options.conc or 100
        async with self.pool.acquire() as connection, self.pool.acquire() as listener:
            told = asyncio.Event()
            await listener.add_listener("plain_jobs", lambda *_: told.set())
            while not stop.is_set():
                rows = await connection.fetch(
                    "WITH picked AS (SELECT id FROM plain_jobs WHERE state = 0 AND run_at <= now() "
                    "ORDER BY priority, run_at, id LIMIT $1 FOR UPDATE SKIP LOCKED) "
                    "UPDATE plain_jobs j SET state = 1, attempts = attempts + 1, lease_until = now() + interval '30 s' "
                    "FROM picked WHERE j.id = picked.id RETURNING j.id, j.payload",
                    batch,
                )
                for row in rows:
                    seen(json.loads(row["payload"])["t"])
                if rows:
                    await connection.execute(
                        "UPDATE plain_jobs SET state = 2, finished_at = now(), lease_until = NULL "
                        "WHERE id = ANY ($1) AND state = 1",
                        [row["id"] for row in rows],
                    )
                else:
                    told.clear()
                    try:
                        await asyncio.wait_for(told.wait(), 0.5)
                    except asyncio.TimeoutError:
                        pass

    done = "SELECT count(*) FROM plain_jobs WHERE state = 2"


class Procrastinate(Queue):
    def __init__(self, options):
        super().__init__(options)
        import procrastinate

        self.app = procrastinate.App(
            connector=procrastinate.PsycopgConnector(conninfo=self.dsn, min_size=2, max_size=32)
        )
        self.seen = None

        @self.app.task(name="noop", queue="bench")
        async def noop(t, pad):
            self.seen(t)

        self.noop = noop

    async def reset(self):
        await self.empty_schema()
        async with self.app.open_async():
            await self.app.schema_manager.apply_schema_async()

    async def open(self):
        await self.app.open_async()

    async def close(self):
        await self.app.close_async()

    async def put(self, jobs):
        if len(jobs) == 1:
            await self.noop.defer_async(**jobs[0])
        else:
            await self.noop.batch_defer_async(*jobs)

    async def work(self, seen, stop):
        self.seen = seen
        worker = asyncio.create_task(
            self.app.run_worker_async(
                queues=["bench"],
                concurrency=self.options.conc or 30,
                install_signal_handlers=False,
                listen_notify=True,
                fetch_job_polling_interval=1.0,
            )
        )
        await stop.wait()
        worker.cancel()
        try:
            await worker
        except asyncio.CancelledError:
            pass

    done = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'"


class PgQueuer(Queue):
    async def reset(self):
        import asyncpg
        from pgqueuer.db import AsyncpgDriver
        from pgqueuer.queries import Queries

        await self.empty_schema()
        connection = await asyncpg.connect(**connection_arguments(self.dsn))
        await Queries(AsyncpgDriver(connection)).install()
        await connection.close()

    async def open(self):
        from pgqueuer.db import AsyncpgPoolDriver
        from pgqueuer.queries import Queries

        await super().open()
        self.queries = Queries(AsyncpgPoolDriver(self.pool))

    async def put(self, jobs):
        if len(jobs) == 1:
            await self.queries.enqueue("noop", json.dumps(jobs[0]).encode())
        else:
            count = len(jobs)
            await self.queries.enqueue(["noop"] * count, [json.dumps(job).encode() for job in jobs], [0] * count)

    async def work(self, seen, stop):
        from datetime import timedelta
        from pgqueuer.qm import QueueManager

        manager = QueueManager(self.queries)

        @manager.entrypoint("noop")
        async def noop(job):
            seen(json.loads(job.payload)["t"])

        worker = asyncio.create_task(
            manager.run(batch_size=self.options.conc or 1000, dequeue_timeout=timedelta(seconds=5))
        )
        await stop.wait()
        manager.shutdown.set()
        try:
            await asyncio.wait_for(worker, 5)
        except Exception:  # it is measured already; how it ends does not matter
            pass

    done = "SELECT count(*) FROM pgqueuer_log WHERE status = 'successful'"


chancy_seen = None


async def chancy_noop(*, t: float, pad: str):
    chancy_seen(t)


class Chancy(Queue):
    def __init__(self, options):
        super().__init__(options)
        from chancy import Chancy as Client

        words = connection_arguments(self.dsn)
        self.client = Client(
            f"postgresql://{words['user']}@/{words['database']}?host={words['host']}&port={words['port']}",
            min_connection_pool_size=2,
            max_connection_pool_size=32,
            log=logging.getLogger("chancy"),
        )

    async def reset(self):
        await self.empty_schema()
        async with self.client:
            await self.client.migrate()

    async def open(self):
        from chancy import Chancy as Client, Queue as ChancyQueue

        await self.client.__aenter__()
        await self.client.declare(
            ChancyQueue(
                "default",
                concurrency=self.options.conc or 2000,
                executor=Client.Executor.Async,
                polling_interval=1,
                eager_polling=True,
            ),
            upsert=True,
        )

    async def close(self):
        await self.client.__aexit__(None, None, None)

    async def put(self, jobs):
        from chancy import Job

        made = [Job(func="queues.chancy_noop", kwargs=job, queue="default") for job in jobs]
        if len(made) == 1:
            await self.client.push(made[0])
        else:
            async for _ in self.client.push_many(made, batch_size=len(made)):
                pass

    async def work(self, seen, stop):
        import queues
        from chancy import Worker

        queues.chancy_seen = seen
        async with Worker(self.client, register_signal_handlers=False, shutdown_timeout=3):
            await stop.wait()

    done = "SELECT count(*) FROM chancy_jobs WHERE state = 'succeeded'"


class PgQ(Queue):
    """Debian's pgq with its ticker. It keeps no state of a job: a batch is finished as a whole, retries are the
    caller's."""

    async def reset(self):
        await self.sql("DROP EXTENSION IF EXISTS pgq CASCADE")
        await self.empty_schema()
        await self.sql("CREATE EXTENSION pgq")
        for call in [
            "create_queue('bench')",
            "set_queue_config('bench', 'ticker_max_lag', '50 milliseconds')",
            "set_queue_config('bench', 'ticker_max_count', '500')",
            "register_consumer('bench', 'worker')",
        ]:
            await self.sql(f"SELECT pgq.{call}")

    async def put(self, jobs):
        await self.pool.fetchval(
            "SELECT count(pgq.insert_event('bench', 'noop', p)) FROM unnest($1::text[]) AS p",
            [json.dumps(job) for job in jobs],
        )

    async def work(self, seen, stop):
        words = connection_arguments(self.dsn)
        with tempfile.TemporaryDirectory() as folder:
            with open(f"{folder}/pgqd.ini", "w") as file:
                file.write(
                    f"[pgqd]\nbase_connstr = host={words['host']} port={words['port']} user={words['user']}\n"
                    f"initial_database = {words['database']}\ndatabase_list = {words['database']}\n"
                    f"logfile = {folder}/log\npidfile = {folder}/pid\nticker_period = 0.05\nsyslog = 0\n"
                )
            ticker = subprocess.Popen(
                ["pgqd", "-q", f"{folder}/pgqd.ini"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            try:
                async with self.pool.acquire() as connection:
                    while not stop.is_set():
                        batch = await connection.fetchval("SELECT pgq.next_batch('bench', 'worker')")
                        if batch is None:
                            await asyncio.sleep(0.01)
                            continue
                        for row in await connection.fetch("SELECT ev_data FROM pgq.get_batch_events($1)", batch):
                            seen(json.loads(row["ev_data"])["t"])
                        await connection.execute("SELECT pgq.finish_batch($1)", batch)
            finally:
                ticker.send_signal(signal.SIGINT)
                try:
                    ticker.wait(5)
                except subprocess.TimeoutExpired:
                    ticker.kill()

    # A batch counts once it is finished as a whole; until then none of its events does.
    done = (
        "SELECT CASE WHEN pending_events = 0 THEN 2147483647 ELSE 0 END "
        "FROM pgq.get_consumer_info('bench', 'worker')"
    )


QUEUES = {"plain": Plain, "procrastinate": Procrastinate, "pgqueuer": PgQueuer, "chancy": Chancy, "pgq": PgQ}


async def enqueue(queue, options, batch, clients):
    stored, end, start = 0, time.time() + options.secs, time.time()

    async def one():
        nonlocal stored
        while time.time() < end:
            await queue.put([arguments_of(time.time())] * batch)
            stored += batch

    await asyncio.gather(*[one() for _ in range(clients)])
    return {"rate": stored / (time.time() - start)}


async def fill(queue, options):
    for start in range(0, options.n, 1000):
        await queue.put([arguments_of(0)] * min(1000, options.n - start))
    await queue.sql("VACUUM ANALYZE")
    return {}


async def drain(queue, options):
    count, first, stop = 0, None, asyncio.Event()

    def seen(_):
        nonlocal count, first
        first = first or time.time()
        count += 1

    if options.queue == "pgq":
        await queue.sql("SELECT pgq.force_tick('bench')")
        await queue.sql("SELECT pgq.ticker()")
    limit = time.time() + options.patience
    worker = asyncio.create_task(queue.work(seen, stop))
    while count < options.n and time.time() < limit and not worker.done():
        await asyncio.sleep(0.005)
    while await queue.sql(queue.done) < min(options.n, count) and time.time() < limit:
        await asyncio.sleep(0.02)
    took = time.time() - (first or time.time())
    stop.set()
    try:
        await asyncio.wait_for(worker, 8)
    except Exception:  # it is measured already
        pass
    return {"n": count, "rate": count / took if took > 0 else None}


async def work_until_told(queue, options):
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with open(options.log, "w", buffering=1) as file:
        await queue.work(lambda sent: file.write(f"{(time.time() - sent) * 1000}\n"), stop)
    return {}


async def latency(queue, options):
    with tempfile.NamedTemporaryFile() as log:
        worker = subprocess.Popen(
            [
                sys.executable,
                "-W",
                "ignore",
                os.path.abspath(__file__),
                options.queue,
                "worker",
                "--database",
                options.database,
                "--log",
                log.name,
            ]
        )
        await asyncio.sleep(4)
        for _ in range(options.n + 20):
            start = time.time()
            await queue.put([arguments_of(start)])
            await asyncio.sleep(max(0, options.gap - (time.time() - start)))
        await asyncio.sleep(2)
        worker.send_signal(signal.SIGTERM)
        try:
            worker.wait(10)
        except subprocess.TimeoutExpired:
            worker.kill()
        delays = sorted(float(line) for line in open(log.name).read().split()[20:])
    if not delays:
        return {"error": "no job was seen"}
    return {"n": len(delays), "p50": delays[len(delays) // 2], "p99": delays[int(len(delays) * 0.99)]}


async def churn(queue, options):
    """Producer and worker in one process, about 2,000 jobs waiting; from `warm` on a snapshot is held for `pin`
    seconds."""
    import asyncpg

    done, put, stop, series = 0, 0, asyncio.Event(), []

    def seen(_):
        nonlocal done
        done += 1

    async def produce():
        nonlocal put
        while not stop.is_set():
            if put - done < 2000:
                await queue.put([arguments_of(0)] * 200)
                put += 200
            else:
                await asyncio.sleep(0.002)

    tasks = [asyncio.create_task(queue.work(seen, stop)), asyncio.create_task(produce())]
    holder = await asyncpg.connect(**connection_arguments(options.database))
    start, last, held = time.time(), 0, False
    while time.time() - start < options.warm + options.pin + options.after - 0.1:
        await asyncio.sleep(max(0, start + options.step * (len(series) + 1) - time.time()))
        series.append(round((done - last) / options.step))
        last, elapsed = done, options.step * len(series)
        if not held and options.warm <= elapsed < options.warm + options.pin:
            await holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            await holder.fetchval("SELECT count(*) FROM pg_class")
            held = True
        elif held and elapsed >= options.warm + options.pin:
            await holder.execute("COMMIT")
            held = False
    stop.set()
    await asyncio.wait(tasks, timeout=5)
    return {"series": series, "step": options.step, "total": done}


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("queue", choices=QUEUES)
    parser.add_argument("operation")
    parser.add_argument("--database", required=True)
    parser.add_argument("--n", type=int, default=20_000)
    parser.add_argument("--conc", type=int, default=0)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--log", default="")
    for name, value in [
        ("secs", 3),
        ("gap", 0.02),
        ("warm", 10),
        ("pin", 60),
        ("after", 10),
        ("step", 5),
        ("patience", 60),
    ]:
        parser.add_argument(f"--{name}", type=float, default=value)
    options = parser.parse_args()
    queue = QUEUES[options.queue](options)
    result = {"peer": options.queue, "op": options.operation}
    if options.operation == "reset":
        await queue.reset()
        print(json.dumps(result))
        return
    await queue.open()
    operations = {
        "enqueue1": lambda: enqueue(queue, options, 1, options.conc or 1),
        "enqueueN": lambda: enqueue(queue, options, options.batch, 1),
        "fill": lambda: fill(queue, options),
        "drain": lambda: drain(queue, options),
        "latency": lambda: latency(queue, options),
        "worker": lambda: work_until_told(queue, options),
        "churn": lambda: churn(queue, options),
    }
    result.update(await operations[options.operation]())
    print(json.dumps(result), flush=True)
    # Some peers keep threads; what was measured is printed.
    os._exit(0)


if __name__ == "__main__":
    try:
        import uvloop

        uvloop.install()
    except ImportError:
        pass
    asyncio.run(main())
