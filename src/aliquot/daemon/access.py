"""What a caller may see and change, and which vGPU they mean."""

from __future__ import annotations

from aliquot.daemon.caller import Caller
from aliquot.errors import NoSuchVgpu, NotPermitted
from aliquot.model.access_token import Role
from aliquot.model.vgpu_record import VgpuRecord
from aliquot.model.why import Why, because
from aliquot.store import View, vgpus
from aliquot.words.refusals import refusal, saying

_ID_DIGITS = frozenset("0123456789abcdef")
_ID_LENGTH = 32


def must_be_user(caller: Caller) -> None:
    """Raise NotPermitted for who may only look."""
    if caller.role is Role.VIEWER:
        raise saying(
            NotPermitted,
            because(Why.VIEWER),
            remedy="ask with the credentials of a user or admin",
        )


def must_be_admin(caller: Caller) -> None:
    """Raise NotPermitted for who is no admin."""
    if not caller.is_admin:
        raise saying(
            NotPermitted,
            because(Why.ADMINISTRATORS),
            remedy="ask an administrator; on the Unix socket these are root, the user of the "
            "daemon, and the members of its admin group",
        )


def tenant_for(caller: Caller, tenant: str | None) -> str:
    """For whom something is made: the caller, or whom an admin names."""
    if tenant is None or tenant == caller.tenant:
        return caller.tenant
    if not caller.is_admin:
        raise refusal(NotPermitted, Why.OTHER_TENANT)
    return tenant


def vgpu_of(view: View, caller: Caller, reference: str) -> VgpuRecord:
    """The vGPU of an id, a name, or `tenant:name`.

    Raises NoSuchVgpu, to who is no admin also for another's.
    """
    kept = _find(view, caller, reference)
    if kept is None or not caller.may_see(kept.tenant):
        raise refusal(NoSuchVgpu, Why.NO_VGPU, vgpu=reference[:80])
    return kept


def _find(view: View, caller: Caller, reference: str) -> VgpuRecord | None:
    tenant, colon, name = reference.rpartition(":")
    if colon:
        return vgpus.found(view, name, tenant)
    found = vgpus.found(view, reference, caller.tenant)
    if found is None and len(reference) == _ID_LENGTH and _ID_DIGITS.issuperset(reference):
        return vgpus.get(view, reference)
    return found
