import pytest

from torana.assembly.complaints import COMPLAINTS, sentences
from torana.assembly.tokens import NoOwnIssuer
from torana.auth.build import KeyProblem
from torana.config.load import ConfigError, Mistake
from torana.config.secrets import SecretMissing
from torana.core.errors import Forbidden, InvalidImage, InvalidRequest, WorkFailed
from torana.storage.keys import UnsafeKey

TOLD = [
    (
        ConfigError([Mistake(3, "server.prt", "no such setting."), Mistake(0, "", "not valid YAML")]),
        ["line 3: server.prt: no such setting.", "not valid YAML"],
    ),
    (
        KeyProblem(["auth.issuers[0].secret: too short", "and another"]),
        ["auth.issuers[0].secret: too short", "and another"],
    ),
    (SecretMissing("environment variable K is not set"), ["environment variable K is not set"]),
    (UnsafeKey("Run chmod."), ["Run chmod."]),
    (NoOwnIssuer("No issuer."), ["No issuer."]),
    (InvalidRequest("'n' is no number.", param="n"), ["'n' is no number."]),
    (InvalidImage("No picture.", param="a.png"), ["a.png: No picture."]),
    (Forbidden("Not you."), ["Not you."]),
]


@pytest.mark.parametrize(("error", "told"), TOLD, ids=lambda value: type(value).__name__)
def test_every_complaint_is_told_in_sentences(error, told):
    assert isinstance(error, COMPLAINTS)
    assert sentences(error) == told


def test_all_complaints_are_tried_here():
    assert {kind for kind in COMPLAINTS for error, _ in TOLD if isinstance(error, kind)} == set(COMPLAINTS)


def test_what_is_no_mistake_of_the_user_is_no_complaint():
    assert not isinstance(WorkFailed("broken"), COMPLAINTS)
