"""Errors as RFC 9457 has them: one table of their statuses, over all that there are."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import NamedTuple

import msgspec
from litestar.exceptions import HTTPException, MethodNotAllowedException

from aliquot import errors
from aliquot.errors import AliquotError
from aliquot.model.api.common import Problem
from aliquot.words import refusals

MEDIA_TYPE = "application/problem+json"
_log = logging.getLogger("aliquot.api")

_BY_STATUS: Mapping[int, tuple[type[AliquotError], ...]] = {
    # What was sent is malformed.
    400: (errors.BadRequest,),
    # Nobody, or nobody that we know.
    401: (errors.NoCredentials, errors.TokenRefused),
    # Somebody who may not.
    403: (errors.NotAllowed, errors.NotPermitted, errors.NotYourProcess),
    # There is none, or none that the caller may see.
    404: (
        errors.NoSuchRoute,
        errors.NoSuchVgpu,
        errors.NoSuchEntry,
        errors.NoSuchLease,
        errors.NoSuchProcess,
        errors.UnknownDevice,
        errors.NotMade,
        errors.NoSuchVm,
    ),
    # It can't be now, but could be at another time.
    409: (
        errors.NameTaken,
        errors.IllegalTransition,
        errors.IdempotencyKeyReused,
        errors.MemoryInUse,
        errors.MemoryUnavailable,
        errors.ShareUnavailable,
        errors.LimitReached,
        errors.VgpuDiffers,
        errors.DeviceNotOffered,
        errors.DeviceLost,
        errors.WorkerEnded,
        errors.SimulatedDevice,
        errors.NoDeviceFits,
        errors.NoModeSuits,
        errors.BadCarrier,
        errors.Suspended,
        errors.NotStopped,
        errors.LacksFeature,
        errors.MoveFailed,
        errors.QueueFull,
        errors.TooManyVgpus,
        errors.TenantQuota,
        errors.ClassNotBeside,
        errors.WaitedTooLong,
        errors.GroupDoesNotFit,
        errors.ModeUnavailable,
        errors.FunctionTaken,
        errors.DeviceInUse,
        errors.BootDisplayKept,
        errors.PartitionExists,
        errors.NoRoomForPartition,
        errors.HardwareGone,
        errors.HardwareChanged,
        errors.NotResizable,
        errors.HardwareBusy,
        errors.VmHasVgpu,
        errors.NotForVms,
        errors.NotAttached,
        errors.VmKeepsDevice,
        errors.VmElsewhere,
        errors.HypervisorRefused,
    ),
    410: (errors.EventsForgotten,),
    412: (errors.ChangedMeanwhile,),
    413: (errors.RequestTooLarge,),
    415: (errors.UnknownContent,),
    # It is well-formed, and can't be at any time.
    422: (
        errors.BadSpec,
        errors.BadShare,
        errors.BadName,
        errors.BadSize,
        errors.BadDuration,
        errors.BadTurn,
        errors.ImpossibleShare,
        errors.QuotaAboveDevice,
        errors.UnknownPolicy,
        errors.UnknownPriorityClass,
        errors.BadPriorityMix,
        errors.AmbiguousDevice,
        errors.AmbiguousVgpu,
        errors.UsageError,
        errors.BadLabel,
        errors.SizeNeeded,
        errors.BadGroup,
        errors.NotInThisMode,
        errors.BadInventory,
        errors.NoSuchPartitionType,
        errors.BadRomFile,
        errors.BadVmName,
        errors.AmbiguousVm,
    ),
    # What should not happen, or not in a daemon.
    500: (
        errors.DaemonFault,
        errors.NoDaemon,
        errors.NoDashboard,
        errors.WaitedInVain,
        errors.NotConfirmed,
        errors.SetupFailed,
        errors.VgpuUnusable,
        errors.BadTraceFile,
        errors.BadPictureFile,
        errors.BadVmSocket,
        errors.BadPlane,
        errors.PlaneNotMade,
        errors.PictureNeedsLibrary,
        errors.BenchmarkFailed,
        errors.CommandNotFound,
        errors.CommandNotExecutable,
        errors.BadBackup,
        errors.BadStoreUrl,
        errors.DaemonUnreachable,
        errors.NotUnderstood,
        errors.DaemonRunning,
        errors.AddressInUse,
        errors.BadListenAddress,
        errors.BadServerSetting,
        errors.BadApiAddress,
        errors.BadTokenFile,
        errors.BadNodeList,
        errors.BadPodList,
        errors.UnknownPlacementPolicy,
        errors.ImpossibleRequest,
        errors.BadSeeds,
        errors.MissingPlanningLibrary,
        errors.NoHistory,
    ),
    # The daemon, its store or its machine is not as it should be.
    503: (
        errors.TooManyConnections,
        errors.StoreInUse,
        errors.StoreTaken,
        errors.StoreLocked,
        errors.StoreFull,
        errors.StoreUnreachable,
        errors.BadStateDirectory,
        errors.MissingStoreDriver,
        errors.NewerSchema,
        errors.OlderSchema,
        errors.NotAStore,
        errors.DamagedStore,
        errors.NoDriver,
        errors.IncompatibleDriver,
        errors.ChosenDriverUnusable,
        errors.MissingNativeProgram,
        errors.BadRuntimeDirectory,
        errors.VersionMismatch,
        errors.BadRecord,
        errors.InternalError,
        errors.WorkerStart,
        errors.DeviceHostUnreachable,
        errors.ModuleMissing,
        errors.HardwareNotPermitted,
        errors.KernelRefused,
        errors.NoHypervisor,
        errors.HypervisorUnreachable,
        errors.HypervisorMisspoke,
        errors.BadHypervisorToken,
    ),
}
STATUS: Mapping[type[AliquotError], int] = MappingProxyType(
    {kind: status for status, kinds in _BY_STATUS.items() for kind in kinds}
)


class Answer(NamedTuple):
    """An error's answer."""

    status: int
    headers: dict[str, str]
    body: bytes
    code: str


def status_of(error: AliquotError) -> int:
    """The status of an error; a kind without an entry has that of the kind it is derived from."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def answer(error: Exception, operation: str = "") -> Answer:
    """The answer to a request that an error ended. What is no error of ours is logged."""
    headers = {"Content-Type": MEDIA_TYPE}
    if isinstance(error, HTTPException):
        if isinstance(error, MethodNotAllowedException) or error.status_code == 405:
            headers |= {k: str(v) for k, v in (error.headers or {}).items() if k.lower() == "allow"}
        status, told = _framework(error)
    elif isinstance(error, AliquotError):
        status, told = status_of(error), error
    else:
        told = _fault(error, operation)
        status = status_of(told)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status == 503:
        headers["Retry-After"] = "1"
    return Answer(status, headers, msgspec.json.encode(problem(told, status)), told.code)


def problem(error: AliquotError, status: int | None = None) -> Problem:
    """An error as the API tells it."""
    status = status_of(error) if status is None else status
    # As the headings of docs/errors.md are linked to.
    anchor = "".join(c for c in f"{error.code}-{error.title}".lower() if c.isalnum() or c in " -")
    return Problem(
        type=f"docs/errors.md#{anchor.replace(' ', '-')}",
        title=error.title,
        status=status,
        detail=error.what,
        code=error.code,
        why=error.why,
        remedy=error.remedy,
        lines=refusals.what_lines(error),
        remedy_lines=refusals.remedy_lines(error),
    )


def _framework(error: HTTPException) -> tuple[int, AliquotError]:
    """What Litestar itself refuses."""
    status = error.status_code
    if status in (404, 405):
        what = "there is no such path" if status == 404 else "the path has no such method"
        return status, errors.NoSuchRoute(what)
    if status == 413:
        return status, errors.RequestTooLarge()
    if status >= 500:
        told = _fault(error, "")
        return status_of(told), told
    phrase = HTTPStatus(status).phrase.lower()
    return 400, errors.BadRequest(f"the request is malformed ({phrase})")


def _fault(error: Exception, operation: str) -> errors.DaemonFault:
    number = secrets.token_hex(4)
    # The traceback has lines of code and no values: nothing secret gets into the log that way.
    _log.error("fault %s in %s", number, operation or "the API", exc_info=error)
    return errors.DaemonFault(f"the daemon failed (fault {number})")
