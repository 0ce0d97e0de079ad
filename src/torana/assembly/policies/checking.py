"""What single settings of policies cannot know: whom they name, and whether that is there."""

from collections.abc import Iterator

from torana.config.load import Document, Mistake
from torana.config.model import Settings
from torana.policy.guardrails.expressions import compiled


def policy_checks(document: Document) -> Iterator[Mistake]:
    """Rules that name guardrails there are not, guardrails that cannot be made, and a cache that has no place."""
    settings = document.settings
    checks = settings.guardrails.checks
    named = (
        (("guardrails", "rules", index, when, place), name)
        for index, rule in enumerate(settings.guardrails.rules)
        for when, names in (("before", rule.before), ("after", rule.after))
        for place, name in enumerate(names)
    )
    for where, name in named:
        if name not in checks and not document.mentions("guardrails", "checks", name):
            yield document.mistake(where, f"there is no guardrail `{name}` among the checks.")
    for name, check in checks.items():
        for place, written in enumerate(check.patterns):
            if wrong := _wrong(written):
                yield document.mistake(("guardrails", "checks", name, "patterns", place), f"{wrong}.")
        if check.model is not None and not _is_known(check.model, settings):
            told = f"there is no model `{check.model}`, and no account that it begins with."
            yield document.mistake(("guardrails", "checks", name, "model"), told)
    if settings.cache.store == "valkey" and settings.counters.valkey is None:
        yield document.mistake(("cache", "store"), "needs the server that `counters.valkey` names.")


def _wrong(written: str) -> str | None:
    try:
        compiled(written)
    except ValueError as error:
        return str(error)
    return None


def _is_known(model: str, settings: Settings) -> bool:
    return model in settings.models or model.partition("/")[0] in settings.providers
