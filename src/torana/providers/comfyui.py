"""ComfyUI: whatever graph of nodes the operator has for a model, or a plain one of ours, on a machine of your own.

Source: the server's routes and its examples of scripts; the fields of its history are recalled.
"""

import secrets
from collections.abc import Generator, Mapping
from dataclasses import replace
from functools import partial
from typing import Final
from urllib.parse import quote, urlencode

from msgspec import Struct

from torana.dialects.multipart import form_message
from torana.dialects.refusals import job_failed
from torana.dialects.steps import Ask, Drawn, Poll, Received, Send, Sent, Steps, empty, get, json_message
from torana.families.images import EDIT, GENERATE, VARY
from torana.providers.imaging import graphs
from torana.providers.imaging.graphs import Graph
from torana.providers.imaging.vendor import Vendor

_FOLDER: Final = "torana"
"""Where uploads are kept in the server's folder for input."""
_FAILED: Final = "error"
_SETTINGS: Final = {"$steps": 25, "$cfg": 6.0, "$sampler": "euler", "$scheduler": "normal"}
"""Of our own graphs, where the target has no parameter of that name."""


def _graph(latent: Mapping[str, object], denoise: object) -> Graph:
    """What a checkpoint makes of a latent picture and of words."""
    return Graph({
        "model": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": graphs.MODEL}},
        "words": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["model", 1], "text": graphs.PROMPT}},
        "against": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["model", 1], "text": graphs.NEGATIVE}},
        **latent,
        "sampler": {
            "class_type": "KSampler",
            "inputs": {
                "model": ["model", 0],
                "positive": ["words", 0],
                "negative": ["against", 0],
                "latent_image": ["latent", 0],
                "seed": graphs.SEED,
                "steps": "$steps",
                "cfg": "$cfg",
                "sampler_name": "$sampler",
                "scheduler": "$scheduler",
                "denoise": denoise,
            },
        },
        "picture": {"class_type": "VAEDecode", "inputs": {"samples": ["sampler", 0], "vae": ["model", 2]}},
        "result": {"class_type": "SaveImage", "inputs": {"images": ["picture", 0], "filename_prefix": "torana"}},
    })  # fmt: skip


_FROM_WORDS = _graph(
    {
        "latent": {
            "class_type": "EmptyLatentImage",
            "inputs": {"width": graphs.WIDTH, "height": graphs.HEIGHT, "batch_size": graphs.COUNT},
        }
    },
    1.0,
)
_FROM_PICTURE = _graph(
    {
        "source": {"class_type": "LoadImage", "inputs": {"image": graphs.SOURCE}},
        "scaled": {
            "class_type": "ImageScale",
            "inputs": {
                "image": ["source", 0],
                "upscale_method": "lanczos",
                "width": graphs.WIDTH,
                "height": graphs.HEIGHT,
                "crop": "center",
            },
        },
        "encoded": {"class_type": "VAEEncode", "inputs": {"pixels": ["scaled", 0], "vae": ["model", 2]}},
        "latent": {"class_type": "RepeatLatentBatch", "inputs": {"samples": ["encoded", 0], "amount": graphs.COUNT}},
    },
    graphs.STRENGTH,
)


class _Uploaded(Struct):
    name: str
    subfolder: str = ""


class _Job(Struct):
    prompt_id: str


class _File(Struct):
    filename: str
    subfolder: str = ""
    type: str = "output"


class _Output(Struct):
    images: list[_File] = []


class _Status(Struct):
    status_str: str = ""


class _Entry(Struct):
    outputs: dict[str, _Output] = {}
    status: _Status | None = None


def draw(ask: Ask, own: Mapping[str, Graph]) -> Steps:
    """Upload the pictures, queue the graph, ask after it until it is in the history, fetch what it saved."""
    graph = own.get(ask.model, _FROM_PICTURE if ask.sources else _FROM_WORDS)
    graphs.check_mask(graph, ask)
    names: list[str] = []
    for picture in (*ask.sources, ask.mask) if ask.mask else ask.sources:
        names += [(yield from _upload(picture))]
    mask = names.pop() if ask.mask else None
    prompt = graph.filled(_SETTINGS | graphs.values(ask, names, mask))
    job = (yield Send(json_message("POST", "/prompt", {"prompt": prompt}), submits=True)).read(_Job)
    undo = Send(json_message("POST", "/queue", {"delete": [job.prompt_id]}))
    poll = Poll(get(f"/history/{quote(job.prompt_id, safe='')}"), undo=undo)
    history: dict[str, _Entry] = {}
    while job.prompt_id not in history:
        history = (yield poll).read(dict[str, _Entry])
    pictures: list[bytes] = []
    for file in _files(history[job.prompt_id])[: ask.n]:
        where = {"filename": file.filename, "subfolder": file.subfolder, "type": file.type}
        pictures += [(yield Send(get(f"/view?{urlencode(where)}"))).body]
    return Drawn(tuple(pictures))


def _upload(picture: Sent) -> Generator[Send, Received, str]:
    """Gives the name that the server has for the picture."""
    # In one folder for all, the server would look for a free name for ever longer.
    fields = {"type": "input", "subfolder": f"{_FOLDER}/{secrets.token_hex(8)}"}
    uploaded = (yield Send(form_message("/upload/image", fields.items(), [("image", picture)]))).read(_Uploaded)
    return f"{uploaded.subfolder}/{uploaded.name}".lstrip("/")


def _files(entry: _Entry) -> list[_File]:
    """What was saved, else what was shown on the way."""
    if entry.status is not None and entry.status.status_str == _FAILED:
        raise job_failed()
    files = [file for output in entry.outputs.values() for file in output.images]
    saved = [file for file in files if file.type == "output"]
    if not files:
        raise empty()
    return saved or files


# Checkpoints want a description or nothing: instructions mean nothing to them.
_PLAIN = replace(_FROM_PICTURE.ability(), operations=frozenset({VARY, EDIT, GENERATE}), prompted=False)

VENDOR = Vendor(
    type="comfyui",
    summary="ComfyUI, on a machine of your own: a graph of yours for each model, or image to image with a checkpoint.",
    draw=partial(draw, own={}),
    abilities={"*": _PLAIN},
    options={"graphs": f"Folder of graphs in API format: MODEL.json for each model that has one. {graphs.HELP}"},
    needs=frozenset(),
    note="Models without a graph are checkpoints, by the names of their files. Every call leaves its sources in the "
    f"server's folder `input/{_FOLDER}`, and it has no sign-in: keep it on a private network.",
)


DECLARATIONS = (graphs.declared_with_graphs(VENDOR, draw),)
