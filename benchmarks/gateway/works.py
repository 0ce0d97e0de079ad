"""The works that every gateway is given, and what this gateway's are to cost."""

from dataclasses import dataclass
from typing import Literal

Way = Literal["plain", "big", "slow", "drip"]
"""Which of the upstream's behaviours answers: see ``rig/upstream.c``."""


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of request, sent over so many connections at once.

    ``body`` names what is sent, as ``bodies`` writes it. ``goal`` is the least ratio of nginx's CPU time to the
    gateway's, or None where the work has another measure.
    """

    name: str
    told: str
    body: str
    connections: int
    way: Way = "plain"
    goal: float | None = None
    seconds: int = 1
    """A round's least length, so that enough requests end in it."""

    @property
    def is_chat(self) -> bool:
        """Whether it goes to the route of conversations; all others go to that of variations."""
        return self.body.startswith("chat")

    @property
    def is_stream(self) -> bool:
        """Whether its answer is a stream of events."""
        return self.body == "chat-stream"


WORKS = (
    Work("chat", "chat, JSON", "chat", 64, goal=0.30),
    Work("stream", "streamed chat, 50 events", "chat-stream", 64, goal=0.90),
    Work("var10k", "image 10 KB up", "picture-10k", 64, goal=0.30),
    Work("var1m", "image 1 MB up", "picture-1m", 16, goal=0.75),
    Work("var4m", "image 4 MB up", "picture-4m", 16, goal=0.60),
    Work("big", "1.4 MB reply, nginx buffered", "picture-10k", 16, way="big", goal=1.0),
    Work("chat_c1", "chat, one connection", "chat", 1),
)
MEMORY = (
    Work("mem4m", "64 uploads of 4 MB", "picture-4m", 64, way="slow", seconds=5),
    Work("mem16m", "64 uploads of 16 MB", "picture-16m", 64, way="slow", seconds=20),
)
LATENCY_GOAL = 2.0
"""The median latency over one connection may be so many times nginx's."""
PEAK_GOAL, IDLE_GOAL, START_GOAL = 110.0, 50.0, 0.6
"""MiB with 64 uploads of 4 MB in flight, MiB when idle, seconds to the first answer."""
