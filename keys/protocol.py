"""The course of a linkage: its events, the states of a run, and the one table of what may follow what."""

from collections.abc import Mapping
from enum import StrEnum

from keys.agreement import Role


class Event(StrEnum):
    """Every kind of entry in the audit log."""

    AGREEMENT_RECEIVED = "agreement received"
    CONTRIBUTION_RELAYED = "contribution relayed"
    UPLOAD_ACCEPTED = "upload accepted"
    UPLOAD_REPLACED = "upload replaced"
    RUN_STARTED = "run started"
    RUN_CHANGED = "run changed"
    CONTROL_ROWS_OPENED = "control rows opened"
    RELEASE_APPROVED = "release approved"
    RELEASE_REFUSED = "release refused"
    DATA_DESTROYED = "data destroyed"


class State(StrEnum):
    """States of a run, named for what is known."""

    ACCEPTED = "accepted"
    """All uploads are in and belong together."""
    MATCHED = "matched"
    """The links are decided; every holder opens its control rows, if the agreement has some, then two holders' IG leads
    must approve the release."""
    APPROVED = "approved"
    """They have."""
    RELEASED = "released"
    """Every holder and the recipient can fetch what is theirs."""
    CANCELLED = "cancelled"
    """A holder or an IG lead has stopped the run before its links were decided."""
    DECLINED = "declined"
    """An IG lead has refused the release; nothing of the run will be released."""
    FAILED = "failed"
    """The run stopped; its problem says why."""


TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.ACCEPTED: frozenset({State.MATCHED, State.CANCELLED, State.FAILED}),
    State.MATCHED: frozenset({State.APPROVED, State.DECLINED, State.FAILED}),
    State.APPROVED: frozenset({State.RELEASED, State.FAILED}),
    State.RELEASED: frozenset(),
    State.CANCELLED: frozenset(),
    State.DECLINED: frozenset(),
    State.FAILED: frozenset(),
}
MAY_CANCEL = frozenset({Role.HOLDER, Role.IG_LEAD})
"""Who may cancel a run whose links are not decided."""
APPROVALS_NEEDED = 2
"""By IG leads of as many different holders."""
