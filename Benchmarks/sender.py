"""Posts signed bodies, each once, at a steady rate or as fast as they are answered; prints one JSON object.

    sender.py http://127.0.0.1:8080/notify/trade --bodies bodies.txt --count N [--first N] [--rate R] [--connections C]
              [--again]

With --again a body that is not acknowledged is posted once more after a second, as long as it takes: so would Alipay.
At a rate, body n is due n / rate seconds after the start whatever the answers do, so that a slow receiver is not
spared.
"""

import argparse
import asyncio
import itertools
import json
import time
from urllib.parse import urlsplit


async def post(reader, writer, head, body):
    """The status of the answer, once it is read to its end."""
    writer.write(head % len(body) + body)
    answer = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.split(b":")[1]))
    return int(answer.split(b" ", 2)[1])


async def sender(address, head, work, options, start, statuses):
    reader, writer = await asyncio.open_connection(*address)
    for number, body in work:
        if options.rate:
            await asyncio.sleep(start + number / options.rate - time.time())
        statuses.append(await post(reader, writer, head, body))
        while options.again and statuses[-1] != 200:
            await asyncio.sleep(1)
            statuses.append(await post(reader, writer, head, body))
    writer.close()


async def main(options):
    url = urlsplit(options.url)
    head = (
        f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\n"
        "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\nContent-Length: %d\r\n\r\n"
    ).encode()
    with open(options.bodies, "rb") as lines:
        bodies = [line.rstrip(b"\n") for line in itertools.islice(lines, options.first, options.first + options.count)]
    if len(bodies) < options.count:
        raise SystemExit(f"{options.bodies} has fewer than {options.first + options.count} bodies")
    work, statuses, start = iter(enumerate(bodies)), [], time.time()
    await asyncio.gather(
        *[
            sender((url.hostname, url.port), head, work, options, start, statuses)
            for _ in range(options.connections)
        ]
    )
    took = time.time() - start
    print(
        json.dumps(
            {"sent": len(statuses), "refused": sum(status != 200 for status in statuses), "rate": len(statuses) / took}
        )
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--bodies", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--again", action="store_true")
    import uvloop

    uvloop.install()
    asyncio.run(main(parser.parse_args()))
