"""The gateway in one process, as callgrind is to watch it: what ``torana serve`` runs, without its office.

    python counted.py CONFIG PORT COUNTING

COUNTING is ``rig/counting.c`` as a library. SIGUSR1 starts the count, SIGUSR2 has it written down. It prints a line
when it serves, and one for each signal that it has followed. It imports nothing of the benchmark, so that it can
run with the gateway of another commit.
"""

import asyncio
import ctypes
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import uvicorn

from torana.assembly.processes import AppFactory, bounded_protocol
from torana.assembly.settings import load


class CountedServer(uvicorn.Server):
    """A server that tells callgrind what it is told by signals."""

    counting: ctypes.CDLL

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As the base class has it; then it listens to signals."""
        await super().startup(sockets)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, self._follow, self.counting.start_counting)
        loop.add_signal_handler(signal.SIGUSR2, self._follow, self.counting.write_count)
        print("serving", flush=True)

    def _follow(self, told: Callable[[], object]) -> None:
        told()
        print("done", flush=True)


def main() -> None:
    """Serves until SIGTERM."""
    config, port = Path(sys.argv[1]), int(sys.argv[2])
    factory = AppFactory(config, f"127.0.0.1:{port}")
    protocol = bounded_protocol(load(config).settings)
    server = CountedServer(
        uvicorn.Config(
            factory,
            factory=True,
            http=protocol,  # type: ignore[arg-type]  # any callable that makes a protocol will do
            host="127.0.0.1",
            port=port,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="on",
            timeout_graceful_shutdown=5,
        )
    )
    server.counting = ctypes.CDLL(sys.argv[3])
    server.run()


if __name__ == "__main__":
    main()
