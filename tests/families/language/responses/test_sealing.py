import pytest

from torana.families.language.responses.sealing import sealing, unsealed


@pytest.mark.parametrize(
    ("signature", "sealed"), [(None, None), ("s", None), (None, "gAAAAx"), (None, "sealed:x"), (None, "signature:x")]
)
def test_each_seal_comes_back_as_it_went(signature, sealed):
    assert unsealed(sealing(signature, sealed)) == (signature, sealed)


def test_openais_own_stays_as_it_is():
    assert sealing(None, "gAAAAx") == "gAAAAx"
    assert sealing(None, None) is None
