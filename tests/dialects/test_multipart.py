import io

from tests.dialects.sent import bytes_of
from tests.families.audio.sounds import Recorded, wav
from tests.providers.kit import Photo, photo
from torana.dialects.multipart import form_message, sound_message
from torana.dialects.steps import Sent
from torana.media.probe import probe


def sent(data: bytes) -> Sent:
    return Sent(data, probe(io.BytesIO(data), max_pixels=10**6))


def test_a_form_has_its_fields_then_its_files_under_names_of_our_own():
    png, jpeg = photo(8, 8).data, photo(8, 8, "JPEG").data
    fields = {"n": 2, "raw": True, "none": None, "words": "one\r\ntwo"}
    message = form_message("/x", fields.items(), [("image[]", sent(png)), ("mask", sent(jpeg))])
    headers = dict(message.headers)
    kind, _, boundary = headers["content-type"].partition("; boundary=")
    assert (message.method, message.path, kind) == ("POST", "/x", "multipart/form-data")
    body = b"".join(part for part in message.body if isinstance(part, bytes))
    first, *parts, last = (b"\r\n" + body).split(f"\r\n--{boundary}".encode())
    assert (first, last) == (b"", b"--\r\n")
    assert [part.removeprefix(b"\r\n").partition(b"\r\n\r\n")[::2] for part in parts] == [
        (b'Content-Disposition: form-data; name="n"', b"2"),
        (b'Content-Disposition: form-data; name="raw"', b"true"),
        (b'Content-Disposition: form-data; name="words"', b"one\r\ntwo"),
        (
            b'Content-Disposition: form-data; name="image[]"; filename="image0.png"\r\nContent-Type: image/png',
            png,
        ),
        (b'Content-Disposition: form-data; name="mask"; filename="image1.jpeg"\r\nContent-Type: image/jpeg', jpeg),
    ]


def test_a_field_s_name_cannot_end_its_header():
    message = form_message("/x", [('a"\r\nb: c', "1")])
    assert b'name="a%22%0D%0Ab: c"\r\n\r\n1\r\n' in bytes_of(message)


def test_uploads_are_not_read_but_passed_on():
    upload = photo(8, 8)
    message = form_message("/x", (), [("image", Sent(upload, upload.info))])
    assert any(part is upload for part in message.body)


def test_what_is_in_memory_goes_as_it_lies_there():
    pieces = [b"one", b"two"]

    class InMemory(Photo):
        def at_hand(self):
            return pieces

    upload = InMemory(photo(8, 8).data)
    body = form_message("/x", (), [("image", Sent(upload, upload.info))]).body
    assert [part for part in body if any(part is piece for piece in pieces)] == pieces
    assert all(isinstance(part, bytes) for part in body)


def test_no_two_forms_have_the_same_boundary():
    assert form_message("/x", ()).headers != form_message("/x", ()).headers


def test_a_sound_goes_under_a_name_that_tells_its_format():
    sound = Recorded(wav(), 'evil"\r\n.mp3')
    message = sound_message("/x", [("model", "m")], "file", sound)
    assert any(part is sound for part in message.body)
    text = b"".join(part for part in message.body if isinstance(part, bytes))
    assert b'name="file"; filename="audio.wav"\r\nContent-Type: audio/wav\r\n\r\n' in text
    assert b"evil" not in text
    assert dict(message.headers)["accept"] == "*/*"
    assert message.length == len(text) + sound.size
