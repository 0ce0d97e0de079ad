"""The way of a question about the models themselves: no target is asked, so nothing is planned, limited or spent."""

from torana.core.exchange import Credentials
from torana.families.models import LIST, RETRIEVE
from torana.pipeline.flow import Snapshot, identify
from torana.telemetry.record import Record


async def list_models(credentials: Credentials, snapshot: Snapshot, record: Record) -> tuple[str, ...]:
    """The names that the caller may send as ``model``, in the order of the configuration; Unauthenticated."""
    record.operation = LIST.operation
    principal = await identify(credentials, snapshot, record)
    access = snapshot.rulebook.ruling.access
    return tuple(plan.model for plan in snapshot.catalog.plans if access.may_use(principal, plan, None))


async def retrieve_model(name: str, credentials: Credentials, *, snapshot: Snapshot, record: Record) -> str:
    """The name of a model, when the caller may use it; ModelNotFound and Forbidden as a call for it would have them."""
    record.operation = RETRIEVE.operation
    principal = await identify(credentials, snapshot, record)
    plan = snapshot.catalog.find(name)
    record.model = plan.model
    return snapshot.rulebook.ruling.access.admit(principal, plan, None).model
