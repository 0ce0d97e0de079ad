"""Converse's requests, as AWS's own client checks them."""

import json
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

from tests.dialects.sent import json_of
from torana.dialects.bedrock.asking import encode
from torana.dialects.translated import Encoded
from torana.dialects.ways import At
from torana.families.language.asked import LanguageRequest
from torana.families.language.voice import Occasion
from torana.families.language.words import Conversation, Text, Turn

RUNTIME = botocore.session.get_session().get_service_model("bedrock-runtime")
HELLO = Turn("user", (Text("Hello"),))


def at(model: str = "meta.llama4", **parameters: Any) -> At:
    return At(model, Occasion(LanguageRequest("messages", "m", {}, b"{}"), 0, "id0", model), parameters=parameters)


def checked(body: dict[str, Any], operation: str = "Converse") -> None:
    """Fails where AWS's client would not send it, or does not know a member."""
    shape = RUNTIME.operation_model(operation).input_shape
    report = ParamValidator().validate({"modelId": "m", **body}, shape)
    assert not report.has_errors(), report.generate_report()
    _known(body, shape, operation)


def _known(value: Any, shape: Any, place: str) -> None:
    if getattr(shape, "is_document_type", False):
        return
    if shape.type_name == "structure":
        assert not set(value) - set(shape.members), f"{place}: {set(value) - set(shape.members)}"
        for name, each in value.items():
            _known(each, shape.members[name], f"{place}.{name}")
    elif shape.type_name == "list":
        for each in value:
            _known(each, shape.member, place)


def answered(told: dict[str, Any], operation: str = "Converse") -> None:
    """Fails where AWS's client does not know a member of an answer."""
    _known(told, RUNTIME.operation_model(operation).output_shape, operation)


def encoded(*turns: Turn, where: At | None = None, **members: Any) -> tuple[Any, Encoded]:
    """The body, which AWS's own client takes, and all else."""
    told = encode(Conversation(turns or (HELLO,), **members), where or at())
    body = json_of(told.message)
    checked(body, "ConverseStream" if members.get("stream") else "Converse")
    return json.loads(json.dumps(body)), told
