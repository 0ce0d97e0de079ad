"""What a gateway knows of those whom the operator has let in, as it learnt it last."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec import Struct

from torana.core.ledger import Kind
from torana.core.registry import Registry, Subject


# There may be 100,000 of them: they are in no cycle, and the garbage collector need not walk them.
class KnownKey(Struct, frozen=True, gc=False):
    """What of a virtual key is needed to serve its holder; times are seconds since the epoch."""

    id: str
    owner: Subject | None
    """None where he was deleted: his keys are good for nothing."""
    models: tuple[str, ...] | None
    """Patterns of the models it is good for; None is all that its owner may use."""
    expires: float | None
    revoked: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Edition:
    """All that is known at one moment; each is only like itself."""

    keys: Mapping[str, KnownKey] = field(repr=False)
    """By their digests, so that looking one up tells nobody how near a guess came."""
    subjects: Mapping[tuple[Kind, str], Subject] = field(repr=False)
    """By kind and name."""


_NOTHING = Edition({}, {})


class Directory:
    """The last edition. Whoever asks several questions asks them all of one edition."""

    def __init__(self) -> None:
        self.edition = _NOTHING
        """What is known now; an empty one while nothing is."""

    @property
    def known(self) -> bool:
        """Whether anything was learnt yet: before that, nobody can say whose a key is."""
        return self.edition is not _NOTHING

    def learn(self, registry: Registry) -> None:
        """Know this from now on and nothing else; keeps none of the registry's keys, and may run in another thread."""
        subjects = {(subject.kind, subject.name): subject for subject in registry.subjects}
        keys = {
            key.digest: KnownKey(key.id, subjects.get((key.kind, key.owner)), key.models, key.expires, key.revoked)
            for key in registry.keys
        }
        self.edition = Edition(keys, subjects)
