"""The entries of LiteLLM's ``model_list``: which model of which account each of them is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torana.assembly.importing.litellm.accounts import Accounts, Params
from torana.assembly.importing.litellm.values import Values, written_seconds
from torana.assembly.importing.litellm.vendors import Meant, Vendors
from torana.assembly.importing.reading import Found
from torana.assembly.importing.report import Outcome, Report
from torana.providers.base import Declaration
from torana.providers.retired import RETIRED

_MODES: Mapping[str, str] = {
    "audio_speech": "audio.speech",
    "audio_transcription": "audio.transcriptions",
    "chat": "chat.completions",
    "completion": "completions",
    "embedding": "embeddings",
    "image_edit": "images.edits",
    "image_generation": "images.generations",
    "image_variation": "images.variations",
    "moderation": "moderations",
    "rerank": "rerank",
    "responses": "responses",
}
"""What LiteLLM calls the ways in which models are asked, and we."""
_WISHES = frozenset({"quality", "background", "moderation", "output_compression", "style", "seed", "negative_prompt"})
"""Fields of calls for pictures that LiteLLM takes as a deployment's own."""
_SECRETIVE = ("key", "token", "secret", "password", "auth", "credential")


@dataclass(frozen=True, slots=True)
class Deployment:
    """One entry, with the account and the model that it became."""

    group: str
    found: Found
    params: Params
    prefix: str
    account: str
    model: str
    parameters: Mapping[str, Any]

    @property
    def target(self) -> str:
        """As our settings name it."""
        return f"{self.account}/{self.model}"


class Deployments:
    """Takes entries over, or says why not."""

    def __init__(self, accounts: Accounts, vendors: Vendors, values: Values, report: Report) -> None:
        self._accounts = accounts
        self._vendors = vendors
        self._values = values
        self._report = report

    def taken(self, entries: Found, credentials: Found, common: Mapping[str, Any]) -> list[Deployment]:
        """All that could be taken over, in order. ``common`` are settings that every account gets."""
        known = {self._values.text(each.get("credential_name")): each for each in credentials.each()}
        made = [self._one(entry, known, common) for entry in entries.each()]
        return [each for each in made if each is not None]

    def _one(self, entry: Found, known: Mapping[str | None, Found], common: Mapping[str, Any]) -> Deployment | None:
        params = self._params(entry, known)
        written = self._values.text(params["model"]) if "model" in params else None
        if written is None:
            self._report.left(entry, "it has no `litellm_params.model`.")
            return None
        group = self._values.text(entry.get("model_name")) or written
        provider = self._values.text(params["custom_llm_provider"]) if "custom_llm_provider" in params else None
        meant = self._vendors.meant(written, provider)
        if meant is None:
            called = provider or written.partition("/")[0]
            named = provider is not None or "/" in written
            why = (
                f"no provider that Torana knows is called {called!r}."
                if named
                else f"nobody says whose {written!r} is."
            )
            self._report.left(entry, why)
            return None
        return self._deployment(group, entry, params, meant, common)

    def _deployment(
        self, group: str, entry: Found, params: Params, meant: Meant, common: Mapping[str, Any]
    ) -> Deployment | None:
        account, declaration = self._accounts.place(meant, entry, params, {**common, **self._timeouts(params)})
        for name in ("model", "custom_llm_provider"):
            if name in params:
                self._report.taken(params[name])
        if self._refused(entry, group, meant.model, account, declaration):
            return None
        made = Deployment(group, entry, params, meant.prefix, account, meant.model, self._parameters(params))
        self._remark(made, declaration)
        return made

    def _params(self, entry: Found, known: Mapping[str | None, Found]) -> dict[str, Found]:
        own = dict(entry.get("litellm_params").named())
        reference = own.get("litellm_credential_name")
        credential = known.get(self._values.text(reference)) if reference else None
        if reference is None or credential is None:
            return own
        for each in (reference, credential.get("credential_name")):
            self._report.taken(each)
        return dict(credential.get("credential_values").named()) | own

    def _timeouts(self, params: Params) -> dict[str, Any]:
        if "timeout" not in params:
            return {}
        written = timeouts(self._values.number(params["timeout"]))
        if written:
            self._report.taken(params["timeout"])
        return written

    def _refused(self, entry: Found, group: str, model: str, account: str, declaration: Declaration) -> bool:
        if "*" in group + model:
            why = f"models are named one by one here: write those to be had at `providers.{account}.models`."
        elif not model or any(character.isspace() for character in model):
            why = "it names no model of the provider."
        elif declaration.closed and model not in declaration.models:
            why = f"{account} has no model {model!r} here. It has: {', '.join(declaration.models)}."
        else:
            return False
        self._report.left(entry, why)
        return True

    def _remark(self, made: Deployment, declaration: Declaration) -> None:
        mode = made.found.get("model_info").get("mode")
        told = self._values.text(mode)
        instead = RETIRED.get(made.model)
        if told is not None and _MODES.get(told) not in declaration.operations(made.model):
            self._report.left(mode, f"{made.target} is taken over, but {declaration.type} does not do {told!r} here.")
        elif told is not None:
            self._report.moot(mode, "a target answers whatever its provider can do.")
        if instead is not None and made.model not in declaration.models:
            told = f"the maker of {made.model!r} took it away: replace it, such as by {instead[0]!r}."
            self._report.note(made.found, Outcome.TO_DO, told)

    def _parameters(self, params: Params) -> dict[str, Any]:
        """Fields that go along with each call to this target."""
        inside = dict(params["extra_body"].named()) if "extra_body" in params else {}
        given = {name: found for name, found in params.items() if name in _WISHES} | inside
        taken: dict[str, Any] = {}
        for name, found in given.items():
            plain = found.value if isinstance(found.value, bool | int | float) else self._values.text(found)
            if plain is None or any(word in name.lower() for word in _SECRETIVE):
                continue
            taken[name] = plain
            self._report.taken(found)
        return taken


def timeouts(seconds: float | None) -> dict[str, Any]:
    """An account's timeouts, of LiteLLM's one."""
    written = written_seconds(seconds)
    return {"timeouts": {"first_byte": written, "total": written}} if written else {}


def groups_of(deployments: Sequence[Deployment]) -> dict[str, list[Deployment]]:
    """Deployments by the model's name that they share."""
    groups: dict[str, list[Deployment]] = {}
    for each in deployments:
        groups.setdefault(each.group, []).append(each)
    return groups
