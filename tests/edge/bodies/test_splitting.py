import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from torana.edge.bodies.splitting import FormParser, split

B = "a-boundary"
MAX_HEADER = 100
PLAIN = b'Content-Disposition: form-data; name="n"'
FORM = b"--a-boundary\r\n" + PLAIN + b"\r\n\r\n2\r\n--a-boundary--\r\n"

SCRAPS = (
    *(b"--a-boundary", b"--a-boundary\r\n", b"\r\n--a-boundary\r\n", b"\r\n--a-boundary--", b"\r\n--a-boundary--\r\n"),
    *(b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"--", b"x", b" y", b"\x00\xff", b"content", b"\r\n--a-bound"),
    *(PLAIN + b"\r\n\r\n", PLAIN, b"A: b\r\n", b"\r\n c", b"Content-Length: 1\r\n", b"n\xc3\xa4: \xc3\xa4\r\n"),
    *(b'Content-Disposition: form-data; name="f"; filename="%22 \xe9.png"\r\n\r\n', b"x" * MAX_HEADER, b": "),
)


def parsed(body: bytes) -> list[tuple[list[tuple[str, str]], bytes]]:
    """What the parser makes of a form; its errors as they come."""
    parser = FormParser(B, MAX_HEADER)
    parts: list[tuple[list[tuple[str, str]], bytes]] = []
    for event in parser.parse(body):
        if event is None:
            continue
        if isinstance(event, bytes):
            parts[-1] = (parts[-1][0], parts[-1][1] + event)
        else:
            parts.append(([*event.headerlist, ("", f"{event.name} {event.filename}")], b""))
    parser.close()
    return parts


def at_once(body: bytes, max_parts: int = 50) -> list[tuple[list[tuple[str, str]], bytes]]:
    parts = split(body, B, max_header=MAX_HEADER, max_parts=max_parts)
    return [([*head.headerlist, ("", f"{head.name} {head.filename}")], content) for head, content in parts]


@given(st.lists(st.sampled_from(SCRAPS), max_size=14).map(b"".join), st.booleans())
@example(b"", False)
@example(FORM, False)
@example(FORM + FORM, False)
def test_what_is_split_is_what_the_parser_finds(scraps, framed):
    body = FORM[: FORM.index(b"2")] + scraps + FORM[FORM.index(b"2") + 1 :] if framed else scraps
    parts = at_once(body)
    if parts:
        assert parts == parsed(body)


@pytest.mark.parametrize("content", [b"", b"2", b"\r\n", b"--a-boundary", b"\r\n--a-bound", b"\x00" * 5000])
def test_usual_forms_are_split(content):
    body = b"--a-boundary\r\n" + PLAIN + b"\r\n\r\n" + content + b"\r\n--a-boundary--"
    assert [each for _, each in at_once(body)] == [content]
    assert at_once(body) == parsed(body)


@pytest.mark.parametrize(
    "body",
    [
        FORM[:-4],
        b"a preamble\r\n" + FORM,
        FORM.replace(PLAIN, PLAIN + b"\r\nContent-Length: 1"),
        FORM.replace(PLAIN, b"no header"),
        FORM.replace(PLAIN, PLAIN + b"\r\nA: " + b"x" * MAX_HEADER),
        FORM.replace(PLAIN, b"\r\n"),
        FORM.replace(PLAIN + b"\r\n\r\n", PLAIN + b"\r\n"),
    ],
)
def test_what_is_out_of_the_ordinary_is_left_to_the_parser(body):
    assert at_once(body) == []


def test_no_more_parts_are_split_than_are_allowed():
    assert at_once(FORM, max_parts=1)
    assert at_once(FORM, max_parts=0) == []
