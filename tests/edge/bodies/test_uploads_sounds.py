import tracemalloc

import pytest

from tests.edge.bodies.test_uploads import PICTURE, B, Door, body, cut, everything, part, with_limits
from tests.families.audio.sounds import wav
from torana.core.content import SoundInfo
from torana.core.errors import InvalidRequest, TooLarge

SOUND = wav(1.0)
NAMES = frozenset({"file"})
BODY = body(part("timestamp_granularities[]", "word"), part("file", SOUND, "a.wav"), part("model", "m"))


@pytest.fixture
def door(tmp_path):
    return Door(tmp_path / "spool")


async def told(door: Door, sent: bytes | list[bytes], long: frozenset[str] = frozenset()):
    async with door.form(sent, files=frozenset(), sounds=NAMES, long=long) as form:
        return form.fields, [(name, file.filename, await everything(file), file.info) for name, file in form.sounds]


async def test_a_sound_is_kept_beside_the_fields_whose_names_are_as_they_were_written(door):
    fields, sounds = await told(door, BODY)
    assert fields == (("timestamp_granularities[]", "word"), ("model", "m"))
    assert sounds == [("file", "a.wav", SOUND, SoundInfo("wav", "audio/wav", 1.0))]


async def test_a_body_cut_anywhere_is_the_same_form(door):
    whole = await told(door, BODY)
    for place in range(0, len(BODY), 371):
        assert await told(door, cut(BODY, place)) == whole, place


async def test_a_picture_is_no_sound(door):
    with pytest.raises(InvalidRequest) as caught:
        await told(door, body(part("file", b"\x89PNG\r\n\x1a\n" + bytes(50), "a.wav")))
    assert (caught.value.param, caught.value.code) == ("file", "invalid_file_format")


async def test_a_large_file_that_is_certainly_no_sound_is_refused_early(door):
    sent = body(part("file", b"%PDF-" + bytes(200_000), "a.wav"))
    pieces = cut(sent, 100_000)
    with pytest.raises(InvalidRequest):
        await told(door, [pieces[0], b"never read as a form"])


async def test_a_sound_has_its_limit_and_counts_as_a_file(door):
    small = with_limits(door, max_file=len(SOUND) - 1)
    with pytest.raises(TooLarge) as caught:
        await told(small, BODY)
    assert caught.value.param == "file"
    with pytest.raises(TooLarge):
        await told(with_limits(door, max_files=1), body(part("file", SOUND, "a"), part("file", SOUND, "b")))


async def test_an_input_left_empty_is_none(door):
    assert await told(door, body(part("file", b"", ""), part("model", "m"))) == ((("model", "m"),), [])


async def test_a_long_field_may_hold_a_short_file(door):
    text = "data:audio/wav;base64," + "A" * 300_000
    sent = body(part("known[]", text))
    fields, _ = await told(door, sent, frozenset({"known"}))
    assert fields == (("known[]", text),)
    with pytest.raises(TooLarge):
        await told(door, sent)
    with pytest.raises(TooLarge):
        await told(door, body(part("known", "A" * (4 * 1024**2 + 1))), frozenset({"known"}))


async def test_pictures_and_sounds_are_told_apart(door):
    sent = body(part("image", PICTURE, "a.png"), part("file", SOUND, "a.wav"))
    async with door.form(sent, sounds=NAMES) as form:
        assert [name for name, _ in form.files] == ["image"]
        assert [name for name, _ in form.sounds] == ["file"]


async def test_memory_stays_flat_however_large_the_sound(door):
    pieces = [part("file", SOUND, "a.wav")[: -len(SOUND) - 2], *[SOUND] * 600, f"\r\n--{B}--\r\n".encode()]
    tracemalloc.start()
    async with door.form(pieces, files=frozenset(), sounds=NAMES) as form:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert form.sounds[0][1].size == 600 * len(SOUND)
    assert peak < 2 * 1024**2
