"""Every error that Aliquot tells a user about.

    AliquotError
    ├── UserError                   what was asked for can't be (ALQ-E2xx)
    │   ├── UsageError, BadSize, BadDuration, BadName, BadTraceFile
    │   ├── NoDriver, IncompatibleDriver (ChosenDriverUnusable)
    │   ├── UnknownDevice (DeviceNotOffered), AmbiguousDevice, QuotaAboveDevice, AmbiguousVgpu
    │   ├── ImpossibleShare, UnknownPriorityClass, UnknownPolicy, BadTurn, BadPictureFile
    │   ├── BadInventory, PictureNeedsLibrary
    │   ├── BadRuntimeDirectory, MissingNativeProgram, BenchmarkFailed
    │   └── CommandNotFound, CommandNotExecutable
    ├── DeviceHostError             what a device host refused (ALQ-E1xx)
    │   ├── VersionMismatch, BadRecord, NotPermitted, MemoryUnavailable, NameTaken
    │   ├── NoSuchVgpu, WorkerStart, LimitReached, InternalError, WorkerEnded
    │   ├── ShareUnavailable, BadShare, VgpuDiffers, MemoryInUse, NoSuchLease, NoSuchProcess
    │   ├── Suspended, NotStopped, LacksFeature, MoveFailed
    │   └── DeviceHostUnreachable
    ├── StateError                  what the store of the state can't do, or refused (ALQ-E3xx)
    │   ├── StoreInUse, StoreTaken, StoreLocked, StoreFull, StoreUnreachable
    │   ├── BadStateDirectory, BadStoreUrl, MissingStoreDriver, NewerSchema, OlderSchema
    │   ├── NotAStore, DamagedStore, BadBackup
    │   ├── IllegalTransition, ChangedMeanwhile, IdempotencyKeyReused, BadSpec
    │   └── NoSuchEntry, TokenRefused, EventsForgotten, DeviceLost
    ├── DaemonError                 what the daemon and its API refused (ALQ-E4xx)
    │   ├── SimulatedDevice, NotYourProcess, NoDeviceFits
    │   ├── DaemonUnreachable, NotUnderstood, BadApiAddress, BadTokenFile
    │   ├── BadRequest, NoCredentials, NotAllowed, NoSuchRoute, RequestTooLarge
    │   ├── UnknownContent, TooManyConnections, DaemonFault
    │   ├── DaemonRunning, AddressInUse, BadListenAddress, BadServerSetting
    │   ├── NoDaemon, WaitedInVain, NotConfirmed, BadLabel, SetupFailed, VgpuUnusable
    │   ├── QueueFull, SizeNeeded, WaitedTooLong, GroupDoesNotFit, BadGroup, TooManyVgpus
    │   └── TenantQuota, NoDashboard
    └── PlacementError              what planning and simulating can't use (ALQ-E7xx)
        ├── BadNodeList, BadPodList, BadSeeds, UnknownPlacementPolicy
        └── ImpossibleRequest, MissingPlanningLibrary, NoHistory

Codes are stable: they are never reused and never change their meaning. ALQ-E101 to ALQ-E119 and
ALQ-E121 are `aliquot::records::ErrorCode` of native/protocol/records.h. docs/errors.md is made from
this folder by `python -m aliquot.errors`; a test compares the two. No import here may be slow.
"""

from __future__ import annotations

from aliquot.errors.base import (
    EXIT_PROBLEM,
    EXIT_USER_ERROR,
    AliquotError,
)
from aliquot.errors.daemon import (
    AddressInUse,
    BadApiAddress,
    BadGroup,
    BadLabel,
    BadListenAddress,
    BadRequest,
    BadServerSetting,
    BadTokenFile,
    DaemonError,
    DaemonFault,
    DaemonRunning,
    DaemonUnreachable,
    GroupDoesNotFit,
    NoCredentials,
    NoDaemon,
    NoDashboard,
    NoDeviceFits,
    NoSuchRoute,
    NotAllowed,
    NotConfirmed,
    NotUnderstood,
    NotYourProcess,
    QueueFull,
    RequestTooLarge,
    SetupFailed,
    SimulatedDevice,
    SizeNeeded,
    TenantQuota,
    TooManyConnections,
    TooManyVgpus,
    UnknownContent,
    VgpuUnusable,
    WaitedInVain,
    WaitedTooLong,
)
from aliquot.errors.device_host import (
    BY_NUMBER,
    BadRecord,
    BadShare,
    DeviceHostError,
    DeviceHostUnreachable,
    InternalError,
    LacksFeature,
    LimitReached,
    MemoryInUse,
    MemoryUnavailable,
    MoveFailed,
    NameTaken,
    NoSuchLease,
    NoSuchProcess,
    NoSuchVgpu,
    NotPermitted,
    NotStopped,
    ShareUnavailable,
    Suspended,
    VersionMismatch,
    VgpuDiffers,
    WorkerEnded,
    WorkerStart,
)
from aliquot.errors.placement import (
    BadNodeList,
    BadPodList,
    BadSeeds,
    ImpossibleRequest,
    MissingPlanningLibrary,
    NoHistory,
    PlacementError,
    UnknownPlacementPolicy,
)
from aliquot.errors.state import (
    BadBackup,
    BadSpec,
    BadStateDirectory,
    BadStoreUrl,
    ChangedMeanwhile,
    DamagedStore,
    DeviceLost,
    EventsForgotten,
    IdempotencyKeyReused,
    IllegalTransition,
    MissingStoreDriver,
    NewerSchema,
    NoSuchEntry,
    NotAStore,
    OlderSchema,
    StateError,
    StoreFull,
    StoreInUse,
    StoreLocked,
    StoreTaken,
    StoreUnreachable,
    TokenRefused,
)
from aliquot.errors.user import (
    AmbiguousDevice,
    AmbiguousVgpu,
    BadDuration,
    BadInventory,
    BadName,
    BadPictureFile,
    BadRuntimeDirectory,
    BadSize,
    BadTraceFile,
    BadTurn,
    BenchmarkFailed,
    ChosenDriverUnusable,
    CommandNotExecutable,
    CommandNotFound,
    DeviceNotOffered,
    ImpossibleShare,
    IncompatibleDriver,
    MissingNativeProgram,
    NoDriver,
    PictureNeedsLibrary,
    QuotaAboveDevice,
    UnknownDevice,
    UnknownPolicy,
    UnknownPriorityClass,
    UsageError,
    UserError,
)

__all__ = [
    "BY_NUMBER",
    "EXIT_PROBLEM",
    "EXIT_USER_ERROR",
    "AddressInUse",
    "AliquotError",
    "AmbiguousDevice",
    "AmbiguousVgpu",
    "BadApiAddress",
    "BadBackup",
    "BadDuration",
    "BadGroup",
    "BadInventory",
    "BadLabel",
    "BadListenAddress",
    "BadName",
    "BadNodeList",
    "BadPictureFile",
    "BadPodList",
    "BadRecord",
    "BadRequest",
    "BadRuntimeDirectory",
    "BadSeeds",
    "BadServerSetting",
    "BadShare",
    "BadSize",
    "BadSpec",
    "BadStateDirectory",
    "BadStoreUrl",
    "BadTokenFile",
    "BadTraceFile",
    "BadTurn",
    "BenchmarkFailed",
    "ChangedMeanwhile",
    "ChosenDriverUnusable",
    "CommandNotExecutable",
    "CommandNotFound",
    "DaemonError",
    "DaemonFault",
    "DaemonRunning",
    "DaemonUnreachable",
    "DamagedStore",
    "DeviceHostError",
    "DeviceHostUnreachable",
    "DeviceLost",
    "DeviceNotOffered",
    "EventsForgotten",
    "GroupDoesNotFit",
    "IdempotencyKeyReused",
    "IllegalTransition",
    "ImpossibleRequest",
    "ImpossibleShare",
    "IncompatibleDriver",
    "InternalError",
    "LacksFeature",
    "LimitReached",
    "MemoryInUse",
    "MemoryUnavailable",
    "MissingNativeProgram",
    "MissingPlanningLibrary",
    "MissingStoreDriver",
    "MoveFailed",
    "NameTaken",
    "NewerSchema",
    "NoCredentials",
    "NoDaemon",
    "NoDashboard",
    "NoDeviceFits",
    "NoDriver",
    "NoHistory",
    "NoSuchEntry",
    "NoSuchLease",
    "NoSuchProcess",
    "NoSuchRoute",
    "NoSuchVgpu",
    "NotAStore",
    "NotAllowed",
    "NotConfirmed",
    "NotPermitted",
    "NotStopped",
    "NotUnderstood",
    "NotYourProcess",
    "OlderSchema",
    "PictureNeedsLibrary",
    "PlacementError",
    "QueueFull",
    "QuotaAboveDevice",
    "RequestTooLarge",
    "SetupFailed",
    "ShareUnavailable",
    "SimulatedDevice",
    "SizeNeeded",
    "StateError",
    "StoreFull",
    "StoreInUse",
    "StoreLocked",
    "StoreTaken",
    "StoreUnreachable",
    "Suspended",
    "TenantQuota",
    "TokenRefused",
    "TooManyConnections",
    "TooManyVgpus",
    "UnknownContent",
    "UnknownDevice",
    "UnknownPlacementPolicy",
    "UnknownPolicy",
    "UnknownPriorityClass",
    "UsageError",
    "UserError",
    "VersionMismatch",
    "VgpuDiffers",
    "VgpuUnusable",
    "WaitedInVain",
    "WaitedTooLong",
    "WorkerEnded",
    "WorkerStart",
]
