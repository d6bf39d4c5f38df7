"""What the daemon and its API refused (ALQ-E4xx)."""

from __future__ import annotations

from aliquot.errors.base import AliquotError


class DaemonError(AliquotError):
    """The daemon can't do something, or refuses to."""


class SimulatedDevice(DaemonError):
    code = "ALQ-E401"
    title = "The device is simulated"
    why = (
        "An inventory file describes it, for tests and for planning: vGPUs find their places on "
        "it, and no program can use them."
    )
    remedy = "create the vGPU on a real device; 'aliquot devices' tells which are simulated"


class NotYourProcess(DaemonError):
    code = "ALQ-E403"
    title = "The process isn't yours"
    why = "A lease is held by a process of the user who asks for it, and ends with that process."
    remedy = "name a process of your own that runs"


class NoDeviceFits(DaemonError):
    code = "ALQ-E404"
    title = "No device can hold the vGPU"
    why = "A vGPU in the mode remoting needs a device that an OpenCL driver offers to programs."
    remedy = "'aliquot devices' lists the devices and what each can do"


class DaemonUnreachable(DaemonError):
    code = "ALQ-E420"
    title = "The daemon can't be reached"
    why = "Nothing listens at its address, it ended, or it did not answer in time."
    remedy = "start it with 'aliquot serve', or see what its log says"


class BadRequest(DaemonError):
    code = "ALQ-E421"
    title = "The request is malformed"
    why = "A request that isn't as docs/openapi.json has it is refused, and nothing of it is done."
    remedy = "correct the field or parameter that is named"


class NoCredentials(DaemonError):
    code = "ALQ-E422"
    title = "Nobody is known to ask"
    why = "Over TCP a caller proves who it is by a token; on the Unix socket the kernel tells."
    remedy = "send a token as 'Authorization: Bearer …', or use the Unix socket"


class NotAllowed(DaemonError):
    code = "ALQ-E423"
    title = "The caller may not do that"
    why = "Its role, or what its token is narrowed to, doesn't cover it."
    remedy = "ask an administrator, or use a token of a wider role or scope"


class NoSuchRoute(DaemonError):
    code = "ALQ-E424"
    title = "There is nothing at that address"
    why = "The API has no such path, or not with that method."
    remedy = "look at docs/api.md for what there is"


class RequestTooLarge(DaemonError):
    code = "ALQ-E425"
    title = "The request is too large"
    why = "Bodies and headers have a limit, so that nobody can fill the daemon's memory."
    remedy = "send less at once"


class TooManyConnections(DaemonError):
    code = "ALQ-E426"
    title = "Too many connections"
    why = "Connections of one user are bounded, so that there are some left for others."
    remedy = "close some of them, then try again"


class DaemonFault(DaemonError):
    code = "ALQ-E427"
    title = "The daemon failed"
    why = "Something happened in it that should not; its log tells what, under the same number."
    remedy = "please report it, with what the log says"


class DaemonRunning(DaemonError):
    code = "ALQ-E428"
    title = "Another daemon listens on the socket"
    why = "One daemon at a time serves a socket."
    remedy = "end that one first, or give this one another --socket and ALIQUOT_STATE"


class AddressInUse(DaemonError):
    code = "ALQ-E429"
    title = "The address can't be listened on"
    why = "Another program has the port or the path, or it isn't ours to take."
    remedy = "choose another, or end what uses it"


class BadListenAddress(DaemonError):
    code = "ALQ-E430"
    title = "The API is offered on this machine only"
    why = "There is no encryption yet: tokens over a network could be read on the way."
    remedy = "give --listen like 127.0.0.1:7070 or [::1]:7070"


class BadApiAddress(DaemonError):
    code = "ALQ-E431"
    title = "The daemon's address is not understood"
    why = "ALIQUOT_API is the path of a Unix socket, or http:// and an address of this machine."
    remedy = "write it like /run/aliquot/api.sock or http://127.0.0.1:7070"


class BadTokenFile(DaemonError):
    code = "ALQ-E432"
    title = "The token can't be read"
    why = "ALIQUOT_TOKEN_FILE names a file with one token, which only its owner can read."
    remedy = "correct the path, the content or the permissions (chmod 600)"


class NotUnderstood(DaemonError):
    code = "ALQ-E433"
    title = "The daemon's answer is not understood"
    why = "It is of another version, or something else answers at its address."
    remedy = "see that 'aliquot --version' and the daemon's are the same, and look at ALIQUOT_API"


class BadServerSetting(DaemonError):
    code = "ALQ-E434"
    title = "The daemon can't start like that"
    why = "What it was told by its options or by systemd can't be used."
    remedy = "see 'aliquot serve --help'"


class UnknownContent(DaemonError):
    code = "ALQ-E435"
    title = "The request's content is of a kind that isn't understood"
    why = "Bodies are JSON: application/json, and for changes also application/merge-patch+json."
    remedy = "send it so, and say so with Content-Type"


class NoDaemon(DaemonError):
    code = "ALQ-E440"
    title = "No daemon listens here"
    why = (
        "vGPUs that last, leases, groups, profiles and the queue are the daemon's. It is looked "
        "for at ALIQUOT_API, else at api.sock in your runtime directory, else in /run/aliquot."
    )
    remedy = "start one with 'aliquot serve', or 'systemctl start aliquot'"


class WaitedInVain(DaemonError):
    code = "ALQ-E441"
    title = "What was waited for did not come"
    why = "--wait says how long to wait for a place on a device, or until a vGPU can be used."
    remedy = "wait longer, or see with 'aliquot create --dry-run' what would make it fit"


class NotConfirmed(DaemonError):
    code = "ALQ-E442"
    title = "Nobody confirmed it"
    why = "What can't be undone is asked for on a terminal, or confirmed by an option."
    remedy = "confirm it with --yes"


class BadLabel(DaemonError):
    code = "ALQ-E443"
    title = "A label is not understood"
    why = (
        "A label is KEY=VALUE, each of letters, digits, '.', '_' and '-' (the key with '/', too), "
        "up to 63 of them."
    )
    remedy = "write it like --label team=vision"


class SetupFailed(DaemonError):
    code = "ALQ-E444"
    title = "A file of the service can't be installed or removed"
    why = "`aliquot setup` writes into folders of the system, or with --user into your own."
    remedy = "run it as root, or with --user"


class VgpuUnusable(DaemonError):
    code = "ALQ-E445"
    title = "The vGPU can't be used now"
    why = "A vGPU that failed, is suspended or waits for a place can't be leased."
    remedy = "'aliquot show VGPU' tells its state and why"


class QueueFull(DaemonError):
    code = "ALQ-E480"
    title = "Too many vGPUs of the tenant wait already"
    why = "The queue is bounded for each tenant, so that nobody can fill it for all."
    remedy = "wait until some are served, or take some out of the queue; 'aliquot queue' lists them"


class SizeNeeded(DaemonError):
    code = "ALQ-E481"
    title = "The vGPU needs a size"
    why = (
        "Without one it would take all that is free on its device: that is no size to wait for, "
        "nor to share a device with others of its group."
    )
    remedy = "say how much with --memory or --profile"


class WaitedTooLong(DaemonError):
    code = "ALQ-E482"
    title = "The vGPU waited as long as it was to, and got no place"
    why = "What it needs did not become free in that time, or others waited for it longer."
    remedy = "'aliquot create --dry-run' tells what would make it fit; then ask again"


class GroupDoesNotFit(DaemonError):
    code = "ALQ-E483"
    title = "There is no room for all members of the group"
    why = "A group gets places for all of its members at once, or none."
    remedy = "ask for less, let members share devices, or let the group wait"


class BadGroup(DaemonError):
    code = "ALQ-E484"
    title = "A group can't be as it was asked for"
    why = (
        "Members have names of their own, belong to one tenant, wait all or none, and are leased "
        "one by one once they are there."
    )
    remedy = "correct that and ask again"


class TooManyVgpus(DaemonError):
    code = "ALQ-E489"
    title = "The tenant has too many vGPUs"
    why = (
        "Those that wait and all members of groups count. The number is bounded for who is no "
        "administrator ('aliquot serve --most-vgpus'), so that nobody can fill the devices for all."
    )
    remedy = "delete some first, 'aliquot vgpus' lists them; or ask an administrator for more"


class TenantQuota(DaemonError):
    code = "ALQ-E490"
    title = "The tenant may not have that much"
    why = (
        "What all of its vGPUs ask for counts, those that wait or are suspended included. It is "
        "bounded for who is no administrator where the daemon was told so ('aliquot serve "
        "--most-memory', '--most-compute')."
    )
    remedy = (
        "ask for less, delete or shrink some vGPUs of the tenant first; or ask an administrator "
        "for more"
    )


class NotInThisMode(DaemonError):
    code = "ALQ-E491"
    title = "A vGPU of this mode can't do that"
    why = (
        "Shares of the time, waiting, moving, suspending and leases of processes are software's, "
        "of the mode remoting. What hardware cuts or hands over is there as it is, or not at all."
    )
    remedy = "leave that out, or make it in the mode remoting; docs/modes has what each mode can"


class NoModeSuits(DaemonError):
    code = "ALQ-E492"
    title = "No mode does all that is asked"
    why = (
        "Who uses a vGPU, what keeps it from others and whether it is resized in use decide on its "
        "mode, and no device here can do one that is left."
    )
    remedy = "ask for less, or name a mode; 'aliquot devices DEVICE' tells why each can't be"


class BadCarrier(DaemonError):
    code = "ALQ-E493"
    title = "That vGPU can't carry others"
    why = (
        "Programs of this machine use a MIG instance, or a virtual function that has its vendor's "
        "driver; what is handed to virtual machines carries nothing."
    )
    remedy = "name a vGPU of the mode mig that is ready"


class BadPriorityMix(DaemonError):
    code = "ALQ-E495"
    title = "A mix of priority classes is not understood"
    why = (
        "It says of two classes how many of the second may be on a device beside a vGPU of the "
        "first: FIRST:SECOND=NUMBER, several with commas between them."
    )
    remedy = "write it like --priority-mix latency:batch=0,latency:latency=1, or none"


class ClassNotBeside(DaemonError):
    code = "ALQ-E496"
    title = "The device's mix of priority classes has no room for another class"
    why = "Its administrator bounds which classes may share the device, and how many of each."
    remedy = (
        "move the vGPU first, leave its class as it is, or ask an administrator to change the mix "
        "('aliquot policy DEVICE --priority-mix')"
    )


class NoDashboard(DaemonError):
    code = "ALQ-E498"
    title = "There is no dashboard to open"
    why = "A browser reaches the daemon over a port of this machine, which is off unless wanted."
    remedy = "start the daemon with --listen 127.0.0.1:7070"
