"""What a device host refused (ALQ-E1xx)."""

from __future__ import annotations

from aliquot.errors.base import AliquotError


class DeviceHostError(AliquotError):
    """A device host refused, or can't be reached."""


class VersionMismatch(DeviceHostError):
    code = "ALQ-E101"
    title = "Two parts of Aliquot have different versions"
    why = (
        "The device host was started by another version of Aliquot and lives while programs use "
        "it; or a program loads the guest driver of another version."
    )
    remedy = "end the programs that run on this device with the other version, then try again"


class BadRecord(DeviceHostError):
    code = "ALQ-E102"
    title = "A record was malformed"
    why = "What was sent over a socket of Aliquot isn't what its protocol allows."
    remedy = "this is a fault in Aliquot or in the peer: please report it"


class NotPermitted(DeviceHostError):
    code = "ALQ-E103"
    title = "Not permitted"
    why = "A vGPU belongs to the user who created it; only that user and root may use it."
    remedy = "use a vGPU of your own"


class MemoryUnavailable(DeviceHostError):
    code = "ALQ-E104"
    title = "The device has less memory left than was asked for"
    why = "Creating a vGPU reserves its memory; other vGPUs have reserved the rest."
    remedy = "ask for less with --memory; 'aliquot vgpus' shows who has reserved what"


class NameTaken(DeviceHostError):
    code = "ALQ-E105"
    title = "The name is taken"
    why = "A vGPU of this name exists on the device, or its owner has one that lives on."
    remedy = "choose another --name"


class NoSuchVgpu(DeviceHostError):
    code = "ALQ-E106"
    title = "There is no such vGPU"
    why = "It was destroyed, or never existed here."
    remedy = "'aliquot vgpus' lists them"


class WorkerStart(DeviceHostError):
    code = "ALQ-E107"
    title = "The worker could not start"
    why = "The worker that executes the vGPU's calls could not start, or could not load the driver."
    remedy = "'aliquot doctor' tells what is wrong"


class LimitReached(DeviceHostError):
    code = "ALQ-E108"
    title = "A limit of the device host is reached"
    why = "The numbers of vGPUs, connections and arenas are bounded."
    remedy = "end vGPUs or programs that are no longer needed"


class InternalError(DeviceHostError):
    code = "ALQ-E109"
    title = "The device host failed"
    why = "A system call failed that should not; the log in the runtime directory says which."
    remedy = "'aliquot doctor' may tell why; else please report it"


class WorkerEnded(DeviceHostError):
    code = "ALQ-E110"
    title = "The worker ended while programs used it"
    why = (
        "A kernel ran longer than its limit, the driver crashed, or the worker held memory that "
        "its vGPU's quota doesn't explain. Programs that were connected get OpenCL errors; the "
        "next one gets a new worker."
    )
    remedy = "raise --kernel-limit if it was a long kernel, else look at the program and its driver"


class ShareUnavailable(DeviceHostError):
    code = "ALQ-E111"
    title = "The device has less time left to promise than was asked for"
    why = "The guarantees of a device's vGPUs add up to 100 % at most."
    remedy = "ask for less with --compute; 'aliquot top --once' shows who was promised what"


class BadShare(DeviceHostError):
    code = "ALQ-E112"
    title = "The device host refuses a share or policy"
    why = (
        "A guarantee, limit, weight, priority class, turn, averaging or limit of copies is out of "
        "its bounds."
    )
    remedy = "'aliquot run --help' and 'aliquot policy --help' tell the bounds"


class VgpuDiffers(DeviceHostError):
    code = "ALQ-E113"
    title = "A vGPU of this id exists and differs"
    why = (
        "Creating a vGPU again is answered with the one that exists, where it is as it was asked "
        "for."
    )
    remedy = "resize or destroy the one that exists, or create one with another id"


class MemoryInUse(DeviceHostError):
    code = "ALQ-E114"
    title = "More memory is in use than the vGPU should have"
    why = (
        "A vGPU gets smaller only where its programs, and what its worker holds for them, leave so "
        "much unused. What was freed a moment ago has been waited for."
    )
    remedy = "end programs that use it, or leave it more memory"


class NoSuchLease(DeviceHostError):
    code = "ALQ-E115"
    title = "There is no such lease"
    why = "It has ended; or a program came to a vGPU that nobody has leased."
    remedy = "take a lease of the vGPU, and use it for as long as that is held"


class NoSuchProcess(DeviceHostError):
    code = "ALQ-E116"
    title = "The process that should hold a lease isn't there"
    why = "A lease is held by a process that runs, and ends with it."
    remedy = "name a process that runs"


class Suspended(DeviceHostError):
    code = "ALQ-E117"
    title = "The vGPU is suspended"
    why = "No worker runs for it, and its programs wait, until it is resumed."
    remedy = "resume it first"


class NotStopped(DeviceHostError):
    code = "ALQ-E118"
    title = "What the vGPU does can't be interrupted now"
    why = (
        "A vGPU is suspended and moved when nothing is under way on it. A kernel without a limit, "
        "a command that waits for a user event, copies held back by a limit, or a program that is "
        "being built are waited for, though not for ever. Its programs have gone on."
    )
    remedy = "try again in a moment, or end the program that is in the way"


class LacksFeature(DeviceHostError):
    code = "ALQ-E119"
    title = "The other device has not all that the vGPU's programs rely on"
    why = (
        "Programs ask a device once what it can do. A vGPU goes on only on a device of which all "
        "that they were told is true. Its programs have gone on where they were, or stay suspended."
    )
    remedy = "move it to a device that has it, or create it movable between the two"


class MoveFailed(DeviceHostError):
    code = "ALQ-E121"
    title = "The vGPU could not be moved"
    why = (
        "The other device's host or worker refused it, died, or took too long. Its programs have "
        "gone on where they were, unless the message says otherwise."
    )
    remedy = "the message tells why; 'aliquot doctor' may tell more of the other device"


class DeviceHostUnreachable(DeviceHostError):
    code = "ALQ-E120"
    title = "The device host can't be reached"
    why = "It did not start, did not answer in time, or ended."
    remedy = "'aliquot doctor' tells what is wrong"


# By the number that travels in records::Error.
BY_NUMBER: dict[int, type[DeviceHostError]] = {
    1: VersionMismatch,
    2: BadRecord,
    3: NotPermitted,
    4: MemoryUnavailable,
    5: NameTaken,
    6: NoSuchVgpu,
    7: WorkerStart,
    8: LimitReached,
    9: InternalError,
    10: WorkerEnded,
    11: ShareUnavailable,
    12: BadShare,
    13: VgpuDiffers,
    14: MemoryInUse,
    15: NoSuchLease,
    16: NoSuchProcess,
    17: Suspended,
    18: NotStopped,
    19: LacksFeature,
    21: MoveFailed,
}
