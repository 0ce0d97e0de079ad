from pathlib import Path

import pytest

from torana.assembly.importing.reading import Found, read_file, read_text
from torana.config.load import ConfigError


def test_plain_values_with_their_places() -> None:
    root = read_text("a: [{b: 1}, 2026-01-02, yes]\n3: null\n")
    assert root.value == {"a": [{"b": 1}, "2026-01-02", True], "3": None}
    (first, *_) = root.get("a").each()
    assert (str(first.get("b")), first.get("b").value) == ("a[0].b", 1)
    assert [name for name, _ in root.named()] == ["a", "3"]


def test_what_is_not_there_has_a_place_all_the_same() -> None:
    absent = Found((), {"a": "text"}).get("a").get("b")
    assert (str(absent), absent.value, [*absent.each()], [*absent.named()]) == ("a.b", None, [], [])


def test_odd_names_are_quoted() -> None:
    assert str(Found(("a b\x1b", 0), None)) == "'a b\\x1b'[0]"
    assert str(Found((), None)) == "the document"


def test_anchors_and_merges_are_followed() -> None:
    root = read_text("x: &x {a: 1, b: 2}\ny: &y {b: 3}\nz: {<<: [*x, *y], c: 4, a: 5}\nw: {<<: *y}")
    assert root.get("z").value == {"a": 5, "b": 2, "c": 4}
    assert root.get("w").value == {"b": 3}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", "line 1: not valid YAML"),
        ("a: \x07", "the character U+0007 is not allowed"),
        ("just text", "this is no configuration"),
        ("", "this is no configuration"),
        ("a: 1\nb: 2\na: 3", "line 3: not valid YAML: `a` is written twice."),
        ("a: " + "[" * 5000, "nested too deeply"),
        ("a: &a [*a]", "too large or too deep once its aliases"),
        ('a: "\\UFFFFFFFF"', "out of range"),
        ("a: *nobody", "undefined alias"),
    ],
)
def test_what_cannot_be_read(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says.replace("+", r"\+")):
        read_text(text)


def test_a_few_anchors_cannot_stand_for_billions() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(ConfigError, match="too large"):
        read_text("\n".join(lines))
    merges = ["m0: &m0 {k: 1}", *(f"m{n}: &m{n} {{<<: [*m{n - 1}, *m{n - 1}]}}" for n in range(1, 30))]
    with pytest.raises(ConfigError, match="too large"):
        read_text("\n".join(merges))


def test_tags_and_what_only_looks_like_a_number_are_text() -> None:
    assert read_text("a: !env NAME\nb: !!int text\nc: 1_000").value == {"a": "NAME", "b": "text", "c": 1000}


def test_files_have_a_bound(tmp_path: Path) -> None:
    file = tmp_path / "litellm.yaml"
    file.write_bytes(b"a: 1 #" + b"x" * 1024**2)
    with pytest.raises(ConfigError, match="larger than 1 MiB"):
        read_file(file)
    file.write_bytes(b"a: 1")
    assert read_file(file).value == {"a": 1}
