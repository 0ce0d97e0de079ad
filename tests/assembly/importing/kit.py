"""What the tests of the import have in common."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from torana.assembly.importing.litellm.document import import_litellm
from torana.assembly.importing.reading import read_text
from torana.assembly.importing.report import Line, Outcome
from torana.providers.base import declarations

CONFIGS = Path(__file__).with_name("configs")
DECLARED = declarations()


@dataclass(frozen=True)
class Import:
    """Our document and what was said."""

    document: Mapping[str, Any]
    report: tuple[Line, ...]

    def told(self, outcome: Outcome) -> dict[str, str]:
        """The sentences of one outcome, by their places."""
        told: dict[str, str] = {}
        for line in self.report:
            if line.outcome is outcome:
                told[line.place] = f"{told[line.place]} {line.sentence}" if line.place in told else line.sentence
        return told

    @property
    def targets(self) -> dict[str, list[str]]:
        """Where each model leads."""
        return {
            name: [target["target"] for target in model["targets"]]
            for name, model in self.document.get("models", {}).items()
        }


def imported(text: str, **environ: str) -> Import:
    """What becomes of YAML text."""
    return Import(*import_litellm(read_text(text), DECLARED, environ))


def deployments(*written: str) -> str:
    """A model list: each entry as ``NAME: PARAMS``, with the parameters as inline YAML."""
    entries = (entry.partition(": ") for entry in written)
    return yaml.safe_dump(
        {"model_list": [{"model_name": name, "litellm_params": yaml.safe_load(params)} for name, _, params in entries]}
    )
