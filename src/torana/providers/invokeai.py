"""InvokeAI: a graph of the operator's for a model, or image to image with its SD and SDXL models, on your own machine.

Source: its source, 6.14.2.
"""

from collections.abc import Generator, Mapping
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, urlencode

from msgspec import Struct, to_builtins

from torana.core.errors import InvalidImage, ToranaError, UpstreamRejected
from torana.dialects.multipart import form_message
from torana.dialects.openai_images import decode_fault
from torana.dialects.refusals import job_failed
from torana.dialects.steps import Ask, Drawn, Poll, Received, Send, Sent, Steps, empty, get, json_message
from torana.families.images import EDIT, GENERATE, VARY
from torana.providers.imaging import graphs
from torana.providers.imaging.graphs import Graph
from torana.providers.imaging.vendor import Vendor

_WAITING: Final = frozenset({"pending", "in_progress", "waiting"})
_DONE: Final = "completed"
_QUEUE: Final = "/api/v1/queue/default"
_SETTINGS: Final = {"$steps": 30, "$cfg": 6.0, "$scheduler": "euler"}
"""Of our own graphs, where the target has no parameter of that name."""
_PLAIN_BASES: Final = frozenset({"sd-1", "sd-2"})
_XL_BASE: Final = "sdxl"


class _Named(Struct):
    image_name: str


class _Model(Struct):
    key: str
    hash: str
    name: str
    base: str
    type: str


class _Models(Struct):
    models: list[_Model]


class _Queued(Struct):
    item_ids: list[int]


class _Node(Struct):
    is_intermediate: bool = False


class _Nodes(Struct):
    nodes: dict[str, _Node] = {}


class _Result(Struct):
    image: _Named | None = None


class _Session(Struct):
    results: dict[str, _Result] = {}
    execution_graph: _Nodes | None = None


class _Item(Struct):
    status: str
    session: _Session | None = None


def draw(ask: Ask, own: Mapping[str, Graph]) -> Steps:
    """Upload the pictures, queue the graph, ask after it until it ends, fetch what it made to be kept."""
    graph, model = own.get(ask.model), None
    if graph is None:
        model = yield from _model(ask.model)
        graph = _graph(xl=model.base == _XL_BASE, from_picture=bool(ask.sources))
    graphs.check_mask(graph, ask)
    names: list[str] = []
    for picture in (*ask.sources, ask.mask) if ask.mask else ask.sources:
        names += [(yield from _upload(picture))]
    uploaded = tuple(names)
    mask = names.pop() if ask.mask else None
    values = _SETTINGS | graphs.values(ask, names, mask) | ({graphs.MODEL: to_builtins(model)} if model else {})
    batch = {"graph": graph.filled(values), "runs": 1}
    queued = yield Send(json_message("POST", f"{_QUEUE}/enqueue_batch", {"batch": batch}), submits=True)
    pictures: list[bytes] = []
    for number in queued.read(_Queued).item_ids:
        for name in (yield from _made(number, uploaded)):
            pictures += [(yield Send(get(f"/api/v1/images/i/{quote(name, safe='')}/full"))).body]
    if not pictures:
        raise empty()
    return Drawn(tuple(pictures))


def fault(received: Received) -> ToranaError:
    """What an error means: a picture that it cannot read is of no media type to it."""
    if received.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        return InvalidImage("The upstream cannot use this picture.", code="image_parse_error")
    return decode_fault(received)


def _model(name: str) -> Generator[Send, Received, _Model]:
    """The model of that name, as graphs name models."""
    query = urlencode({"model_type": "main", "model_name": name})
    found = (yield Send(get(f"/api/v2/models/?{query}"))).read(_Models).models
    usable = [model for model in found if model.base in {*_PLAIN_BASES, _XL_BASE}]
    if not usable:
        raise UpstreamRejected("The upstream has no SD or SDXL model of this name, and the gateway no graph for it.")
    return usable[0]


def _upload(picture: Sent) -> Generator[Send, Received, str]:
    """Gives the name that the server has for the picture."""
    path = "/api/v1/images/upload?image_category=user&is_intermediate=true"
    return (yield Send(form_message(path, (), [("file", picture)]))).read(_Named).image_name


def _made(number: int, uploaded: tuple[str, ...]) -> Generator[Poll, Received, list[str]]:
    """The names of the pictures that an item of the queue made, without those made on the way, once it has ended."""
    poll = Poll(get(f"{_QUEUE}/i/{number}"))
    item = (yield poll).read(_Item)
    while item.status in _WAITING:
        item = (yield poll).read(_Item)
    if item.status != _DONE:
        raise job_failed()
    session = item.session or _Session()
    nodes = session.execution_graph.nodes if session.execution_graph else {}
    kept = [result.image for node, result in session.results.items() if not nodes.get(node, _Node()).is_intermediate]
    return [image.image_name for image in kept if image is not None and image.image_name not in uploaded]


def _graph(*, xl: bool, from_picture: bool) -> Graph:
    """What a model makes of a picture, if there is one, and of words."""
    loader, prompt = ("sdxl_model_loader", "sdxl_compel_prompt") if xl else ("main_model_loader", "compel")
    sizes = {"width": graphs.WIDTH, "height": graphs.HEIGHT}
    nodes: dict[str, dict[str, object]] = {
        "model": {"type": loader, "model": graphs.MODEL},
        "words": {"type": prompt, "prompt": graphs.PROMPT},
        "against": {"type": prompt, "prompt": graphs.NEGATIVE},
        "noise": {"type": "noise", "seed": graphs.SEED, **sizes},
        "denoise": {
            "type": "denoise_latents",
            "steps": "$steps",
            "cfg_scale": "$cfg",
            "scheduler": "$scheduler",
            "denoising_start": graphs.START if from_picture else 0.0,
        },
        "result": {"type": "l2i", "is_intermediate": False},
    }
    edges = [
        "model.unet denoise.unet", "model.vae result.vae", "model.clip words.clip", "model.clip against.clip",
        "words.conditioning denoise.positive_conditioning", "against.conditioning denoise.negative_conditioning",
        "noise.noise denoise.noise", "denoise.latents result.latents",
    ]  # fmt: skip
    if xl:
        edges += ["model.clip2 words.clip2", "model.clip2 against.clip2"]
    if from_picture:
        nodes["scaled"] = {
            "type": "img_resize",
            "image": {"image_name": graphs.SOURCE},
            "is_intermediate": True,
            **sizes,
        }
        nodes["encoded"] = {"type": "i2l"}
        edges += ["scaled.image encoded.image", "model.vae encoded.vae", "encoded.latents denoise.latents"]
    named = {name: {"id": name, **node} for name, node in nodes.items()}
    return Graph({"nodes": named, "edges": [_edge(written) for written in edges]})


def _edge(written: str) -> Mapping[str, Mapping[str, str]]:
    ends = [end.split(".") for end in written.split(" ")]
    source, destination = ({"node_id": node, "field": field} for node, field in ends)
    return {"source": source, "destination": destination}


_PLAIN = replace(
    _graph(xl=True, from_picture=True).ability(),
    operations=frozenset({VARY, EDIT, GENERATE}),
    # Its models want a description or nothing: instructions mean nothing to them.
    prompted=False,
)

VENDOR = Vendor(
    type="invokeai",
    summary="InvokeAI, on a machine of your own: a graph of yours for each model, or SD and SDXL image to image.",
    draw=partial(draw, own={}),
    fault=fault,
    abilities={"*": _PLAIN},
    options={
        "graphs": "Folder of graphs as its API takes them, with `nodes` and `edges`: MODEL.json for each model "
        f"that has one. {graphs.HELP}",
    },
    needs=frozenset(),
    note="Models without a graph are SD and SDXL models, by their names in its model manager. What it makes stays "
    "in its gallery.",
)


DECLARATIONS = (graphs.declared_with_graphs(VENDOR, draw),)
