from itertools import chain, pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

# It carries no types of its own.
from multipart import MultipartError  # type: ignore[import-untyped]

from torana.core.errors import InvalidRequest, ToranaError
from torana.edge.bodies.splitting import FormParser, FormSplitter, Label, _told

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
Parts = list[tuple[Label, bytes]]


def parsed(*pieces: bytes) -> Parts | None:
    """What the parser makes of a form in pieces; None where it refuses it."""
    parser = FormParser(B, MAX_HEADER)
    parts: Parts = []
    try:
        for event in chain.from_iterable(map(parser.parse, pieces)):
            if isinstance(event, bytes):
                parts[-1] = (parts[-1][0], parts[-1][1] + event)
            elif event is not None:
                parts.append((_told(event, MAX_HEADER), b""))
        parser.close()
    except (MultipartError, ToranaError):
        return None
    return parts


def split(*pieces: bytes) -> Parts:
    """What comes of a form in pieces; every part has its end."""
    splitter = FormSplitter(B, MAX_HEADER)
    parts: Parts = []
    inside = False
    for piece in pieces:
        for event in splitter.parse(piece):
            assert isinstance(event, Label | tuple) is not inside, event
            inside = event is not None and not isinstance(event, tuple)
            if isinstance(event, tuple):
                parts.append(event)
            elif isinstance(event, bytes):
                assert event
                parts[-1] = (parts[-1][0], parts[-1][1] + event)
            elif event is not None:
                parts.append((event, b""))
    splitter.close()
    return parts


@given(st.lists(st.sampled_from(SCRAPS), max_size=14).map(b"".join), st.booleans(), st.lists(st.integers(0, 400)))
@example(b"", False, [])
@example(FORM, False, [])
@example(FORM + FORM, False, [])
@example(FORM, False, list(range(len(FORM))))
def test_however_a_form_comes_it_is_what_the_parser_makes_of_it(scraps, framed, cuts):
    body = FORM[: FORM.index(b"2")] + scraps + FORM[FORM.index(b"2") + 1 :] if framed else scraps
    at = [0, *sorted(cut for cut in cuts if cut < len(body)), len(body)]
    pieces = [body[start:end] for start, end in pairwise(at) if end > start]
    try:
        found = split(*pieces)
    except ToranaError:
        found = None
    # What stands before the first boundary is not the same to the parser however it is cut.
    assert found in (parsed(body), parsed(*pieces))


@pytest.mark.parametrize("content", [b"", b"2", b"\r\n", b"--a-boundary", b"\r\n--a-bound", b"\x00" * 5000])
def test_usual_forms_need_no_parser(content, monkeypatch):
    body = b"--a-boundary\r\n" + PLAIN + b"\r\n\r\n" + content + b"\r\n--a-boundary--"
    usual = [(Label("n", "n", None), content)]
    assert split(body) == parsed(body) == usual
    # What its header says is remembered.
    monkeypatch.setattr(FormParser, "parse", None)
    for cut in range(1, len(body)):
        assert split(body[:cut], body[cut:]) == usual
    assert split(*(bytes([byte]) for byte in body)) == usual


def test_large_pieces_inside_a_part_are_not_copied():
    splitter = FormSplitter(B, MAX_HEADER)
    assert [*splitter.parse(FORM[: FORM.index(b"2")])] == [Label("n", "n", None)]
    piece = bytes(100_000)
    [event] = splitter.parse(piece)
    assert event is piece


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (FORM[:-4], "breaks off before the boundary that closes it, '--a-boundary--'"),
        (FORM[:20], "breaks off"),
        (b"", "breaks off"),
        (FORM.replace(b"2\r\n--a-boundary--", b"2\r\n--a-boundaryX\r\n"), "Unexpected bytes after boundary"),
        (FORM.replace(PLAIN, b"no header"), "malformed"),
        (FORM.replace(PLAIN, b"\r\n"), "malformed"),
        (FORM.replace(PLAIN, PLAIN + b"\r\nA: b\nc"), "lines must end in CR LF"),
        (FORM.replace(b'name="n"', b'name="\x01"'), "needs a name, of printable characters"),
    ],
)
def test_what_is_no_form_is_refused_and_says_why(body, told):
    with pytest.raises(InvalidRequest, match=told) as caught:
        split(body)
    assert caught.value.code == "invalid_multipart"


@pytest.mark.parametrize(
    "header", [PLAIN + b"\r\nA: " + b"x" * MAX_HEADER, b"\r\n".join([PLAIN, *[b"A: b"] * 8]), PLAIN + b"\r\n a" * 9]
)
def test_headers_beyond_the_bounds_are_too_large(header):
    with pytest.raises(ToranaError, match="at most 8 lines and 100 bytes") as caught:
        split(FORM.replace(PLAIN, header))
    assert caught.value.status == 413


def test_what_stands_before_and_behind_a_form_means_nothing():
    assert split(b"a preamble\r\n" + FORM + b"an epilogue", b"and more") == [(Label("n", "n", None), b"2")]


def test_a_file_has_the_name_that_the_client_gave_it_and_may_have_none():
    body = FORM.replace(b'name="n"', b'name="f[]"; filename="\xc3\xa4.png"')
    assert split(body) == [(Label("f[]", "f", "\u00e4.png"), b"2")]
    assert split(FORM.replace(b'name="n"', b'name="f"; filename=""')) == [(Label("f", "f", ""), b"2")]
