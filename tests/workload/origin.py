"""A server on loopback that is fast enough not to be what is measured: one table, marked by its address, after a chosen delay.

Run it as ``python -m workload.origin DELAY``; it prints its port, and ends when its input does.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROWS, COLUMNS = 170, 23
"""Of a table as large as a district's club report."""

MARK = 32
"""Characters of one cell that differ from document to document, so that an archive keeps them all."""


def table(mark: str = "") -> bytes:
    """Return the table: names and numbers, with a header, as CSV; *mark* stands in one cell."""
    chosen = random.Random(1)
    names = [f"Column {number:02d}" for number in range(COLUMNS)]
    rows = [
        [f"{row:08d}", f"Club number {row}", "Active", *(str(chosen.randrange(1000)) for _ in names[3:])] for row in range(ROWS)
    ]
    rows[-1][1] = _cell(mark)
    return "".join(",".join(f'"{value}"' for value in row) + "\r\n" for row in [names, *rows]).encode()


def _cell(mark: str) -> str:
    return mark[-MARK:].rjust(MARK)


class _Answering(asyncio.Protocol):
    """Answers every request with the same table, in which its address stands."""

    def __init__(self, answer: bytes, delay: float) -> None:
        self._before, _mark, self._after = answer.rpartition(_cell("").encode())
        self._delay = delay
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            address = self._received[: self._received.index(b"\r\n")].split(b" ")[1].decode()
            answer = self._before + _cell(address).encode() + self._after
            self._received = self._received[end + 4 :]
            if self._delay:
                asyncio.get_running_loop().call_later(self._delay, self._transport.write, answer)
            else:
                self._transport.write(answer)


async def _serve(delay: float) -> None:
    body = table()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: {len(body)}\r\n\r\n"
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Answering(head.encode() + body, delay), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - what the starter waits for
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


@contextmanager
def serving(delay: float) -> Iterator[str]:
    """Run the server in a process of its own while the block runs, and yield its address."""
    command = [sys.executable, "-m", "workload.origin", str(delay)]
    folder = Path(__file__).resolve().parents[1]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1])))
