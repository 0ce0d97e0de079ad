import base64
import json
import tracemalloc
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.families.sent import Sent
from torana.core.content import Picture, PictureInfo, Size
from torana.core.errors import InvalidImage, InvalidRequest
from torana.core.exchange import Reply
from torana.families.base import Body, Form
from torana.families.images import MAX_SEED, VARIATIONS, ImageRequest, Pictures
from torana.families.images.variations import FIELDS, read_variation

IMAGE = Sent()
INFO = PictureInfo("png", Size(1, 1))
SCHEMAS = {field.name: field.schema for field in FIELDS}


def form(*fields: tuple[str, str]) -> Form:
    return Form((("model", "vary"), *fields), (("image", IMAGE),))


def refused(*fields: tuple[str, str]) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        read_variation(form(*fields))
    return caught.value


def test_a_request_with_nothing_but_the_needful():
    assert read_variation(form()) == ImageRequest("vary", (IMAGE,))
    assert ImageRequest("vary", (IMAGE,)) == ImageRequest(
        model="vary", images=(IMAGE,), n=1, size=Size(1024, 1024), response_format="url", output_format="png"
    )


def test_a_request_with_everything():
    fields = {
        "n": "3",
        "size": "256x512",
        "response_format": "b64_json",
        "user": "u-1",
        "seed": "7",
        "strength": "0.25",
        "output_format": "webp",
    }
    assert read_variation(form(*fields.items())) == ImageRequest(
        model="vary",
        images=(IMAGE,),
        n=3,
        size=Size(256, 512),
        response_format="b64_json",
        user="u-1",
        seed=7,
        strength=0.25,
        output_format="webp",
        extensions=frozenset({"seed", "strength", "output_format"}),
    )


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        *(("n", "1", 1), ("n", "10", 10), ("n", "+3", 3), ("n", " 2 ", 2), ("n", "007", 7)),
        *(("size", "1x1", Size(1, 1)), ("size", "8192x4096", Size(8192, 4096)), ("size", "auto", None)),
        *(("response_format", "url", "url"), ("response_format", "b64_json", "b64_json")),
        *(("user", " u 1 ", "u 1"), ("user", "\u00fc", "\u00fc")),
        *(("seed", "0", 0), ("seed", "+0", 0), ("seed", str(MAX_SEED), 2**63 - 1)),
        *(("strength", "0", 0.0), ("strength", "1", 1.0), ("strength", ".5", 0.5), ("strength", "1.", 1.0)),
        *(("strength", "1e-3", 0.001), ("strength", "+0.5", 0.5), ("strength", "10E-1", 1.0)),
        *(("output_format", "png", "png"), ("output_format", "jpeg", "jpeg"), ("output_format", "webp", "webp")),
    ],
)
def test_values(name, text, value):
    assert getattr(read_variation(form((name, text))), name) == value


@pytest.mark.parametrize(
    ("name", "text", "code", "message"),
    [
        ("n", "0", "integer_below_min_value", "'n' must be between 1 and 10, not 0."),
        ("n", "-1", "integer_below_min_value", "'n' must be between 1 and 10, not -1."),
        ("n", "11", "integer_above_max_value", "'n' must be between 1 and 10, not 11."),
        ("n", "1.5", "invalid_type", "'n' must be a whole number between 1 and 10."),
        ("n", "two", "invalid_type", "'n' must be a whole number between 1 and 10."),
        ("n", "\u0663", "invalid_type", "'n' must be a whole number between 1 and 10."),
        ("n", "1_0", "invalid_type", "'n' must be a whole number between 1 and 10."),
        ("n", "9" * 5000, "invalid_type", "'n' must be a whole number between 1 and 10."),
        ("seed", "-1", "integer_below_min_value", f"'seed' must be between 0 and {2**63 - 1}, not -1."),
        ("seed", str(2**63), "integer_above_max_value", f"'seed' must be between 0 and {2**63 - 1}, not {2**63}."),
        ("seed", "1e3", "invalid_type", f"'seed' must be a whole number between 0 and {2**63 - 1}."),
        ("response_format", "URL", "invalid_value", "'response_format' must be one of 'url', 'b64_json'."),
        ("response_format", "png", "invalid_value", "'response_format' must be one of 'url', 'b64_json'."),
        ("output_format", "gif", "invalid_value", "'output_format' must be one of 'png', 'webp', 'jpeg'."),
    ],
)
def test_values_that_are_refused(name, text, code, message):
    error = refused((name, text))
    assert (error.status, error.param, error.code, error.message) == (400, name, code, message)


@pytest.mark.parametrize(
    "text",
    [
        *("0x5", "5x0", "12x", "x12", "-1x2", "1x-2", "1.5x2", "12", "AUTO", "512X512", "512 x 512", "512*512"),
        *("0512x512", "1000000x1", "1x1x1", "\u0663x\u0663", "1\u00d71", "large"),
    ],
)
def test_sizes_that_are_refused(text):
    error = refused(("size", text))
    told = "'size' must be 'auto' or WIDTHxHEIGHT in pixels, for instance '1024x1024'."
    assert (error.param, error.code, error.message) == ("size", "invalid_value", told)


@pytest.mark.parametrize(
    "text",
    [
        "nan",
        "inf",
        "-inf",
        "1.01",
        "-0.1",
        "-0",
        "1e1",
        "1e99",
        "1e999",
        ".",
        "e1",
        "0,5",
        "0x1",
        "1_0",
        "\u0660",
        "half",
    ],
)
def test_strengths_that_are_refused(text):
    error = refused(("strength", text))
    told = "'strength' must be a number between 0 (a copy) and 1 (unrelated)."
    assert (error.param, error.code, error.message) == ("strength", "invalid_value", told)


SCALARS = [field.name for field in FIELDS if field.name not in {"model", "image"}]


@pytest.mark.parametrize("name", SCALARS)
@pytest.mark.parametrize("text", ["", " ", "\t\r\n"])
def test_empty_text_is_no_text(name, text):
    assert read_variation(form((name, text))) == read_variation(form())


@pytest.mark.parametrize("name", [*SCALARS, "model"])
@pytest.mark.parametrize("text", ["", "1"])
def test_a_field_that_is_sent_twice(name, text):
    error = refused((name, "1"), (name, text))
    assert (error.param, error.code) == (name, "duplicate_parameter")
    assert error.message == f"'{name}' was sent more than once."


@pytest.mark.parametrize("fields", [(), (("model", ""),), (("model", "  "),)])
def test_no_model(fields):
    with pytest.raises(InvalidRequest) as caught:
        read_variation(Form(fields, (("image", IMAGE),)))
    assert (caught.value.param, caught.value.code) == ("model", "missing_required_parameter")
    assert caught.value.message == "Missing required parameter: 'model'."


def test_the_length_of_a_models_name():
    longest = "m" * 256
    assert read_variation(Form((("model", longest),), (("image", IMAGE),))).model == longest
    with pytest.raises(InvalidRequest, match="'model' has more than 256 characters") as caught:
        read_variation(Form((("model", longest + "m"),), (("image", IMAGE),)))
    assert caught.value.param == "model"


@pytest.mark.parametrize("given_fields", [(), (("image", "https://x.example/a.png"),)])
def test_no_image(given_fields):
    with pytest.raises(InvalidImage, match="Send the picture as a file part named 'image'") as caught:
        read_variation(Form((("model", "vary"), *given_fields), (("mask", IMAGE),)))
    assert (caught.value.param, caught.value.code) == ("image", "missing_required_parameter")


def test_images_stay_in_the_order_they_came():
    files = [Sent(data=bytes([number])) for number in range(3)]
    asked = read_variation(Form((("model", "vary"),), tuple(("image", file) for file in files)))
    assert asked.images == tuple(files)


def test_unknown_fields_are_told_once_each_in_the_order_they_came():
    asked = read_variation(form(("prompt", "a"), ("n", "2"), ("b", ""), ("prompt", "c"), ("a", "x")))
    assert VARIATIONS.ignored(asked) == ("prompt", "b", "a")


def test_only_extensions_that_say_something_count_as_sent():
    asked = read_variation(form(("seed", "1"), ("strength", " "), ("n", "1")))
    assert asked.extensions == {"seed"}


@given(
    st.sampled_from([*SCALARS, "model"]), st.one_of(st.text(), st.text(st.sampled_from("0123456789x+-.eE autonif_")))
)
def test_any_text_is_taken_or_refused_by_name(name, text):
    others = [] if name == "model" else [("model", "vary")]
    try:
        read_variation(Form((*others, (name, text)), (("image", IMAGE),)))
    except InvalidRequest as error:
        refused_field = error.param
    else:
        return
    assert refused_field == name


@given(st.from_regex(str(SCHEMAS["size"]["pattern"]), fullmatch=True))
def test_every_size_that_the_contract_allows_is_taken(text):
    assume(text == "auto" or all(int(side) <= 4096 for side in text.split("x")))
    size = read_variation(form(("size", text))).size
    assert (str(size) if size else "auto") == text


@pytest.mark.parametrize("text", ["8193x1", "1x8193", "8192x4097", "99999x99999"])
def test_a_size_that_no_model_makes_is_refused_before_anything_is_spent(text):
    error = refused(("size", text))
    assert (error.param, error.code) == ("size", "invalid_value")
    assert "at most 8,192" in error.message


@pytest.mark.parametrize("name", ["n", "seed", "strength"])
@pytest.mark.parametrize("bound", ["minimum", "maximum"])
def test_the_bounds_in_the_contract_are_those_that_hold(name, bound):
    value = SCHEMAS[name][bound]
    assert isinstance(value, int)
    assert getattr(read_variation(form((name, str(value)))), name) == value
    assert refused((name, str(value + (1 if bound == "maximum" else -1)))).param == name


@pytest.mark.parametrize("name", ["n", "response_format", "size", "output_format"])
def test_the_defaults_in_the_contract_are_those_that_hold(name):
    written_out = read_variation(form((name, str(SCHEMAS[name]["default"]))))
    assert getattr(written_out, name) == getattr(read_variation(form()), name)


async def nowhere(picture: Picture) -> str:
    raise AssertionError("nothing is to be published")


async def written(pictures: list[Picture], *, as_url: bool = False, publish=nowhere) -> Body:
    asked = ImageRequest("vary", (IMAGE,), response_format="url" if as_url else "b64_json")
    return await VARIATIONS.write(asked, Reply(Pictures(1_800_000_000, tuple(pictures))), publish)


async def text(body: Body) -> bytes:
    chunks = body.chunks
    sent = b"".join(chunks if isinstance(chunks, Sequence) else [chunk async for chunk in chunks])
    assert len(sent) == body.length
    return sent


def picture(data: bytes) -> Picture:
    return Picture(data, INFO)


@pytest.mark.parametrize("count", [0, 1, 3])
async def test_pictures_as_base64(count):
    made = [picture(bytes([number]) * 100) for number in range(count)]
    body = await written(made)
    assert body.media_type == "application/json"
    assert json.loads(await text(body)) == {
        "created": 1_800_000_000,
        "data": [{"b64_json": base64.b64encode(each.data).decode()} for each in made],
    }


STEP = 48 * 1024


@given(st.lists(st.one_of(st.integers(0, 20), st.integers(STEP - 5, STEP + 5), st.just(2 * STEP)), max_size=3))
async def test_the_length_that_is_announced_is_sent(sizes):
    made = [picture(bytes(range(256)) * (size // 256) + bytes(size % 256)) for size in sizes]
    sent = json.loads(await text(await written(made)))
    assert [base64.b64decode(item["b64_json"], validate=True) for item in sent["data"]] == [p.data for p in made]


async def test_pictures_as_links_are_published_one_by_one_in_order():
    made = [picture(bytes([number])) for number in range(3)]
    published = []

    async def publish(each: Picture) -> str:
        published.append(each)
        return f'https://gateway.example/pictures/{len(published)}?a="\u00fc"'

    sent = json.loads(await text(await written(made, as_url=True, publish=publish)))
    assert published == made
    assert [list(item) for item in sent["data"]] == [["url"]] * 3
    assert [item["url"] for item in sent["data"]] == [
        f'https://gateway.example/pictures/{number}?a="\u00fc"' for number in (1, 2, 3)
    ]


async def test_no_picture_is_held_twice():
    made = [picture(bytes(8 * 1024**2))]
    tracemalloc.start()
    try:
        body = await written(made)
        length = 0
        assert isinstance(body.chunks, AsyncIterator)
        async for chunk in body.chunks:
            length += len(chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert length == body.length > 11_000_000
    assert peak < 512 * 1024
