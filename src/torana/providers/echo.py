"""The provider ``echo``: the source comes back, resized. For tests and first steps."""

from collections.abc import Mapping
from decimal import Decimal

from torana.core.exchange import Context, Reply, Target
from torana.families.images import VARIATIONS, ImageRequest, Pictures
from torana.providers.base import Declaration, Lent, Operation
from torana.providers.imaging.ability import FREE, Ability, free
from torana.providers.sizes import chosen_size

MODEL = "echo"


class Echo:
    """Answers with what it was sent."""

    def __init__(self, lent: Lent) -> None:
        self._lent = lent
        self.operations: Mapping[str, Operation] = {VARIATIONS.operation: self.vary}

    async def vary(self, request: ImageRequest, _model: str, _context: Context) -> Reply[Pictures]:
        """The first source at the size asked for, n times."""
        source = request.images[0]
        size = chosen_size(request.size, source.info.size)
        picture = await self._lent.fitted(source, size=size, output_format=request.output_format)
        body = Pictures(int(self._lent.clock.now()), (picture,) * request.n)
        ignored = tuple(sorted(request.extensions - {"output_format"}))
        return Reply(body, emulated=("variation",), ignored=ignored, usage=free(request.n))

    def worst(self, _request: ImageRequest, _target: Target) -> Decimal | None:
        """Nothing, whatever is asked for."""
        return Decimal(0)


DECLARATIONS = (
    Declaration(
        type="echo",
        summary="Returns the source, resized. For tests and first steps.",
        build=lambda _account, _key, lent: Echo(lent),
        abilities={MODEL: Ability(frozenset({VARIATIONS.operation}), most=10, sources=16, prompted=False, price=FREE)},
        alone="echo",
    ),
)
