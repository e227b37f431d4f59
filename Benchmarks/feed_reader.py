"""Readers of the feed; prints one JSON object.

    feed_reader.py pages  --port N [--after N]                   every item from `after` to the head, 1,000 a page
    feed_reader.py idle   --port N --after HEAD --readers N --secs S     long polls that nothing ever answers
    feed_reader.py follow --port N --after HEAD --until SEQ      when each item arrived, by this machine's clock

The bearer token is read from the variable TOKEN. `pages` looks at a page no closer than it needs to in order to ask
for the next one: what is measured is the server. Whether the items are right is `settled feed verify`'s to say.
"""

import argparse
import json
import os
import selectors
import socket
import time

PATH = "/v1/settlements/feed"


class Reader:
    """One connection, kept open."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray(8 << 20)

    def ask(self, after, wait):
        self.socket.sendall(
            (
                f"GET {PATH}?after={after}&limit=1000&wait={wait} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"Authorization: Bearer {os.environ['TOKEN']}\r\n\r\n"
            ).encode()
        )

    def body(self):
        """The answer's body, as it came."""
        filled, end, whole = 0, -1, 0
        while end < 0 or filled < whole:
            if filled == len(self.buffer):
                self.buffer.extend(bytes(len(self.buffer)))
            count = self.socket.recv_into(memoryview(self.buffer)[filled:])
            if not count:
                raise SystemExit("the server closed the connection in the middle of an answer")
            filled += count
            if end < 0 and (end := self.buffer.find(b"\r\n\r\n", 0, filled)) >= 0:
                head = bytes(self.buffer[:end]).lower()
                if b" 200 " not in head.split(b"\r\n", 1)[0]:
                    raise SystemExit(f"the feed answered {head!r}")
                length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
                whole = end + 4 + int(length.split(b":")[1])
        return memoryview(self.buffer)[end + 4 : whole]


def number_after(name, text):
    return int(text[text.rfind(name) + len(name) :].split(b",")[0].split(b"}")[0])


def pages(options):
    reader, after, start, size = Reader(options.port), options.after, time.perf_counter(), 0
    while True:
        reader.ask(after, 0)
        body = reader.body()
        size += len(body)
        following = number_after(b'"next":', bytes(body[-64:]))
        if following == after:
            break
        after = following
    took = time.perf_counter() - start
    return {"rows": after - options.after, "rate": (after - options.after) / took, "mib": size / 1024 / 1024 / took}


def idle(options):
    """Asks again whenever a poll ends empty, as a reader does. The first polls are of unequal length, so that the readers
    are as they would be after a long time: some poll ends at every moment."""
    readers = selectors.DefaultSelector()
    for number in range(options.readers):
        reader = Reader(options.port)
        reader.ask(options.after, 1 + number % 30)
        readers.register(reader.socket, selectors.EVENT_READ, reader)
    end, polls = time.time() + options.secs, 0
    while (left := end - time.time()) > 0:
        for key, _ in readers.select(left):
            key.data.body()
            polls += 1
            key.data.ask(options.after, 30)
    return {"readers": options.readers, "ended": polls}


def follow(options):
    reader, after, arrivals = Reader(options.port), options.after, {}
    end = time.time() + options.secs
    while after < options.until and time.time() < end:
        reader.ask(after, 10)
        body = reader.body()
        now = time.time()
        for item in json.loads(bytes(body))["items"]:
            arrivals[item["seq"]] = now
            after = item["seq"]
    return {"arrivals": arrivals}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["pages", "idle", "follow"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--after", type=int, default=0)
    parser.add_argument("--until", type=int, default=0)
    parser.add_argument("--readers", type=int, default=100)
    parser.add_argument("--secs", type=float, default=10)
    chosen = parser.parse_args()
    print(json.dumps({"pages": pages, "idle": idle, "follow": follow}[chosen.mode](chosen)))
