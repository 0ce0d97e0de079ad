from collections.abc import AsyncIterator
from typing import Annotated

import pytest
from msgspec import Meta, Struct

from torana.admin.reading import collected, read_body, read_path, read_query
from torana.config.units import Seconds
from torana.core.errors import InvalidRequest, TooLarge


class Inner(Struct, forbid_unknown_fields=True):
    deep: int = 0


class Shape(Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=2)]
    inner: Inner | None = None
    names: tuple[str, ...] = ()
    wait: Seconds = Seconds(1)


class Asked(Struct, forbid_unknown_fields=True):
    limit: Annotated[int, Meta(ge=1)] = 5
    name: str | None = None


def test_what_is_right() -> None:
    assert read_body(b'{"name": "ab", "wait": "2m"}', Shape) == Shape("ab", wait=Seconds(120))
    assert read_body(b"", Asked) == Asked()
    assert read_query([("limit", "7")], Asked) == Asked(7)
    assert read_path({"name": "a/b"}) == {"name": "a/b"}


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        (b"{}", "name", "The field `name` is missing."),
        (b'{"name": "a"}', "name", "length >= 2"),
        (b'{"name": 7}', "name", "Expected `str`, got `int`"),
        (b'{"name": "ab", "nmae": 1}', "nmae", "There is no field `nmae` here."),
        (b'{"name": "ab", "inner": {"deap": 1}}', "inner.deap", "There is no field `inner.deap` here."),
        (b'{"name": "ab", "inner": {"deep": "x"}}', "inner.deep", "Expected `int`"),
        (b'{"name": "ab", "names": ["a", 1]}', "names[1]", "Expected `str`"),
        (b'{"name": "ab", "wait": "soon"}', "wait", "a duration such as 30s, 5m or 1h"),
        (b"[]", None, "Expected `object`, got `array`"),
        (b"{", None, "not valid JSON"),
        (b'{"name": "\xff"}', None, "not valid JSON"),
    ],
)
def test_mistakes_in_a_body_name_their_field(body: bytes, field: str | None, says: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_body(body, Shape)
    assert refused.value.param == field
    assert says in refused.value.message


def test_a_body_that_goes_deeper_than_anybody_reads() -> None:
    with pytest.raises(InvalidRequest, match="not valid JSON"):
        read_body(b'{"a": ' + b"[" * 100_000, dict)


@pytest.mark.parametrize(
    ("pairs", "field", "says"),
    [
        ([("limit", "0")], "limit", ">= 1"),
        ([("limit", "many")], "limit", "Expected `int`"),
        ([("limt", "1")], "limt", "There is no parameter `limt` here."),
        ([("name", "a"), ("name", "b")], "name", "`name` is given twice."),
        ([("name", "a\x1b[2J")], "name", "none of them invisible"),
        ([("name", "a" * 2000)], "name", "1 to 1,024 characters"),
        ([("n\x00", "a")], "n?", "There is no parameter `n?` here."),
    ],
)
def test_mistakes_in_a_query_name_their_parameter(pairs: list[tuple[str, str]], field: str, says: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_query(pairs, Asked)
    assert refused.value.param == field
    assert says in refused.value.message


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 1025])
def test_names_in_a_path(name: str) -> None:
    with pytest.raises(InvalidRequest):
        read_path({"name": name})


async def test_a_body_is_not_read_beyond_its_bound() -> None:
    read: list[int] = []

    async def chunks() -> AsyncIterator[bytes]:
        for number in range(100):
            read.append(number)
            yield b"x" * 10

    with pytest.raises(TooLarge, match="larger than 25 bytes"):
        await collected(chunks(), 25)
    assert read == [0, 1, 2]
    assert len(await collected(chunks(), 1000)) == 1000
