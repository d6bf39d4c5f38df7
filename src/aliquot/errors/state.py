"""What the store of the state can't do, or refused (ALQ-E3xx)."""

from __future__ import annotations

from aliquot.errors.base import AliquotError


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
