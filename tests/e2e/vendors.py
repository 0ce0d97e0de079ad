"""Five vendors of pictures on the loopback, each as its documentation says, with faults on demand or by chance.

Their pictures say by their colours to which source they belong, and every submission is written into a ledger under
its source's number.
"""

import base64
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.e2e.colours import NUMBERS, numbers, painted
from tests.e2e.faults import REFUSALS, STATUSES, Entry, Said, World, refuse, say

KEY = "key-of-the-account"
KEPT = 800
SIZES = {
    "1:1": (1024, 1024), "2:3": (832, 1248), "3:2": (1248, 832), "3:4": (864, 1184), "4:3": (1184, 864),
    "4:5": (896, 1152), "5:4": (1152, 896), "9:16": (768, 1344), "16:9": (1344, 768), "21:9": (1536, 672),
}  # fmt: skip
"""Gemini's sizes for its ratios."""


@dataclass
class Job:
    """Work that was taken on, and is asked after."""

    entry: Entry
    pictures: list[bytes]
    polls: int = 0


class Vendor:
    """What all vendors do alike. Those that answer by jobs or links remember the last few hundred of them."""

    name = ""
    door = ("authorization", f"Bearer {KEY}")
    """The header that opens it."""
    moderates_by_status = True
    """Whether it refuses at once, and charges nothing for that."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._jobs: dict[str, Job] = {}
        self._files: dict[str, bytes] = {}
        self._expired: set[str] = set()
        self._kept: deque[tuple[dict[str, Any], str]] = deque()

    def app(self) -> web.Application:
        """Its API."""
        app = web.Application(client_max_size=64 * 1024**2)
        app.add_routes([*self.routes(), web.get("/files/{name}", self.file)])
        return app

    def routes(self) -> list[web.RouteDef]:
        """What it can be asked."""
        raise NotImplementedError

    def error(self, status: int, _code: str) -> object:
        """An error in its own words."""
        return {"error": {"message": "Sorry.", "type": "server_error", "code": f"error_{status}", "param": None}}

    def check_key(self, request: web.Request) -> None:
        """Notes a request without our key."""
        name, value = self.door
        if request.headers.get(name) != value:
            self.world.wrong.append(f"{self.name}: {request.path} came without our key")

    def submitted(self, source: bytes, asked: int, stage: str) -> tuple[Entry, int]:
        """The submission, in the ledger, and the number of its source."""
        fault = self.world.fault(self.name, stage)
        try:
            upper, lower = numbers(source)
        except OSError:
            upper, lower = None, None
        if upper is None or upper != lower:
            self.world.wrong.append(f"{self.name}: a source that is none of the caller's ({upper}, {lower})")
        number = upper or 0
        refused = fault in REFUSALS or (fault == "moderated" and stage == "call" and self.moderates_by_status)
        entry = Entry(self.name, asked, fault, accepted=not refused)
        self.world.ledger[number].append(entry)
        return entry, number

    def made(self, entry: Entry, number: int, size: tuple[int, int], form: str = "png") -> list[bytes]:
        """Its pictures."""
        amount = entry.asked - (entry.fault == "short")
        entry.made = [next(self.world.serials) % NUMBERS for _ in range(amount)]
        return [painted(number, serial, size, form) for serial in entry.made]

    def job(self, entry: Entry, pictures: list[bytes]) -> str:
        """Takes work on, under an id."""
        return self._keep(self._jobs, Job(entry, pictures))

    def link(self, request: web.Request, picture: bytes) -> str:
        """An address at which anybody may fetch a picture."""
        return f"http://{request.host}/files/{self._keep(self._files, picture)}"

    def found(self, request: web.Request) -> Job:
        """The job that is asked after."""
        return self._jobs[request.match_info.get("id") or request.query["id"]]

    def _keep(self, where: dict[str, Any], what: object) -> str:
        name = f"{self.world.chance.getrandbits(64):x}"
        where[name] = what
        self._kept.append((where, name))
        if len(self._kept) > KEPT:
            old, oldest = self._kept.popleft()
            del old[oldest]
        return name

    async def file(self, request: web.Request) -> web.StreamResponse:
        """A picture behind a link, for anybody."""
        if request.headers.keys() & {"authorization", "x-key", "x-goog-api-key"}:
            self.world.wrong.append(f"{self.name}: our key came to a picture's link")
        name = request.match_info["name"]
        fault = "expired" if name in self._expired else self.world.fault(self.name, "link")
        if fault == "expired":
            self._expired.add(name)
        return await self._say(request, Said(self._files[name], "image/png"), fault)

    async def tell(
        self, request: web.Request, document: object, fault: str | None, status: int = 200
    ) -> web.StreamResponse:
        """A reply in JSON."""
        return await self._say(request, Said(json.dumps(document).encode(), status=status), fault)

    async def _say(self, request: web.Request, said: Said, fault: str | None) -> web.StreamResponse:
        if fault in STATUSES:
            return refuse(json.dumps(self.error(STATUSES[fault], fault)).encode(), fault)
        return await say(request, said, fault, self.world.slow)


def _sides(written: str) -> tuple[int, int]:
    width, _, height = written.partition("x")
    return int(width), int(height)


async def _form(request: web.Request) -> tuple[bytes, Mapping[str, str]]:
    """The first file of a form, and its texts."""
    texts, files = {}, []
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            files.append(value.file.read())
        else:
            assert isinstance(value, str)
            texts[name] = value
    return files[0], texts


class Gemini(Vendor):
    """``generateContent``: one picture a call, in base64; it refuses with 200, and now and then says words alone."""

    name = "gemini"
    door = ("x-goog-api-key", KEY)
    moderates_by_status = False

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v1beta/models/{model}:generateContent", self.generate)]

    def error(self, status: int, code: str) -> object:
        names = {429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE", 401: "UNAUTHENTICATED"}
        return {"error": {"code": status, "message": "Sorry.", "status": names.get(status, "INTERNAL")}}

    async def generate(self, request: web.Request) -> web.StreamResponse:
        self.check_key(request)
        body = await request.json()
        (source,) = (part["inlineData"]["data"] for part in body["contents"][0]["parts"] if "inlineData" in part)
        size = SIZES[body["generationConfig"].get("imageConfig", {}).get("aspectRatio", "1:1")]
        entry, number = self.submitted(base64.b64decode(source), 1, "call")
        if entry.fault == "moderated":
            return await self.tell(request, {"candidates": [{"finishReason": "IMAGE_SAFETY", "index": 0}]}, None)
        pictures = self.made(entry, number, size) if entry.accepted else []
        drawn = [
            {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(each).decode()}} for each in pictures
        ]
        parts = [{"text": "Here it is."}, *drawn]
        counts = {"promptTokensDetails": [{"modality": "IMAGE", "tokenCount": 258}]}
        reply = {
            "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}],
            "usageMetadata": counts,
        }
        return await self.tell(request, reply, entry.fault)


class Recraft(Vendor):
    """``variateImage``: up to six in one call, in base64."""

    name = "recraft"

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v1/images/variateImage", self.vary)]

    def error(self, status: int, code: str) -> object:
        return {"code": "image_moderation_failed" if code == "moderated" else code, "message": "Sorry."}

    async def vary(self, request: web.Request) -> web.StreamResponse:
        self.check_key(request)
        source, texts = await _form(request)
        entry, number = self.submitted(source, int(texts["n"]), "call")
        if entry.fault == "moderated":
            return await self.tell(request, self.error(400, "moderated"), None, 400)
        pictures = self.made(entry, number, _sides(texts["size"]), texts["image_format"]) if entry.accepted else []
        data = [{"image_id": str(n), "b64_json": base64.b64encode(each).decode()} for n, each in enumerate(pictures)]
        return await self.tell(request, {"created": 1, "credits": 40, "data": data}, entry.fault)


class OpenAI(Vendor):
    """``images/edits``: up to ten in one call, in base64, with a count of tokens."""

    name = "openai"

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v1/images/edits", self.edit)]

    async def edit(self, request: web.Request) -> web.StreamResponse:
        self.check_key(request)
        source, texts = await _form(request)
        entry, number = self.submitted(source, int(texts["n"]), "call")
        if entry.fault == "moderated":
            refusal = {"type": "image_generation_user_error", "code": "moderation_blocked", "param": None}
            return await self.tell(request, {"error": {"message": "Rejected.", **refusal}}, None, 400)
        size, form = _sides(texts["size"]), texts["output_format"]
        pictures = self.made(entry, number, size, form) if entry.accepted else []
        usage = {
            "output_tokens": 1000 * len(pictures), "input_tokens_details": {"text_tokens": 100, "image_tokens": 300},
        }  # fmt: skip
        data = [{"b64_json": base64.b64encode(each).decode()} for each in pictures]
        return await self.tell(request, {"created": 1, "data": data, "usage": usage}, entry.fault)


class Fal(Vendor):
    """A queue: submit, status, response, links."""

    name = "fal"
    door = ("authorization", f"Key {KEY}")
    moderates_by_status = False
    queue = "/fal-ai/flux-1/requests"

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/fal-ai/flux-1/dev/redux", self.submit),
            web.get(f"{self.queue}/{{id}}/status", self.status),
            web.get(f"{self.queue}/{{id}}", self.response),
            web.put(f"{self.queue}/{{id}}/cancel", self.cancel),
        ]

    def error(self, _status: int, code: str) -> object:
        return {"detail": code}

    async def submit(self, request: web.Request) -> web.StreamResponse:
        self.check_key(request)
        body = await request.json()
        source = base64.b64decode(body["image_url"].partition(",")[2])
        entry, number = self.submitted(source, body.get("num_images", 1), "job")
        if not entry.accepted:
            return await self.tell(request, {}, entry.fault)
        size = (body["image_size"]["width"], body["image_size"]["height"])
        job = self.job(entry, self.made(entry, number, size, body["output_format"]))
        address = f"http://{request.host}{self.queue}/{job}"
        told = {
            "request_id": job, "status": "IN_QUEUE", "queue_position": 0, "status_url": f"{address}/status",
            "response_url": address, "cancel_url": f"{address}/cancel",
        }  # fmt: skip
        return await self.tell(request, told, entry.fault)

    async def status(self, request: web.Request) -> web.StreamResponse:
        self.check_key(request)
        job = self.found(request)
        job.polls += 1
        status = "IN_QUEUE" if job.polls == 1 else "IN_PROGRESS" if job.entry.fault == "never_ends" else "COMPLETED"
        fault = self.world.fault(self.name, "poll")
        return await self.tell(request, {"status": status}, fault, 200 if status == "COMPLETED" else 202)

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        self.check_key(request)
        self.found(request).entry.cancelled = True
        return await self.tell(request, {"status": "CANCELLATION_REQUESTED"}, None, 202)

    async def response(self, request: web.Request) -> web.StreamResponse:
        self.check_key(request)
        job = self.found(request)
        if job.entry.fault in {"moderated", "job_failed"}:
            kind = "content_policy_violation" if job.entry.fault == "moderated" else "generation_failed"
            return await self.tell(request, {"detail": [{"loc": ["body"], "msg": "Sorry.", "type": kind}]}, None, 422)
        images = [{"url": self.link(request, each), "content_type": "image/png"} for each in job.pictures]
        told = {"images": images, "has_nsfw_concepts": [False] * len(images), "prompt": ""}
        return await self.tell(request, told, self.world.fault(self.name, "poll"))


class BlackForestLabs(Vendor):
    """Jobs of one picture, asked after at an address that the reply gives; a link at the end."""

    name = "bfl"
    door = ("x-key", KEY)
    moderates_by_status = False

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v1/flux-2-pro", self.submit), web.get("/v1/get_result", self.result)]

    def error(self, _status: int, code: str) -> object:
        return {"detail": code}

    async def submit(self, request: web.Request) -> web.StreamResponse:
        self.check_key(request)
        body = await request.json()
        entry, number = self.submitted(base64.b64decode(body["input_image"]), 1, "job")
        if not entry.accepted:
            return await self.tell(request, {}, entry.fault)
        pictures = self.made(entry, number, (body["width"], body["height"]), body["output_format"])
        job = self.job(entry, pictures)
        told = {"id": job, "polling_url": f"http://{request.host}/v1/get_result?id={job}", "cost": 4.5}
        return await self.tell(request, told, entry.fault)

    async def result(self, request: web.Request) -> web.StreamResponse:
        self.check_key(request)
        job = self.found(request)
        job.polls += 1
        ends = {"moderated": "Content Moderated", "job_failed": "Error", "never_ends": "Pending"}
        status = "Pending" if job.polls == 1 else ends.get(job.entry.fault or "", "Ready")
        result = {"sample": self.link(request, job.pictures[0])} if status == "Ready" and job.pictures else None
        fault = self.world.fault(self.name, "poll")
        return await self.tell(request, {"id": job.entry.vendor, "status": status, "result": result}, fault)


VENDORS = (Gemini, Recraft, Fal, OpenAI, BlackForestLabs)
