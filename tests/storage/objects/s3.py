"""A service that speaks S3, on the loopback, and others that fail as networks do."""

import itertools
import logging
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

from moto.server import ThreadedMotoServer

from torana.storage.objects.port import Place

KEY_ID, KEY = "AKIATESTTESTTESTTEST", "a secret that nobody may read"


class S3(logging.Handler):
    """The service; it hears its own log, so that a test can tell what was asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self._numbers = itertools.count()
        self._port = 0

    def emit(self, record: logging.LogRecord) -> None:
        # `PUT /bucket/name HTTP/1.1`, among the colours of a terminal.
        if asked := re.search(r"([A-Z]+ /\S*) HTTP/", record.getMessage()):
            self.asked.append(asked[1])

    def start(self) -> None:
        """Begins to serve, or begins again at the same address and with the same buckets."""
        log = logging.getLogger("werkzeug")
        log.addHandler(self)
        log.setLevel(logging.INFO)
        log.propagate = False
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self._port, verbose=False)
        self._server.start()
        host, self._port = self._server.get_host_and_port()
        self.url = f"http://{host}:{self._port}"

    def stop(self) -> None:
        self._server.stop()
        logging.getLogger("werkzeug").removeHandler(self)

    def place(self, prefix: str = "torana/pictures") -> Place:
        """A bucket of a test's own."""
        bucket = f"bucket-{next(self._numbers)}"
        urlopen(Request(f"{self.url}/{bucket}", method="PUT")).close()
        self.asked.clear()
        return place(self.url, f"s3://{bucket}/{prefix}")


def place(endpoint: str, url: str = "s3://pictures") -> Place:
    return Place(url, endpoint=endpoint, region="us-east-1", key_id=KEY_ID, key=KEY)


@contextmanager
def s3() -> Iterator[S3]:
    service = S3()
    service.start()
    try:
        yield service
    finally:
        service.stop()


@contextmanager
def silence() -> Iterator[str]:
    """The address of one who takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def nobody() -> Iterator[str]:
    """An address at which nobody is, for as long as the block lasts."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
