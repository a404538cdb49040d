"""``counterfoil controls``: open control rows; how many were found, and whether the broker matched honestly."""

import json
import sys
from typing import Annotated, Any

import typer

from encoder import opening
from encoder.cli.desk import HERE, Broker, Desk, Folder, Json, PassphraseFd, PassphraseFile, Run, patience
from encoder.cli.layout import say
from encoder.control_rows import Fault
from encoder.opening import Checked
from encoder.recovery import Recovery, Share
from encoder.wording import counted
from keys.agreement import Agreement, Role
from keys.errors import AgreementError, ControlError

Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for holders that have not opened theirs.")]


def controls(
    run: Run,
    broker: Broker,
    folder: Folder = HERE,
    wait: Wait = True,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    json_: Json = False,
) -> None:
    """As a holder, open your control rows once the links are decided; then see how many were found, and whether the
    broker matched honestly. As an IG lead, see the same.

    Waits until every holder has opened its own; interrupt it if you like, and give the same command again later. Ends
    with 1 if a proof does not hold or rows without any error were not linked. Nothing of it concerns a real child.

    Example: counterfoil controls 3f0c... --broker https://broker.example
    """
    desk = Desk.open_expired(folder, passphrase_file, passphrase_fd)
    opening.require_control_rows(desk.agreement)
    if desk.party.role not in (Role.HOLDER, Role.IG_LEAD):
        raise AgreementError(
            f"{desk.party.name} is neither a holder nor an IG lead.", remedy="Only they see control rows."
        )
    with desk.door(broker) as door:
        if desk.party.role is Role.HOLDER:
            opening.open_rows(desk.workspace, door, run, agreement=desk.agreement, identity=desk.identity)
            say("Your control rows are opened to this run.")
        if not wait and (names := opening.awaited(door, run)):
            say(f"Awaited: {', '.join(names)}. Give the same command again later; nobody can approve before.")
            if json_:
                sys.stdout.write(json.dumps({"run": run, "awaited": names}) + "\n")
            return
        shown = opening.until_shown(door, run, patience=patience(), tell=_tell_awaited)
        checked = opening.check(desk.workspace, door, run, shown, agreement=desk.agreement, identity=desk.identity)
    if json_:
        sys.stdout.write(json.dumps({"run": run, "awaited": [], **to_json(checked)}) + "\n")
    else:
        sys.stdout.write("\n".join(lines(checked, desk.agreement)) + "\n")
    require_explained(checked.recovery)


def to_json(checked: Checked) -> dict[str, Any]:
    found = checked.recovery
    return {
        "proofs": "hold",
        "known_before": checked.known_before,
        "recall": found.recall.to_json(),
        "found": {fault.value: share.to_json() for fault, share in found.found.items()},
        "twins_linked": found.twins.to_json(),
        "strangers_linked": found.strangers,
        "identical_not_linked": {" and ".join(names): count for names, count in found.unexplained.items()},
    }


def lines(checked: Checked, agreement: Agreement) -> list[str]:
    """The table, for people."""
    found, width = checked.recovery, max(map(len, Fault))
    rows = [
        ("control links found", found.recall),
        *((f"  {fault.value}", share) for fault, share in found.found.items()),
    ]
    told = [f"{name:<{width + 2}}  {_share(share)}" for name, share in rows]
    if found.twins.whole:
        told.append(f"{'twins linked, wrongly':<{width + 2}}  {_share(found.twins)}")
    made_up = counted(agreement.terms.control.rows, "control row")
    told += [
        f"{'others linked, wrongly':<{width + 2}}  {counted(found.strangers, 'pair')}",
        f"{made_up} of each holder; shares with their 95 % intervals.",
        "They carry more errors than most files: the share of real links that is found may be higher, or lower.",
    ]
    if checked.known_before:
        told.append(
            f"Proofs hold, BUT the broker has known these control rows since run {checked.known_before}: they do not "
            "show that it matched honestly. A new agreement has new ones."
        )
    else:
        told.append(
            "Proofs hold: the broker had committed to these links before it could know which rows are control rows."
        )
    return told


def require_explained(found: Recovery) -> None:
    """Raises ``ControlError`` if rows that are the same in every field were not linked."""
    for (first, second), count in found.unexplained.items():
        raise ControlError(
            f"{counted(count, 'pair')} of control rows of {first} and {second} that are the same in every field "
            f"{'was' if count == 1 else 'were'} not linked.",
            remedy="The broker did not match honestly, or one of the two did not upload the control rows of the "
            "agreement. Let your IG lead refuse the release (counterfoil decline RUN), keep this folder, and tell "
            "every party.",
        )


def _tell_awaited(names: list[str]) -> None:
    say(f"Awaited: {', '.join(names)}." if names else "All have opened; the broker prepares what it shows.")


def _share(share: Share) -> str:
    interval = share.interval
    if interval is None:
        return "none"
    low, high = (100 * end for end in interval)
    return f"{share.part:,} of {share.whole:,}  {100 * share.part / share.whole:.1f} % ({low:.1f} to {high:.1f})"
