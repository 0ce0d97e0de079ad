"""One connection: what is said on it is framed by h2, and told to the exchanges that share it."""

import asyncio
import select
from typing import Final, cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    InformationalResponseReceived,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

from torana.core.errors import UpstreamCut, UpstreamError, UpstreamUnreachable
from torana.upstream.http2.farewells import Farewells
from torana.upstream.http2.stream import Stream

STREAMS = 100
"""Exchanges on one connection at most, of an upstream that would take more."""
QUIET = 15.0
"""Seconds that an idle connection is kept at least, and that an upstream which owes replies may be silent."""

_HELD = 128 * 1024
"""Bytes of one reply that come before they are taken."""
_CONTROL = 64 * 1024
"""Bytes that wait to be sent beside bodies, which an upstream that takes nothing could have us heap up."""
_LAST_STREAM = 2**30
_FIELDS = 128
"""Header fields of a reply at most."""
_NOT_HTTP = "The upstream's answer is not HTTP."
_REFUSED = "The upstream refused the call before it began with it."
_CONFIG = H2Configuration(client_side=True, validate_outbound_headers=False, normalize_outbound_headers=False)
_SETTINGS: Final[dict[SettingCodes, int]] = {
    SettingCodes.ENABLE_PUSH: 0,
    SettingCodes.INITIAL_WINDOW_SIZE: _HELD,
    SettingCodes.MAX_HEADER_LIST_SIZE: 64 * 1024,
}
_PING = bytes(8)


class Connection(asyncio.Protocol):
    """A connection to an upstream, of use once ``ready`` has returned; it ``speaks`` HTTP/2 or another protocol.

    Idle it is closed after ``quiet`` seconds; silent for so long, it is asked for a sign of life.
    """

    __slots__ = (
        "_farewells", "_frames", "_heard", "_is_asked", "_loop", "_paused", "_poll", "_pulse", "_quiet", "_ready",
        "_streams", "_surplus", "_takes", "_was_idle", "speaks", "transport",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop, quiet: float = QUIET) -> None:
        self._loop = loop
        self._quiet = quiet
        self.transport: asyncio.Transport | None = None
        self._poll = select.poll()
        self._frames = H2Connection(_CONFIG)
        self._farewells = Farewells()
        self._streams: dict[int, Stream] = {}
        self._ready: asyncio.Future[None] = loop.create_future()
        self._pulse: asyncio.TimerHandle | None = None
        self._takes = self._paused = self._was_idle = self._is_asked = False
        self._heard = True
        self._surplus = 0
        self.speaks = False

    # What the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open; HTTP/2 is spoken on it where that was agreed on."""
        # uvloop's are no subclass of it.
        self.transport = cast(asyncio.Transport, transport)
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
        tls = transport.get_extra_info("ssl_object")
        if tls is None or tls.selected_alpn_protocol() != "h2":
            self._ready.set_result(None)
            return
        self.speaks = self._takes = True
        self._frames.local_settings = Settings(client=True, initial_values=_SETTINGS)
        self._frames.initiate_connection()
        # So that no exchange whose reply is not taken holds up another's.
        self._frames.increment_flow_control_window(_HELD * STREAMS)
        self.flush()
        self._pulse = self._loop.call_later(self._quiet, self._beat)

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        self._heard = True
        try:
            frames, lasts = self._farewells.split(data)
            for event in self._frames.receive_data(frames) if frames else ():
                self._tell(event)
        except ProtocolError:
            # Its words may be the upstream's, and so what was sent to it.
            self.flush()
            self.fail(UpstreamError, _NOT_HTTP, None)
            return
        for last in lasts:
            self._takes = False
            for number in [number for number in self._streams if number > last]:
                self._streams[number].fail(UpstreamUnreachable(_REFUSED), None)
        self.flush()
        self._end_when_done()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone, in good order or not."""
        self.fail(UpstreamCut, None, exc)

    def pause_writing(self) -> None:
        """The upstream takes no more for now."""
        self._paused = True
        self._surplus = 0

    def resume_writing(self) -> None:
        """It takes more."""
        self._paused = False
        self._push_all()

    # What the frames tell

    def _tell(self, event: Event) -> None:
        number = getattr(event, "stream_id", None)
        stream = None if number is None else self._streams.get(number)
        if isinstance(event, DataReceived):
            if stream is None:
                self._frames.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            else:
                stream.came(event.data, event.flow_controlled_length)
        elif isinstance(event, RemoteSettingsChanged):
            if not self._ready.done():
                self._ready.set_result(None)
            self._push_all()
        elif isinstance(event, WindowUpdated) and not number:
            self._push_all()
        elif stream is not None:
            _tell(stream, event)

    def _push_all(self) -> None:
        for stream in self._streams.values():
            stream.push()
        self.flush()

    # What exchanges do

    async def ready(self) -> None:
        """Wait until it may be used, or is known for one of another protocol; ConnectionResetError where it breaks."""
        await self._ready

    @property
    def is_idle(self) -> bool:
        """Whether nobody uses it."""
        return not self._streams

    def is_silent(self) -> bool:
        """Whether nothing waits to be read in the kernel, such as the upstream's hanging up."""
        return not self._poll.poll(0)

    def takes(self) -> bool:
        """Whether there is room for one exchange more."""
        frames = self._frames
        return (
            self._takes
            and not self._paused
            and len(self._streams) < min(STREAMS, frames.remote_settings.max_concurrent_streams)
            and frames.highest_outbound_stream_id < _LAST_STREAM
        )

    def begin(self, stream: Stream, fields: list[tuple[bytes, bytes]], *, ends: bool) -> int:
        """Send a request's head, which ``ends`` it where it has no body; the exchange's number."""
        number = self._frames.get_next_available_stream_id()
        self._frames.send_headers(number, fields, end_stream=ends)
        self._streams[number] = stream
        self._was_idle = False
        return number

    def room(self, number: int) -> int:
        """Bytes of an exchange's body that the upstream takes now in one frame."""
        if self._paused or self.transport is None:
            return 0
        return min(self._frames.local_flow_control_window(number), self._frames.max_outbound_frame_size)

    def send(self, number: int, data: bytes | memoryview, *, ends: bool) -> None:
        """Send so much of a body as there is ``room`` for."""
        self._frames.send_data(number, data, end_stream=ends)

    def took(self, number: int, size: int) -> None:
        """``size`` bytes are taken of what came, as flow control counts them: so many more may come."""
        if self.transport is not None and size:
            self._frames.acknowledge_received_data(size, number)
            self.flush()

    def leave(self, number: int, *, is_over: bool) -> None:
        """Nobody wants to know more of an exchange, which is broken off unless it ``is_over``."""
        if self._streams.pop(number, None) is None or self.transport is None:
            return
        if not is_over:
            self._frames.reset_stream(number, ErrorCodes.CANCEL)
        self.flush()
        self._end_when_done()

    def flush(self) -> None:
        """Hand over what is to be sent."""
        data = self._frames.data_to_send()
        if not data or self.transport is None:
            return
        if self._paused:
            self._surplus += len(data)
        self.transport.write(data)
        if self._surplus > _CONTROL:
            self.fail(UpstreamError, _NOT_HTTP, None)

    # Its end

    def _beat(self) -> None:
        """Now and then: close it where nobody needed it, and find out whether a silent upstream is still there."""
        if self._heard or self._paused or not self._streams:
            self._is_asked = False
        elif self._is_asked:
            self.fail(UpstreamCut, None, None)
            return
        else:
            self._is_asked = True
            self._frames.ping(_PING)
            self.flush()
        if self._was_idle and not self._streams:
            self.drop()
            return
        self._was_idle = not self._streams
        self._heard = False
        self._pulse = self._loop.call_later(self._quiet, self._beat)

    def _end_when_done(self) -> None:
        if not self._takes and not self._streams:
            self.drop()

    def fail(self, kind: type[UpstreamError], message: str | None, cause: BaseException | None) -> None:
        """All is lost; who waits for a reply is told of it, or that it broke, where there is no ``message``."""
        for stream in tuple(self._streams.values()):
            stream.fail(kind(message or stream.broken), cause)
        self.drop()

    def drop(self) -> None:
        """Close it at once."""
        self._takes = False
        if not self._ready.done():
            self._ready.set_exception(ConnectionResetError())
            # Whoever wanted it may be gone.
            self._ready.exception()
        if self._pulse is not None:
            self._pulse.cancel()
            self._pulse = None
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.abort()


def _tell(stream: Stream, event: Event) -> None:
    """What happened to one exchange."""
    if isinstance(event, ResponseReceived):
        if len(event.headers) > _FIELDS:
            stream.fail(UpstreamError(_NOT_HTTP), None)
        else:
            stream.came_head(event.headers)
    elif isinstance(event, InformationalResponseReceived):
        stream.heard()
    elif isinstance(event, WindowUpdated):
        stream.push()
    elif isinstance(event, StreamEnded):
        stream.ended()
    elif isinstance(event, StreamReset):
        stream.is_over = True
        if not event.remote_reset:
            stream.fail(UpstreamError(_NOT_HTTP), None)
        elif event.error_code == ErrorCodes.REFUSED_STREAM:
            stream.fail(UpstreamUnreachable(_REFUSED), None)
        else:
            stream.fail(UpstreamCut(stream.broken), None)
