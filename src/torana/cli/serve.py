"""``torana serve``: runs the gateway until it is told to stop."""

import math
import os
import signal
import socket
from pathlib import Path
from types import FrameType

import click
import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from torana.assembly.complaints import UNSOUND
from torana.assembly.gateway import check_keys
from torana.assembly.office.keeping import Keeper
from torana.assembly.processes import AppFactory, bounded_protocol, count_out, is_sound, prepare_several
from torana.assembly.providers import offered
from torana.assembly.reload.hangup import hold_back, take_held
from torana.assembly.settings import load
from torana.assembly.tokens import own_token
from torana.cli.complaints import FAILED, complained
from torana.cli.options import config_option
from torana.config.model import Settings
from torana.core.clock import SystemClock

_BACKLOG = 2048
_TRIAL_SECONDS = 3600.0
_TRIAL_PICTURE = "examples/photos/coffee.jpg"


class GatewayServer(uvicorn.Server):
    """A server for which being told to stop is a good end: it exits with 0, not by the signal."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as the base class has it
        """Lets what is in flight end; a second Ctrl-C does not wait for it."""
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True


class GatewayProcesses(Multiprocess):
    """Several servers in processes of their own; told to stop, none of them is offered new connections.

    Each listens on the port for itself, and the kernel deals connections out among them. When one ends, those that it
    has not accepted are reset: none waits where nobody accepts. ``place`` is bound to the port with SO_REUSEPORT and
    never listens: it keeps the port for processes to come.
    """

    def __init__(self, server: uvicorn.Config, place: socket.socket, config: Path | None) -> None:
        super().__init__(server, sockets=[place])
        self._config = config

    def init_processes(self) -> None:
        """Starts them. Their sockets listen from now on: clients have been told the address, and may come at once."""
        for _ in range(self.processes_num):
            self.processes.append(self._started(listening=True))

    def terminate_all(self) -> None:
        """Tells them to end, and gives the port up."""
        for place in self.sockets:
            place.close()
        super().terminate_all()

    def handle_signals(self) -> None:
        """Handles what has come. SIGHUP is held back here, so that new processes hold it back, too."""
        if take_held():
            self.handle_hup()
        super().handle_signals()

    def handle_hup(self) -> None:
        """Has each process take up the configuration anew; none of them ends."""
        for each in self.processes:
            if each.process.is_alive() and each.pid is not None:
                os.kill(each.pid, signal.SIGHUP)

    def handle_ttin(self) -> None:
        """Adds a process."""
        self.processes_num += 1
        self.processes.append(self._started())

    def keep_subprocess_alive(self) -> None:
        """Replaces those that have ended or hang, but not from a file that is spoilt: the others serve on meanwhile."""
        for index, each in enumerate(self.processes):
            if each.is_alive(self.config.timeout_worker_healthcheck):
                continue
            each.kill()
            each.join()
            sound = is_sound(self._config)
            if sound and each.exitcode != STARTUP_FAILURE:
                self._replace(index)
            elif sound or not any(other.process.is_alive() for other in self.processes):
                self.should_exit.set()

    def _replace(self, index: int) -> None:
        count_out(self.processes[index].pid)
        self.processes[index] = self._started()

    def _started(self, *, listening: bool = False) -> Process:
        """A process with a socket of its own, which listens only once the process can serve, unless it does already."""
        with _bound(self.sockets[0].getsockname()[:2]) as own:
            if listening:
                own.listen(_BACKLOG)
            process = Process(self.config, [own])
            process.start()
        return process


@click.command
@config_option
@click.option("--host", metavar="ADDRESS", help="Address to listen on, instead of the configuration's.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Port to listen on, instead of the configuration's; 0 takes a free one.",
)
@click.option("--curl", is_flag=True, help="Print a curl line to try, with a token that works for an hour.")
@complained
def serve(config: Path | None, host: str | None, port: int | None, *, curl: bool) -> int:
    """Run the gateway until SIGTERM or Ctrl-C.

    Calls in flight then end first, for as long as `server.drain` allows. SIGHUP has it take up the configuration
    anew, and so has a change of the file, whole or not at all.
    """
    hold_back()
    settings = load(config).settings
    check_keys(settings, os.environ)
    wanted = (settings.server.host if host is None else host, settings.server.port if port is None else port)
    try:
        listener = _listen(wanted) if settings.server.processes == 1 else _reserve(wanted)
    except OSError as error:
        # Python adds the address to the reason as it sees it, in brackets.
        reason = str(error.strerror).partition(" (")[0]
        where = f"{wanted[0]}, port {wanted[1]}"
        click.echo(f"Cannot listen on {where}: {reason}. Choose another with --host and --port.", err=True)
        return FAILED
    listening = _address(listener)
    _greet(settings, listening, configured=config is not None)
    if curl:
        _show_curl(settings, listening)
    if not settings.database.enabled:
        return _run(settings, AppFactory(config, listening), listener)
    keeper = Keeper(config, settings.telemetry, refused=lambda: os.kill(os.getpid(), signal.SIGTERM))
    keeper.start()
    try:
        status = _run(settings, AppFactory(config, listening), listener)
    finally:
        keeper.stop()
    return UNSOUND if keeper.is_refused else status


def _run(settings: Settings, factory: AppFactory, listener: socket.socket) -> int:
    server_config = uvicorn.Config(
        factory,
        factory=True,
        http=bounded_protocol(settings),  # type: ignore[arg-type]  # any callable that makes a protocol will do
        ws="none",
        workers=settings.server.processes,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        timeout_graceful_shutdown=math.ceil(settings.server.drain),
    )
    if settings.server.processes > 1:
        prepare_several(settings)
        several = GatewayProcesses(server_config, listener, factory.config)
        several.run()
        return FAILED if any(each.exitcode in {STARTUP_FAILURE, UNSOUND} for each in several.processes) else 0
    server = GatewayServer(server_config)
    server.run(sockets=[listener])
    return 0 if server.started else FAILED


def _listen(wanted: tuple[str, int]) -> socket.socket:
    return socket.create_server(wanted, family=_family(wanted), backlog=_BACKLOG)


def _reserve(wanted: tuple[str, int]) -> socket.socket:
    """Keeps a port for several processes. That nobody listens there is tried first: SO_REUSEPORT may let us in."""
    _listen(wanted).close()
    return _bound(wanted)


def _bound(wanted: tuple[str, int]) -> socket.socket:
    made = socket.socket(_family(wanted))
    try:
        # What is left of the connections of a gateway before this one does not keep the port.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if made.family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(wanted)
    except OSError:
        made.close()
        raise
    return made


def _family(wanted: tuple[str, int]) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in wanted[0] else socket.AF_INET


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _greet(settings: Settings, listening: str, *, configured: bool) -> None:
    lines = [f"Torana listens on {listening}"]
    if not configured:
        lines.append(
            f"No configuration: serving the model patchwork, with keys and pictures in {settings.server.data_dir}. "
            "Make a token with `torana token mint --subject you`, or a key that can be taken back with "
            "`torana users set you` and `torana keys create --owner user:you`."
        )
    click.echo("\n".join(lines), err=True)


def _show_curl(settings: Settings, listening: str) -> None:
    token = own_token(
        settings, os.environ, subject=os.environ.get("USER", "you"), ttl=_TRIAL_SECONDS, claims={}, clock=SystemClock()
    )
    model = next(iter(settings.models), offered(settings)[0].model)
    click.echo(
        f"\ncurl {listening}/v1/images/variations \\\n"
        f"  -H 'Authorization: Bearer {token}' \\\n"
        f"  -F model={model} -F n=2 -F size=512x512 -F image=@{_TRIAL_PICTURE}\n"
    )
