import json
from array import array

from torana.providers.local_text.work import embed


def test_vectors_come_one_after_the_other():
    made = embed(b'{"most_tokens": 100}', [json.dumps(["a cat", "a dog", ""]).encode()])
    assert json.loads(made.meta) == {"tokens": [2, 2, 0]}
    (blob,) = made.blobs
    assert len(array("f", blob)) == 3 * 384
