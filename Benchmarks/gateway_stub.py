"""The gateway of the comparison: answers alipay.eco.cplife.pay.result.query with what was signed beforehand.

    gateway_stub.py --port N --answers answers.tsv

It checks nothing and thinks nothing, so that whoever calls it is what is measured. A trade that it does not know is
404. On SIGHUP it reads the file again, and still knows the answers that the file had before.
"""

import argparse
import asyncio
import re
import signal

TRADE = re.compile(rb'trade_no(?:%22|")(?:%3A|:)(?:%22|")(\d+)')
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
HEAD = b"HTTP/1.1 %s\r\nContent-Type: text/html;charset=utf-8\r\nContent-Length: %d\r\n\r\n"
UNKNOWN = HEAD % (b"404 Not Found", 0)
ALIVE = HEAD % (b"200 OK", 0)


class Answers:
    """What the file holds now, and what it held before it was read again."""

    def __init__(self, path):
        self.path = path
        self.now, self.before = {}, {}
        self.read()

    def read(self):
        with open(self.path, "rb") as lines:
            pairs = (line.rstrip(b"\n").partition(b"\t") for line in lines)
            self.now, self.before = {trade: answer for trade, _, answer in pairs}, self.now

    def of(self, trade):
        return self.now.get(trade) or self.before.get(trade)


class Gateway(asyncio.Protocol):
    def __init__(self, answers):
        self.answers = answers
        self.transport = None
        self.buffer = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            length = LENGTH.search(self.buffer, 0, end)
            whole = end + 4 + (int(length.group(1)) if length else 0)
            if len(self.buffer) < whole:
                return
            request, self.buffer = self.buffer[:whole], self.buffer[whole:]
            self.transport.write(self.answer(request))

    def answer(self, request):
        if request.startswith(b"GET / "):
            return ALIVE
        trade = TRADE.search(request)
        body = self.answers.of(trade.group(1)) if trade else None
        return UNKNOWN if body is None else HEAD % (b"200 OK", len(body)) + body


async def serve(port, answers):
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, answers.read)
    server = await loop.create_server(lambda: Gateway(answers), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--answers", required=True)
    options = parser.parse_args()
    import uvloop

    uvloop.install()
    asyncio.run(serve(options.port, Answers(options.answers)))
