"""What was asked for can't be (ALQ-E2xx)."""

from __future__ import annotations

from aliquot.errors.base import AliquotError


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
    why = "A duration is a positive number with an optional unit: ms, s (the default), m, h or d."
    remedy = "write it like 500ms, 2s, 10m or 2h"


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
    title = "A name is not allowed"
    why = "A name is 1 to 63 letters, digits, '.', '_' and '-', and starts with a letter or digit."
    remedy = "choose another name"


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
    why = (
        "`aliquot diagram` draws into the file that --output names, `aliquot bench fairness` the "
        "shares over time into that of --picture."
    )
    remedy = "choose a file in a directory that you can write"


class BadInventory(UserError):
    code = "ALQ-E223"
    title = "The inventory file can't be used"
    why = (
        "`--inventory` names a YAML file with simulated devices; what it says must fit its schema, "
        "so that a slip of the pen is no plan. The message names the line."
    )
    remedy = "correct the file; docs/cli.md shows a whole one"


class PictureNeedsLibrary(UserError):
    code = "ALQ-E225"
    title = "What draws pixels is not installed"
    why = "A picture in PNG is drawn by resvg, an optional package; SVG needs nothing more."
    remedy = "pip install 'aliquot[png]', or choose --format svg"


class DeviceNotOffered(UnknownDevice):
    code = "ALQ-E224"
    title = "No OpenCL driver offers this device"
    why = (
        "The device is there, but the mode remoting goes through an OpenCL driver, and none offers "
        "it: none is installed for it, or the card is kept for virtual machines."
    )
    remedy = "'aliquot devices DEVICE' tells what it can do and why not the rest"


class BadVmSocket(UserError):
    code = "ALQ-E226"
    title = "No socket for a guest VM can be made there"
    why = (
        "QEMU finds the host's end of a guest VM's port by the path of a socket, which must "
        "be free, at most 107 bytes long, in a folder that you can write."
    )
    remedy = "name another path, in a folder of your own"
