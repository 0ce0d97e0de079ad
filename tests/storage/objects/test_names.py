import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.storage.objects.names import Told, new_name, read_name

TYPES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp"}


@given(st.integers(0, 10**11), st.integers(0, 10**11), st.sampled_from(sorted(TYPES)))
def test_a_name_tells_what_it_was_made_of(expires, size, extension):
    assert read_name(new_name(size, extension=extension, expires=expires)) == Told(expires, size, TYPES[extension])


def test_a_picture_does_not_expire_before_its_time():
    told = read_name(new_name(1, extension="png", expires=1_800_000_000.1))
    assert told is not None
    assert told.expires == 1_800_000_001


def test_names_cannot_be_guessed_and_need_no_quoting():
    names = {new_name(1, extension="png", expires=1_800_003_600) for _ in range(20)}
    assert len(names) == 20
    assert all(re.fullmatch(r"1800003600-1-[0-9a-f]{32}\.png", name) for name in names)


def test_names_sort_by_when_they_expire():
    names = [new_name(1, extension="png", expires=1_799_999_990 + later) for later in range(20)]
    assert names == sorted(names)


def test_an_extension_of_no_picture_is_a_mistake():
    with pytest.raises(ValueError, match="html"):
        new_name(1, extension="html", expires=0)


NAME = f"1800003600-1-{'0' * 32}.png"


@pytest.mark.parametrize(
    "name",
    [
        f"../{NAME}",
        f"./{NAME}",
        f"{NAME}\n",
        f"{NAME}\0",
        f"{NAME}.part",
        f" {NAME}",
        NAME.replace(".png", ".PNG"),
        NAME.replace(".png", ".html"),
        NAME.replace("1", "\N{ARABIC-INDIC DIGIT ONE}", 1),
        "../secret",
        "/etc/passwd",
        ".lock",
        "",
    ],
)
def test_what_is_no_name_of_ours(name):
    assert read_name(NAME)
    assert read_name(name) is None
