"""A real S3 server on loopback for tests: SeaweedFS, as its package brings it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

BUCKET = "backfill-tests"

_GRPC = 10_000
"""So far above each port the server takes another one."""

_START_SECONDS = 60


def find_server() -> Path | None:
    """Return where the server's program is; ``None`` = it is not installed."""
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if beside.exists() else shutil.which("weed")
    return Path(found) if found else None


@contextmanager
def serving_s3(program: Path, folder: Path) -> Iterator[dict[str, Any]]:
    """Run the server over *folder* while the block runs, and yield the options of an ``S3Store`` for its one bucket."""
    master, volume, filer, s3 = _free_ports(4)
    command = [
        str(program), "server", "-s3", "-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false",
        "-dir", str(folder), "-ip", "127.0.0.1", "-ip.bind", "127.0.0.1",
        "-master.port", str(master), "-volume.port", str(volume), "-filer.port", str(filer), "-s3.port", str(s3),
        "-master.volumeSizeLimitMB", "64", "-volume.max", "20",
    ]  # fmt: skip
    log = folder / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=folder)
    try:
        endpoint = f"http://127.0.0.1:{s3}"
        _wait_until_it_stores(endpoint, process, log)
        yield {
            "endpoint": endpoint,
            "bucket": BUCKET,
            "region": "us-east-1",
            "skip_signature": True,
            "client_options": {"allow_http": True, "timeout": "30s"},
        }
    finally:
        process.kill()  # it takes its time to end by itself, and its data are nobody's any more
        process.wait()


def _wait_until_it_stores(endpoint: str, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up and process.poll() is None:
        if _put(f"{endpoint}/{BUCKET}", None) and _put(f"{endpoint}/{BUCKET}/probe", b"1"):
            return
        time.sleep(0.1)
    message = f"the S3 server does not store anything:\n{log.read_text(errors='replace')[-3000:]}"
    raise RuntimeError(message)


def _put(url: str, body: bytes | None) -> bool:
    """Put an object or a bucket; return whether it is there now."""
    try:
        urllib.request.urlopen(urllib.request.Request(url, body, method="PUT"), timeout=10).close()
    except urllib.error.HTTPError as error:
        return error.code == HTTPStatus.CONFLICT  # the bucket is there since the last try
    except OSError:  # nobody listens yet, or it has no volume yet
        return False
    return True


def _free_ports(count: int) -> list[int]:
    ports: list[int] = []
    taken = []
    try:
        for low in range(20_000, 30_000):
            try:
                for port in (low, low + _GRPC):
                    taken.append(socket.socket())
                    taken[-1].bind(("127.0.0.1", port))
            except OSError:  # taken: the next pair
                continue
            ports.append(low)
            if len(ports) == count:
                return ports
    finally:
        for one in taken:
            one.close()
    message = "no free ports"
    raise RuntimeError(message)
