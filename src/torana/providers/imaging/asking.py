"""From a client's request to the upstream calls that serve it, each within the model's ability. Pure."""

import math
from collections.abc import Mapping

from msgspec import Struct, structs

from torana.config.upstreams import Prompts
from torana.core.content import Size
from torana.core.errors import InvalidRequest
from torana.core.exchange import Context
from torana.dialects.steps import Ask
from torana.families.images import DEFAULT_STRENGTH, EDIT, OUTPUT_FORMATS, VARY, ImageRequest
from torana.media.jobs.preparing import Demands
from torana.providers.imaging.ability import Ability
from torana.providers.imaging.canvas import AnySize, Canvas, Chosen

_CLOSE, _BOLD = 0.35, 0.65
_MEGAPIXEL = 1024 * 1024


class Asking(Struct, frozen=True):
    """The calls to make, still without their pictures, and what the client should know of them."""

    asks: tuple[Ask, ...]
    demands: Demands
    sources: int
    """How many of the client's pictures go along."""
    kind: str
    """Which of the model's prices applies."""
    emulated: tuple[str, ...]
    ignored: tuple[str, ...]


def asking(
    request: ImageRequest,
    ability: Ability,
    model: str,
    *,
    context: Context,
    prompts: Prompts,
    options: Mapping[str, str],
) -> Asking:
    """What to ask the upstream for; InvalidRequest where leaving something out would change what is asked."""
    _refuse_what_cannot_be_left_out(request, ability, model)
    like = request.images[0].info.size if request.images and request.size is None else None
    chosen = choose(request.size, like, ability.canvas)
    is_variation = request.operation == VARY
    words = _words(request, context, prompts) if ability.prompted else ""
    wishes = request.wishes and {name: value for name, value in request.wishes.items() if name in ability.wishes}
    ask = Ask(
        operation=request.operation,
        model=model,
        n=min(request.n, ability.most),
        prompt=request.prompt or words,
        size=chosen.size,
        ratio=chosen.ratio,
        resolution=chosen.resolution,
        seed=_seed(request, ability, 0),
        strength=_strength(request, ability),
        output_format=_format(request, ability),
        partials=request.partial_images if request.stream and ability.partial else 0,
        user=request.user,
        wishes=wishes,
        parameters=context.parameters,
        options=options,
    )
    asks = (ask,) if request.n <= ability.most else _each(ask, request, ability)
    sources = min(len(request.images), ability.sources)
    told_in_words = is_variation and ability.prompted and ability.strength is None
    emulated = (
        *(("prompt",) if is_variation and ability.prompted else ()),
        *(("strength",) if told_in_words and request.strength is not None else ()),
        *(("fan-out",) if len(asks) > 1 else ()),
    )
    return Asking(
        asks=asks,
        demands=_demands(ability, chosen, sources),
        sources=sources,
        kind=ability.kind(wishes, chosen.resolution),
        emulated=emulated,
        ignored=_ignored(request, ability),
    )


def choose(size: Size | None, like: Size | None, canvas: Canvas) -> Chosen:
    """What to ask a canvas for: the nearest to a size, else to the shape of a source, else nothing."""
    if isinstance(canvas, AnySize):
        return Chosen(size=size)
    wanted = size or (_moderate(like) if like else None)
    return Chosen() if wanted is None else canvas.nearest(wanted)


def _refuse_what_cannot_be_left_out(request: ImageRequest, ability: Ability, model: str) -> None:
    if request.operation != VARY and request.prompt is None:
        raise InvalidRequest("Missing required parameter: 'prompt'.", param="prompt", code="missing_required_parameter")
    if request.mask is not None and not ability.mask:
        raise InvalidRequest(f"The model '{model}' takes no mask.", param="mask", code="unsupported_parameter")
    if request.operation == EDIT and len(request.images) > ability.sources:
        raise InvalidRequest(
            f"The model '{model}' takes {ability.sources} image(s) at most, not {len(request.images)}.", param="image"
        )


def _demands(ability: Ability, chosen: Chosen, sources: int) -> Demands:
    """What each of so many sources must be like."""
    demands = ability.demands
    share = ability.most_bytes // max(sources, 1)
    if chosen.source is None and share >= demands.max_bytes:
        return demands
    return structs.replace(demands, max_bytes=min(demands.max_bytes, share), exact=chosen.source or demands.exact)


def _moderate(size: Size) -> Size:
    """A shape at no more than a megapixel: who leaves the size to the model has not asked for the dearest."""
    scale = min(1.0, math.sqrt(_MEGAPIXEL / size.pixels))
    return Size(max(1, round(size.width * scale)), max(1, round(size.height * scale)))


def _words(request: ImageRequest, context: Context, prompts: Prompts) -> str:
    if context.prompt is not None:
        return context.prompt
    strength = DEFAULT_STRENGTH if request.strength is None else request.strength
    if strength < _CLOSE:
        return prompts.close
    return prompts.bold if strength > _BOLD else prompts.usual


def _strength(request: ImageRequest, ability: Ability) -> float | None:
    if ability.strength is None or not request.images:
        return None
    return ability.strength.of(DEFAULT_STRENGTH if request.strength is None else request.strength)


def _format(request: ImageRequest, ability: Ability) -> str | None:
    """The format that spares a conversion; where the client does not care, the first that loses nothing."""
    if not ability.formats:
        return None
    preferred = (request.output_format, *OUTPUT_FORMATS)
    return next((name for name in preferred if name in ability.formats), None)


def _each(ask: Ask, request: ImageRequest, ability: Ability) -> tuple[Ask, ...]:
    """One ask for each upstream call; each has a seed of its own, so that no two make the same pictures."""
    calls = math.ceil(request.n / ability.most)
    counts = [min(ability.most, request.n - ability.most * call) for call in range(calls)]
    seeds = [_seed(request, ability, call) for call in range(calls)]
    return tuple([structs.replace(ask, n=count, seed=seed) for count, seed in zip(counts, seeds, strict=True)])


def _seed(request: ImageRequest, ability: Ability, call: int) -> int | None:
    if request.seed is None or ability.most_seed is None:
        return None
    return (request.seed + call * ability.most) % (ability.most_seed + 1)


def _ignored(request: ImageRequest, ability: Ability) -> tuple[str, ...]:
    names = {f"image[{index}]" for index in range(ability.sources, len(request.images))}
    if request.seed is not None and ability.most_seed is None:
        names.add("seed")
    if request.strength is not None and ability.strength is None and not ability.prompted:
        names.add("strength")
    if request.wishes:
        names |= request.wishes.keys() - ability.wishes
    return tuple(sorted(names))
