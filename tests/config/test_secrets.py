import pytest

from torana.config.secrets import Secret, SecretMissing, read_secret


def test_from_the_environment():
    assert read_secret(Secret(env="KEY"), {"KEY": "s3cret"}) == b"s3cret"


def test_from_a_file(tmp_path):
    path = tmp_path / "key"
    path.write_bytes(b"s3cret")
    assert read_secret(Secret(file=str(path)), {}) == b"s3cret"


@pytest.mark.parametrize("written", ["s3cret\n", " s3cret\r\n", "\ts3cret "])
def test_what_editors_add_is_taken_off(tmp_path, written):
    path = tmp_path / "key"
    path.write_text(written, newline="")
    assert read_secret(Secret(file=str(path)), {}) == b"s3cret"
    assert read_secret(Secret(env="KEY"), {"KEY": written}) == b"s3cret"


def test_secrets_need_not_be_text(tmp_path):
    path = tmp_path / "key"
    path.write_bytes(b"\xff\x00\xfe")
    assert read_secret(Secret(file=str(path)), {}) == b"\xff\x00\xfe"
    assert read_secret(Secret(env="KEY"), {"KEY": b"\xff\xfe".decode(errors="surrogateescape")}) == b"\xff\xfe"


@pytest.mark.parametrize("environ", [{}, {"KEY": ""}, {"KEY": " \n"}])
def test_an_absent_variable_is_named(environ):
    with pytest.raises(SecretMissing, match=r"^environment variable KEY is not set$"):
        read_secret(Secret(env="KEY"), environ)


@pytest.mark.parametrize("written", ["", "\n"])
def test_an_empty_file_is_named(tmp_path, written):
    path = tmp_path / "key"
    path.write_text(written)
    with pytest.raises(SecretMissing, match=f"^file {path} is empty$"):
        read_secret(Secret(file=str(path)), {})


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(SecretMissing, match=f"^file {tmp_path}/absent cannot be read: No such file or directory$"):
        read_secret(Secret(file=f"{tmp_path}/absent"), {})
    with pytest.raises(SecretMissing, match=f"^file {tmp_path} cannot be read: Is a directory$"):
        read_secret(Secret(file=str(tmp_path)), {})
