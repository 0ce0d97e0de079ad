"""Which models a principal may use."""

from fnmatch import fnmatchcase

from torana.core.errors import Forbidden
from torana.core.exchange import Permit, Plan, Principal


def admit(principal: Principal, plan: Plan) -> Permit:
    """Leave to use the model that a plan is for; Forbidden without it."""
    allowed = principal.models
    if allowed is not None and not any(_matches(plan.model, pattern) for pattern in allowed):
        raise Forbidden(f"Your token does not allow the model '{plan.model}'.", param="model")
    return Permit(principal, plan.model)


def _matches(model: str, pattern: str) -> bool:
    # `*` is the only wild card: what fnmatch knows beyond it stands for itself, as it does in a model's name.
    return fnmatchcase(model, pattern.replace("[", "[[]").replace("?", "[?]"))
