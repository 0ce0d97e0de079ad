"""Which models a principal may use."""

from fnmatch import fnmatchcase

from torana.core.errors import Forbidden
from torana.core.exchange import Permit, Plan, Principal


def admit(principal: Principal, plan: Plan) -> Permit:
    """Leave to use the model that a plan is for; Forbidden without it."""
    if not may_use(principal, plan.model):
        raise Forbidden(f"Your token does not allow the model '{plan.model}'.", param="model")
    return Permit(principal, plan.model)


def may_use(principal: Principal, model: str) -> bool:
    """Whether one of his patterns allows a model by the name that clients use; who has none may use all."""
    return principal.models is None or any(_matches(model, pattern) for pattern in principal.models)


def _matches(model: str, pattern: str) -> bool:
    # `*` is the only wild card: what fnmatch knows beyond it stands for itself, as it does in a model's name.
    return fnmatchcase(model, pattern.replace("[", "[[]").replace("?", "[?]"))
