"""Every error that Aliquot tells a user about.

    AliquotError
    ├── UserError                   what was asked for can't be (ALQ-E2xx)
    │   ├── UsageError, BadSize, BadDuration, BadName, BadTraceFile
    │   ├── NoDriver, IncompatibleDriver (ChosenDriverUnusable)
    │   ├── UnknownDevice (DeviceNotOffered), AmbiguousDevice, QuotaAboveDevice, AmbiguousVgpu
    │   ├── ImpossibleShare, UnknownPriorityClass, UnknownPolicy, BadTurn, BadPictureFile
    │   ├── BadInventory
    │   ├── BadRuntimeDirectory, MissingNativeProgram, BenchmarkFailed
    │   └── CommandNotFound, CommandNotExecutable
    ├── DeviceHostError             what a device host refused (ALQ-E1xx)
    │   ├── VersionMismatch, BadRecord, NotPermitted, MemoryUnavailable, NameTaken
    │   ├── NoSuchVgpu, WorkerStart, LimitReached, InternalError, WorkerEnded
    │   ├── ShareUnavailable, BadShare, VgpuDiffers, MemoryInUse, NoSuchLease, NoSuchProcess
    │   ├── Suspended, NotStopped, LacksFeature, MoveFailed
    │   └── DeviceHostUnreachable
    └── StateError                  what the store of the state can't do, or refused (ALQ-E3xx)
        ├── StoreInUse, StoreTaken, StoreLocked, StoreFull, StoreUnreachable
        ├── BadStateDirectory, BadStoreUrl, MissingStoreDriver, NewerSchema, OlderSchema
        ├── NotAStore, DamagedStore, BadBackup
        ├── IllegalTransition, ChangedMeanwhile, IdempotencyKeyReused, BadSpec
        └── NoSuchEntry, TokenRefused, EventsForgotten, DeviceLost

Codes are stable: they are never reused and never change their meaning. ALQ-E101 to ALQ-E119 and
ALQ-E121 are `aliquot::records::ErrorCode` of native/protocol/records.h. docs/errors.md is made
from this file by `python -m aliquot.errors`; a test compares the two. No import here may be slow.
"""

from __future__ import annotations

EXIT_PROBLEM = 1
EXIT_USER_ERROR = 2


class AliquotError(Exception):
    """An error with a stable code, a sentence and a remedy; prints as one line."""

    code: str = "ALQ-E000"
    title: str = "Something went wrong"
    why: str = ""
    remedy: str = ""
    exit_status: int = EXIT_USER_ERROR

    def __init__(self, what: str = "", remedy: str | None = None) -> None:
        """Say `what` happened in a clause without a full stop; `remedy` replaces the usual one."""
        self.what = what or self.title
        if remedy is not None:
            self.remedy = remedy
        super().__init__(self.what)

    def __str__(self) -> str:
        """One sentence: what happened and what to do."""
        return f"{self.what}; {self.remedy}" if self.remedy else self.what

    def as_dict(self) -> dict[str, str]:
        """The error for `--json`."""
        return {"code": self.code, "what": self.what, "why": self.why, "remedy": self.remedy}


class UserError(AliquotError):
    """What the user asked for can't be done as asked."""


class UsageError(UserError):
    code = "ALQ-E201"
    title = "The command line is not understood"
    why = "An option or argument is unknown, missing or doesn't fit another one."
    remedy = "see --help"


class BadSize(UserError):
    code = "ALQ-E202"
    title = "A size is not understood"
    why = (
        "A size is a positive number with an optional unit: B, K, M, G, T or KiB … TiB (1024), "
        "KB … TB (1000)."
    )
    remedy = "write it like 512MiB, 2GiB or 1.5G"


class BadDuration(UserError):
    code = "ALQ-E203"
    title = "A duration is not understood"
    why = "A duration is a positive number with an optional unit: ms, s (the default) or min."
    remedy = "write it like 500ms, 2s or 1min"


class NoDriver(UserError):
    code = "ALQ-E204"
    title = "No OpenCL driver is installed"
    why = (
        "No driver is named in /etc/OpenCL/vendors (or where OCL_ICD_VENDORS points) and the "
        "software GPU is not installed beside this Python."
    )
    remedy = (
        "install your GPU's driver, or a software GPU with: pip install 'aliquot[software-gpu]'"
    )


class IncompatibleDriver(UserError):
    code = "ALQ-E205"
    title = "No OpenCL driver here is usable"
    why = "Drivers were found, but none of them could be loaded and offers a device."
    remedy = "'aliquot doctor' tells what is wrong with each"


class UnknownDevice(UserError):
    code = "ALQ-E206"
    title = "There is no such device"
    why = "--device takes an index, a UUID or a unique part of a name, as 'aliquot devices' prints."
    remedy = "'aliquot devices' lists them"


class AmbiguousDevice(UserError):
    code = "ALQ-E207"
    title = "Several devices fit"
    why = "The text given to --device is part of the name of more than one device."
    remedy = "give the index or the UUID that 'aliquot devices' prints"


class QuotaAboveDevice(UserError):
    code = "ALQ-E208"
    title = "The quota is above the device's memory"
    why = "A vGPU can't have more memory than its device has."
    remedy = "ask for less with --memory, or choose another --device"


class BadRuntimeDirectory(UserError):
    code = "ALQ-E209"
    title = "The runtime directory can't be used"
    why = (
        "Sockets lie in /run/aliquot for root, else in $XDG_RUNTIME_DIR/aliquot, else in "
        "/tmp/aliquot-UID. It must belong to you, be closed to others, and have a short path, "
        "because a socket's path holds 107 bytes at most."
    )
    remedy = "set ALIQUOT_RUNTIME_DIR to a directory of your own with a short path"


class MissingNativeProgram(UserError):
    code = "ALQ-E210"
    title = "A native program is missing"
    why = "The wheel carries the native programs; a development tree names its build instead."
    remedy = "install Aliquot again, or set ALIQUOT_NATIVE_DIR to the build's directory"


class CommandNotFound(UserError):
    code = "ALQ-E211"
    title = "The command does not exist"
    why = "Exit status 127, as a shell gives it."
    remedy = "check its spelling and PATH"
    exit_status = 127


class CommandNotExecutable(UserError):
    code = "ALQ-E212"
    title = "The command can't be executed"
    why = "Exit status 126, as a shell gives it."
    remedy = "check its permissions, with chmod +x if it is a program"
    exit_status = 126


class BadName(UserError):
    code = "ALQ-E213"
    title = "A vGPU's name is not allowed"
    why = "A name is 1 to 63 letters, digits, '.', '_' and '-', and starts with a letter or digit."
    remedy = "choose another --name"


class BenchmarkFailed(UserError):
    code = "ALQ-E214"
    title = "The benchmark program failed"
    why = (
        "A program of the benchmark ended with an error or not at all, natively or on a vGPU, or "
        "the device is in use."
    )
    remedy = "'aliquot doctor' tells what is wrong"


class BadTraceFile(UserError):
    code = "ALQ-E215"
    title = "The trace file can't be written"
    why = "--trace writes one line a command to this file."
    remedy = "choose a file in a directory that you can write"


class ChosenDriverUnusable(IncompatibleDriver):
    code = "ALQ-E216"
    title = "The driver that was chosen can't be used"
    why = (
        "OCL_ICD_VENDORS or OCL_ICD_FILENAMES names drivers, and none of them could be loaded and "
        "offers a device. Another driver doesn't take their place unasked."
    )
    remedy = "correct or unset the variable; 'aliquot doctor' tells what is wrong with each"


class ImpossibleShare(UserError):
    code = "ALQ-E217"
    title = "A share can't be as it was asked for"
    why = (
        "Shares are percent of one device's time, above 0 and up to 100, with at most two "
        "decimals; a limit is not below its guarantee; a weight is a whole number from 1 to 1000; "
        "a limit of copies is at least 1 MiB a second."
    )
    remedy = "write it like --compute 25 --compute-limit 40 --weight 2"


class UnknownPriorityClass(UserError):
    code = "ALQ-E218"
    title = "There is no such priority class"
    why = "A vGPU is of one of three priority classes; normal is the default."
    remedy = "choose latency, normal or batch"


class UnknownPolicy(UserError):
    code = "ALQ-E219"
    title = "There is no such policy"
    why = "A policy says how a device's time is shared among its vGPUs."
    remedy = "choose best-effort, equal-share or fixed-share"


class BadTurn(UserError):
    code = "ALQ-E220"
    title = "A policy's turn or averaging can't be as it was asked for"
    why = (
        "A turn is the stretch of device time that one vGPU is granted at once: 1 to 30 ms, or "
        "auto. The averaging, 1 to 60, says over how many turns a debt is paid back."
    )
    remedy = "write it like --turn 2ms --averaging 4"


class AmbiguousVgpu(UserError):
    code = "ALQ-E221"
    title = "Several vGPUs fit"
    why = "Names and numbers of vGPUs are unique on one device, not on all of them."
    remedy = "say which device with --device"


class BadPictureFile(UserError):
    code = "ALQ-E222"
    title = "The picture can't be written"
    why = "`aliquot bench fairness` draws the shares over time into the file that --picture names."
    remedy = "choose a file in a directory that you can write with --picture"


class BadInventory(UserError):
    code = "ALQ-E223"
    title = "The inventory file can't be used"
    why = (
        "`--inventory` names a YAML file with simulated devices; what it says must fit its schema, "
        "so that a slip of the pen is no plan. The message names the line."
    )
    remedy = "correct the file; docs/cli.md shows a whole one"


class DeviceNotOffered(UnknownDevice):
    code = "ALQ-E224"
    title = "No OpenCL driver offers this device"
    why = (
        "The device is there, but the mode remoting goes through an OpenCL driver, and none offers "
        "it: none is installed for it, or the card is kept for virtual machines."
    )
    remedy = "'aliquot devices DEVICE' tells what it can do and why not the rest"


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
        "Programs ask a device once what it can do. A vGPU moves only to a device of which all "
        "that they were told is true. Its programs have gone on."
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


class StateError(AliquotError):
    """The store of the state can't do something, or refuses to."""


class StoreInUse(StateError):
    code = "ALQ-E301"
    title = "Another process uses the state"
    why = "One daemon at a time works on a state folder, and nothing is restored under it."
    remedy = "end that process first, or set ALIQUOT_STATE to another folder"


class StoreTaken(StateError):
    code = "ALQ-E302"
    title = "Another daemon has taken over the state"
    why = (
        "A daemon of the same node opened the state after this one had lost its hold on it. "
        "Nothing of this one is written any more."
    )
    remedy = "let the other daemon run; this one must end"


class StoreLocked(StateError):
    code = "ALQ-E303"
    title = "The database is locked"
    why = "Another program has held the database for longer than we wait for it."
    remedy = "try again; end the program that holds it if that goes on"


class StoreFull(StateError):
    code = "ALQ-E304"
    title = "The disk of the state is full"
    why = "What was to be written is not written, and what was there is as it was."
    remedy = "make room on the disk that holds the state, then try again"


class StoreUnreachable(StateError):
    code = "ALQ-E305"
    title = "The database can't be reached"
    why = "It did not answer, ended the connection, or its files can't be read or written."
    remedy = "see whether its server runs and its disk is sound, then try again"


class BadStateDirectory(StateError):
    code = "ALQ-E306"
    title = "The state folder can't be used"
    why = (
        "The state lies in /var/lib/aliquot for root, else in $XDG_STATE_HOME/aliquot or "
        "~/.local/state/aliquot. It must belong to you and be closed to others."
    )
    remedy = "correct its owner and permissions, or set ALIQUOT_STATE to a folder of your own"


class BadStoreUrl(StateError):
    code = "ALQ-E307"
    title = "The state's address is not understood"
    why = "ALIQUOT_STATE is a folder, or the URL of a PostgreSQL database."
    remedy = "write it like /srv/aliquot or postgresql://user@host/aliquot"


class MissingStoreDriver(StateError):
    code = "ALQ-E308"
    title = "The driver for PostgreSQL is not installed"
    why = "SQLite needs nothing more; PostgreSQL needs the optional package psycopg."
    remedy = "install it with: pip install 'aliquot[postgresql]'"


class NewerSchema(StateError):
    code = "ALQ-E309"
    title = "The state was written by a newer version of Aliquot"
    why = "An older version would not understand it, and could damage it."
    remedy = "install the newer version again, or restore a backup that this one wrote"


class OlderSchema(StateError):
    code = "ALQ-E310"
    title = "The state was written by an older version of Aliquot"
    why = "Reading alone changes nothing; the daemon brings the state up to date as it starts."
    remedy = "start the daemon once, then try again"


class NotAStore(StateError):
    code = "ALQ-E311"
    title = "There is no state of Aliquot"
    why = "The file or database is missing, or is something else; nothing of it was changed."
    remedy = "look at ALIQUOT_STATE; 'aliquot restore' brings back a backup"


class DamagedStore(StateError):
    code = "ALQ-E312"
    title = "The state is damaged"
    why = "The database's own checks failed: the disk lost or changed something."
    remedy = "bring back a backup with 'aliquot restore FILE'; the damaged files are kept beside it"


class BadBackup(StateError):
    code = "ALQ-E313"
    title = "The backup can't be written or used"
    why = "A backup is a file of its own: a new one to write, a whole one to restore."
    remedy = "choose another file"


class IllegalTransition(StateError):
    code = "ALQ-E320"
    title = "The vGPU is not in a state for that"
    why = (
        "A vGPU goes from pending to ready, leased and suspended; it may fail from anywhere, and a "
        "deleted one stays deleted."
    )
    remedy = "look at its state, and wait or change that first"


class ChangedMeanwhile(StateError):
    code = "ALQ-E321"
    title = "It was changed meanwhile"
    why = "A change names the generation that it was made for, and there is a newer one."
    remedy = "read it again, then make the change again if it is still wanted"


class IdempotencyKeyReused(StateError):
    code = "ALQ-E322"
    title = "The idempotency key belongs to another request"
    why = "A key is for one request and its repetitions: the same key with other content is a slip."
    remedy = "use a new key for a new request"


class NoSuchEntry(StateError):
    code = "ALQ-E323"
    title = "There is no such entry"
    why = "The lease, profile, group, token, device or place in the queue is gone or never was."
    remedy = "list what there is"


class BadSpec(StateError):
    code = "ALQ-E324"
    title = "A vGPU can't be as it was asked for"
    why = (
        "Memory is above 0; there are up to 64 labels, whose keys and values are 1 to 63 letters, "
        "digits, '.', '_' and '-' (a value may be empty, a key may contain '/')."
    )
    remedy = "correct that and ask again"


class TokenRefused(StateError):
    code = "ALQ-E325"
    title = "The token is not accepted"
    why = "It is unknown, has expired or was revoked; which of these isn't told."
    remedy = "ask an administrator for a new one"


class EventsForgotten(StateError):
    code = "ALQ-E326"
    title = "The events since then are no longer kept"
    why = "Events are kept for a week, and a restored state begins a new account of them."
    remedy = "list everything again, then watch from the number that the list names"


class DeviceLost(StateError):
    code = "ALQ-E327"
    title = "The device of the vGPU is gone"
    why = "The machine no longer offers it; the vGPU recovers when the device returns."
    remedy = "'aliquot devices' lists what is there; 'aliquot doctor' may tell why it is gone"


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


def catalogue() -> list[type[AliquotError]]:
    """Every error that has a code of its own, in the order of the codes."""
    found: list[type[AliquotError]] = []
    waiting: list[type[AliquotError]] = [AliquotError]
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if "code" in kind.__dict__ and kind is not AliquotError:
            found.append(kind)
    return sorted(found, key=lambda kind: kind.code)


def documentation() -> str:
    """The text of docs/errors.md."""
    lines = [
        "# Errors",
        "",
        "Every error has a stable code, says what happened in one sentence, and what to do. The",
        "command line prints it as one line on stderr and ends with exit status 2 unless said",
        "otherwise here. This page is made from `src/aliquot/errors.py` by `python -m "
        "aliquot.errors`.",
    ]
    for kind in catalogue():
        remedy = kind.remedy[0].upper() + kind.remedy[1:]
        lines += ["", f"## {kind.code}: {kind.title}", "", kind.why, "", f"What to do: {remedy}."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    # Run as a program this module is a second copy of itself: ask the one that others import.
    from aliquot import errors as _errors

    print(_errors.documentation(), end="")
