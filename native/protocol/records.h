// Fixed-size records exchanged with the device host over SOCK_SEQPACKET Unix sockets.
//
// Three kinds of peer talk to a device host: the command line or daemon (control socket), guest
// drivers (one socket a vGPU) and workers (a socket pair made at their start). A record is always
// kRecordSize bytes, so the device host parses nothing of variable length; descriptors travel
// beside it (SCM_RIGHTS). The Python mirror is src/aliquot/client/records.py; a unit test
// compares both layouts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace aliquot::records {

constexpr uint32_t kMagic = 0x51'4c'41'31;  // "1ALQ" in memory
constexpr uint16_t kVersion = 7;            // of this file and of the connection layout together
constexpr size_t kRecordSize = 256;
constexpr size_t kPayloadSize = 240;
constexpr size_t kNameSize = 64;  // zero-terminated, UTF-8

enum class Kind : uint16_t {
  // Any peer, any time. Answer to what can't be done.
  kError = 1,
  kDone = 2,

  // Control: command line or daemon <-> device host.
  kControlHello = 16,
  kControlWelcome = 17,
  kVgpuCreate = 18,
  kVgpuCreated = 19,
  kVgpuDestroy = 20,
  kVgpuList = 21,    // a VgpuReference: those of a higher number; as many as fit into one answer
  // One a vGPU, followed by its kVgpuTurns and kVgpuCopies and, one each, kVgpuLease; after the last
  // kDone, with a VgpuReference to the last one told where there are more.
  kVgpuStatus = 22,
  kVgpuTurns = 23,
  kVgpuResize = 24,  // answered with kDone, which may take a moment where memory is to be freed
  kPolicySet = 25,   // answered with kPolicy
  kPolicyGet = 26,
  kPolicy = 27,
  kReceiptGet = 28,  // a VgpuReference; answered with kReceipt
  kReceipt = 29,     // + descriptor: the vGPU's page (vgpu_page.h), for reading

  // Guest driver <-> device host.
  kGuestHello = 32,
  kGuestWelcome = 33,  // + descriptors: connection memory, account page, the vGPU's page
  kCreditRequest = 34,
  kCreditReply = 35,
  kArenaRequest = 36,
  kArenaReply = 37,  // + descriptor: the arena

  // Device host -> worker.
  kConnect = 48,     // + descriptor: connection memory
  kDisconnect = 49,  // the guest process is gone: free all it had, then answer kGone
  kArena = 50,       // + descriptor: the arena
  kPing = 51,        // answer with kPong, whatever the driver does
  kTurnPage = 52,    // + descriptor, for reading: see turn_page.h. Comes first
  kTurnRecall = 53,  // the turn's deadline was brought forward: the page has the new one
  kAskWork = 54,     // answer with kWork at once
  kAskMemory = 55,   // answer with kMemory, which carries the sequence, at once
  // How a worker's guest processes come to another worker; see worker/image.h. All connections get
  // kFreeze and kThaw at once.
  kFreeze = 56,   // stop between two commands, when nothing is under way: kDrafted or kFreezeFailed
  kThaw = 57,     // go on with commands
  kSave = 58,     // + descriptor, to write the image that was drafted into: kImageDone
  kRestore = 59,  // + descriptor of an image, to make objects from: kImageDone
  kReports = 60,  // an Image + descriptor, as of kVgpuCreate; before any kConnect
  kAskQueues = 61,  // answer with kQueuesTold, which carry the sequence, in a moment

  // Worker -> device host. Claims, never trusted.
  kWorkerReady = 64,
  kWorkerFailed = 65,
  kGone = 66,
  kArenaDropped = 67,
  kViolation = 68,      // a guest process broke the protocol; its connection must end
  kKernelOverrun = 69,  // a kernel ran longer than the vGPU's limit: the worker must end
  kWorkerStatus = 70,
  kPong = 71,  // carries the sequence of its kPing
  kTurnWanted = 72,    // there is work for the device, and no turn
  kTurnFinished = 73,  // all that was submitted in the turn has ended; nothing more is submitted
  kWork = 74,          // processor time that the worker took for other things than the device's work
  kMemory = 75,        // what it holds of the vGPU's memory
  kUnsplitKernel = 76,  // one of the kernels that took long and can't be launched in pieces
  kDrafted = 77,       // a connection stands still, and its image has so many bytes
  kImageDone = 78,     // it was written or read, or why it wasn't
  kFreezeFailed = 79,  // a Violation: why the connection doesn't come to stand still

  // Control, more of one vGPU.
  kVgpuCopies = 80,
  kVgpuShow = 81,     // what kVgpuList tells of this one, then one each of the next two, then kDone
  kVgpuKernel = 82,   // that can't be launched in pieces: the worker's claim
  kVgpuProcess = 83,  // that uses the vGPU
  kVgpuLease = 84,
  kLeaseTake = 85,  // answered with kLease when the worker is ready, else with why it can't be
  kLease = 86,
  kLeaseEnd = 87,  // answered with kDone
  kVgpuSuspend = 88,  // a VgpuReference; answered with kDone when no worker runs any more
  kVgpuResume = 89,   // a VgpuReference; answered with kDone when it goes on
  kVgpuMove = 90,     // a VgpuReference + descriptor: a way to another device host, of kMoveChannel
  kVgpuMoved = 91,    // a VgpuCreated: what it is there
  kMoveReceive = 92,  // answered with kMoveChannel
  kMoveChannel = 93,  // + descriptor: for another device host, to move a vGPU to this one

  // Device host <-> device host, over that. In this order; an answer is kMoveStep or kError.
  kMoveVgpu = 94,
  kMoveGuest = 95,  // + descriptors, as many as it has: image, connection memory, account page, socket
  kMoveArena = 96,  // an Arena + descriptor; carries the sequence of the request that made it
  kMoveLease = 97,  // + descriptor: the holder's pidfd
  kMoveStep = 98,

  // Control, of the device.
  kTurnsGet = 100,
  kTurns = 101,  // + descriptor, where there are any: `turn_count` Turn, by their beginnings; sealed

  // Worker -> device host, of the queues of its guest processes. A claim.
  kQueuesTold = 104,  // of a connection; after all of them one of connection 0

  // Control, of the same.
  kQueuesGet = 106,  // a VgpuReference; answered with kQueues
  kQueues = 107,     // + descriptor, where there are any: `queue_count` VgpuQueue; sealed
};

struct Header {
  uint32_t magic = kMagic;
  uint16_t version = kVersion;
  Kind kind{};
  uint32_t sequence = 0;  // an answer carries the sequence of its request
  uint32_t reserved = 0;
};

// Error codes shared with src/aliquot/errors/, where each has its sentence and its remedy.
enum class ErrorCode : uint32_t {
  kNone = 0,
  kVersionMismatch = 1,    // ALQ-E101
  kBadRecord = 2,          // ALQ-E102
  kNotPermitted = 3,       // ALQ-E103
  kMemoryUnavailable = 4,  // ALQ-E104: more than what is unreserved on the device
  kNameTaken = 5,          // ALQ-E105
  kNoSuchVgpu = 6,         // ALQ-E106
  kWorkerStart = 7,        // ALQ-E107: the worker could not start or load the driver
  kLimitReached = 8,       // ALQ-E108: too many vGPUs, connections or arenas
  kInternal = 9,           // ALQ-E109
  kWorkerEnded = 10,       // ALQ-E110: unasked (sequence 0), to the control connection of a vGPU
  kShareUnavailable = 11,  // ALQ-E111: guarantees would add up to more than the device
  kBadShare = 12,          // ALQ-E112: a guarantee, limit, weight, class or policy that can't be
  kVgpuDiffers = 13,       // ALQ-E113: there is one of this id, and it is not what was asked for
  kMemoryInUse = 14,       // ALQ-E114: more is in use than the vGPU should have
  kNoSuchLease = 15,       // ALQ-E115
  kNoSuchProcess = 16,     // ALQ-E116: that could hold a lease
  kSuspended = 17,         // ALQ-E117: and must be resumed before
  kNotStopped = 18,        // ALQ-E118: what the vGPU does can't be interrupted now
  kLacksFeature = 19,      // ALQ-E119: the other device has not all that programs rely on
  kMoveFailed = 21,        // ALQ-E121: the other device host, or its worker (120 is no record's)
};

struct Error {
  ErrorCode code = ErrorCode::kNone;
  char text[200] = {};
};

struct ControlWelcome {
  uint64_t device_memory = 0;
  uint64_t reserved_memory = 0;  // by vGPUs
  uint32_t process_id = 0;
  uint32_t vgpu_count = 0;
  char device_uuid[40] = {};
  char program_version[32] = {};
  uint32_t open_descriptors = 0;  // of the device host, which nobody else may look at
};

enum VgpuFlag : uint32_t {
  kStaged = 1u << 0,      // copy through the staging arena even where memory is unified
  kStrictSync = 1u << 1,  // every enqueue waits for the driver's return code
  kNoSplit = 1u << 2,     // long kernels are never launched in pieces
  // It stays until it is destroyed, whoever's connection closes. Creating reserves; the first lease
  // starts the worker, which ends some time after the last one.
  kLasting = 1u << 3,
  // Guest processes are told no more than is true of certain devices, to which it can move. Their
  // reports are in a sealed memory that goes with kVgpuCreate, one after another, each behind a u32
  // with its bytes; `aliquot-worker report` writes one.
  kMovable = 1u << 4,
};

constexpr uint64_t kMostReportBytes = 4u << 20;

// Of the device's time; see device_host/arbiter/shares.h. Shares in hundredths of a percent.
struct Shares {
  uint32_t guarantee = 0;
  uint32_t limit = 10000;
  uint32_t weight = 1;
  uint32_t priority = 0;  // 0 normal, 1 latency, 2 batch
};

constexpr uint64_t kLeastCopyLimit = 1 << 20;  // bytes a second

struct VgpuResize {
  uint64_t vgpu = 0;
  Shares shares;
  uint64_t copy_limit = 0;    // bytes a second; 0: none
  uint64_t memory_bytes = 0;  // 0: as much as it has
};

struct Policy {  // kPolicySet, kPolicy
  uint32_t kind = 0;       // 0 best-effort, 1 equal-share, 2 fixed-share
  uint32_t averaging = 1;  // 1 to 60
  uint64_t turn_ns = 0;    // 0: the device host chooses; kPolicy: what it is now
};

// A stretch of time in which a vGPU had the device. Where they are many, those of a vGPU that begin
// within some milliseconds are told as one, whether or not others had the device in between.
struct Turn {
  uint64_t vgpu = 0;
  uint64_t begin_ns = 0, end_ns = 0;  // of the monotonic clock
  uint64_t charged_ns = 0;            // of it, what the vGPU was charged for
};

struct TurnsGet {
  uint64_t since_ns = 0;  // those that ended later
};

struct Turns {  // kTurns
  uint64_t since_ns = 0;        // as it was asked
  uint64_t known_since_ns = 0;  // of what ended before nothing is known any more
  // One that ends then goes on. It will be told again, as will any that others are added to: with the
  // same vGPU and beginning.
  uint64_t at_ns = 0;
  uint64_t turn_count = 0;
};

struct VgpuTurns {
  uint64_t vgpu = 0;
  Shares shares;
  uint64_t held_ns = 0;      // device time charged since the vGPU was made; up to now
  uint64_t waited_ns = 0;    // it wanted the device and had it not
  uint64_t outside_ns = 0;   // witnessed outside its turns, charged
  uint64_t overrun_ns = 0;   // held beyond its turns
  int64_t balance_ns = 0;    // owed to it; negative: its debt
  uint64_t turns = 0;
  uint64_t busy_ns = 0;      // of held_ns, with work under way: the worker's claim
  uint64_t at_ns = 0;        // when this was read, ns of the monotonic clock
  uint32_t wait_p50_us = 0, wait_p99_us = 0;  // from wanting the device to having it
  uint32_t share_1s = 0, share_10s = 0, share_60s = 0;  // of the device's time, hundredths of a percent
  uint32_t holds = 0;        // 1: it has the device at this moment
};

struct VgpuCopies {
  uint64_t vgpu = 0;
  uint64_t limit = 0;  // bytes a second; 0: none
  // The worker's claims, as far as they are possible in the device time that it had.
  uint64_t copied_bytes = 0;
  uint64_t copy_ns = 0;
  uint64_t rate_1s = 0, rate_10s = 0, rate_60s = 0;  // bytes a second
  uint32_t share_10s = 0;  // of all that the device's vGPUs copied, hundredths of a percent
};

// Where the time of a vGPU's guest processes went. Those that ended are in it.
struct Receipt {
  uint64_t vgpu = 0;
  uint64_t at_ns = 0;       // of the monotonic clock
  uint64_t alive_ns = 0;    // that guest processes lived, one by one, from their start on
  uint64_t covered_ns = 0;  // in which at least one of them did
  // Claims of the guest drivers, together no more than alive_ns; see layout::Spent.
  uint64_t start_ns = 0;
  uint64_t kernels_ns = 0;
  uint64_t copies_ns = 0;
  uint64_t others_ns = 0;
  uint64_t limit_ns = 0;
  uint64_t syncs_ns = 0;
  uint64_t round_trips_ns = 0;
  uint64_t compiling_ns = 0;
  uint64_t syncs = 0, round_trips = 0, builds = 0;  // how often
  // As the device host measured it.
  uint64_t held_ns = 0;      // with what handing over took
  uint64_t spared_ns = 0;    // of it, that
  uint64_t withheld_ns = 0;  // of it, what the system withheld of the processors
  uint64_t waited_ns = 0;
  uint64_t limited_ns = 0;   // of it, because of the vGPU's own limit
  uint64_t turns = 0;
  uint64_t processes = 0;    // that ever were
};

constexpr uint32_t kPeerItself = UINT32_MAX;  // the user who asks

struct VgpuCreate {
  uint64_t memory_bytes = 0;  // 0: all that is unreserved
  uint32_t flags = 0;         // VgpuFlag
  uint32_t kernel_limit_ms = 2000;
  uint64_t device_type = 0;  // a cl_device_type that the vGPU reports; 0: the driver's own
  Shares shares;
  uint64_t copy_limit = 0;  // bytes a second; 0: none
  char name[kNameSize] = {};
  // Of a lasting one, how its maker calls it: not 0, and at most one on a device.
  uint64_t id_high = 0, id_low = 0;
  uint32_t owner_uid = kPeerItself;  // whose it is: only a device host of root's makes others'
};

enum class MoveStep : uint32_t {
  kReady = 1,     // the target has a worker
  kSketched = 2,  // the source has sent sketches of all guest processes
  kPrepared = 3,  // the target has made what they say
  kAllSent = 4,   // the source stands still, and all of it is sent; the target answers kVgpuMoved
  kTaken = 5,     // the source has given it up: the target goes on, and says so in the same way
};

struct Move {  // kMoveStep
  MoveStep step{};
};

struct MoveVgpu {
  VgpuCreate create;
  uint64_t last_lease = 0;
  uint32_t owner = 0;
  uint32_t last_connection = 0;
  uint32_t needs_worker = 0;  // 1: somebody uses it
  uint32_t suspended = 0;     // 1: it is, and stays so; no worker is needed
};

struct MoveGuest {
  uint64_t image_bytes = 0;
  uint64_t lent = 0;
  uint64_t credit_granted = 0;
  uint64_t since_ns = 0;
  uint32_t connection = 0;
  uint32_t state = 0;  // device host's: Guest::State
  uint32_t user = 0;
  uint32_t process_id = 0;
  uint32_t hello_sequence = 0;
  uint32_t last_arena = 0;
  uint32_t credit_sequence = 0;
  uint32_t sketch = 0;  // 1: it goes on meanwhile, and will be told of once more
};

struct MoveLease {
  uint64_t lease = 0;
  uint64_t since_ns = 0;
  uint32_t process_id = 0;
};

struct VgpuCreated {  // of a lasting one without protections and worker
  uint64_t vgpu = 0;
  uint64_t memory_bytes = 0;
  uint32_t protections = 0;  // Protection bits that are in force for the worker
  uint32_t worker_process_id = 0;
  char socket_path[108] = {};
};

// What fences a worker in; shown by `aliquot doctor`.
enum Protection : uint32_t {
  kOwnUser = 1u << 0,
  kUserNamespace = 1u << 1,
  kNoNetwork = 1u << 2,
  kNoNewPrivileges = 1u << 3,
  kNoCapabilities = 1u << 4,
  kSeccomp = 1u << 5,
  kLandlock = 1u << 6,
  kMountNamespace = 1u << 7,
  kMemoryCgroup = 1u << 8,
  kResourceLimits = 1u << 9,
  kProcessNamespace = 1u << 10,
  kMemoryWitness = 1u << 11,  // the ledger compares claims with /proc or the cgroup
};

struct VgpuReference {  // kVgpuDestroy, kVgpuShow, kReceiptGet, kVgpuList
  uint64_t vgpu = 0;                  // 0: the lasting one of this id
  uint64_t id_high = 0, id_low = 0;
};

enum class VgpuState : uint32_t {
  kReserved = 0,  // no worker runs
  kStarting = 1,
  kReady = 2,  // its worker waits for calls, or executes them
  kSuspended = 3,  // no worker runs, and guest processes wait
};

struct LeaseTake {
  uint64_t vgpu = 0;  // 0: the lasting one of this id
  uint64_t id_high = 0, id_low = 0;
  // That holds it: of the same user or, where root asks, of the vGPU's owner; 0: this connection does.
  uint32_t process_id = 0;
};

struct Lease {
  uint64_t vgpu = 0;
  uint64_t lease = 0;
  uint64_t memory_bytes = 0;
  uint32_t protections = 0;
  uint32_t worker_process_id = 0;
  char socket_path[108] = {};
};

struct LeaseReference {  // kLeaseEnd
  uint64_t vgpu = 0;
  uint64_t lease = 0;
};

struct VgpuLease {
  uint64_t vgpu = 0;
  uint64_t lease = 0;
  uint64_t since_ns = 0;      // of the monotonic clock
  uint32_t process_id = 0;    // the holder, or whose connection holds it
  uint32_t by_process = 0;    // 1: it ends with that process; 0: with the connection
};

struct VgpuStatus {
  uint64_t vgpu = 0;
  uint64_t memory_limit = 0;
  uint64_t memory_lent = 0;       // credit in the hands of guest processes, spent or not
  uint64_t memory_used = 0;       // lent minus what lies unspent on the account pages
  uint64_t witnessed_memory = 0;  // what the worker really holds, by cgroup or /proc
  uint64_t worker_cpu_ns = 0;
  uint64_t kernels = 0;       // the worker's claim
  uint64_t copied_bytes = 0;  // the worker's claim, as in VgpuCopies
  uint32_t guest_processes = 0;
  uint32_t worker_process_id = 0;
  uint32_t owner_uid = 0;
  uint32_t protections = 0;
  uint32_t flags = 0;  // VgpuFlag
  uint32_t kernel_limit_ms = 0;
  char name[kNameSize] = {};
  uint64_t id_high = 0, id_low = 0;  // of a lasting one
  VgpuState state = VgpuState::kReserved;
  uint32_t leases = 0;
};

// Why a kernel can't be launched in pieces; see worker/split_safety.h.
enum class UnsplitReason : uint32_t {
  kNone = 0,
  kAsksForRange = 1,  // its source can ask for its place in the whole range
  kAtomics = 2,       // its groups could wait for one another
  kUnreadable = 3,    // its source doesn't stand there as it is compiled
  kNoSource = 4,      // made from a binary, or linked
  kNoGroupSize = 5,   // launched without a local size
  kUneven = 6,        // its range isn't a whole number of groups
  kOneGroup = 7,
  kOutOfOrder = 8,  // its queue isn't in order
  kTimed = 9,       // the program can ask for the launch's times
  kUserEvent = 10,  // it waits for a user event
  kForbidden = 11,  // kNoSplit
  kLast = kForbidden,
};

constexpr uint32_t kMostUnsplitKernels = 8;

struct UnsplitKernel {
  uint64_t longest_ns = 0;
  uint32_t place = 0;  // below kMostUnsplitKernels; what stood there before is forgotten
  UnsplitReason reason = UnsplitReason::kNone;
  char name[kNameSize] = {};
};

struct VgpuKernel {
  uint64_t vgpu = 0;
  uint64_t longest_ns = 0;
  UnsplitReason reason = UnsplitReason::kNone;
  char name[kNameSize] = {};
};

struct VgpuProcess {
  uint64_t vgpu = 0;
  uint64_t memory_lent = 0;
  uint64_t memory_used = 0;
  uint32_t process_id = 0;  // by the kernel's word
  uint32_t connection = 0;
};

struct GuestHello {
  uint32_t api = 1;  // 1: OpenCL
  uint32_t process_id = 0;
};

struct GuestWelcome {
  uint64_t vgpu = 0;
  uint64_t memory_limit = 0;
  uint32_t connection = 0;
  uint32_t flags = 0;  // VgpuFlag
  char name[kNameSize] = {};
};

struct CreditRequest {
  uint64_t bytes = 0;  // what the pending allocation lacks; more may be lent
};

struct CreditReply {  // the grant is already added to the account page
  uint64_t granted = 0;  // 0: the quota is spent
};

enum class ArenaPurpose : uint32_t {
  kStaging = 0,  // passes data; host memory, bounded a connection
  kBuffers = 1,  // holds buffers in pages that both ends map
};

struct ArenaRequest {
  uint64_t bytes = 0;
  ArenaPurpose purpose = ArenaPurpose::kStaging;
};

struct ArenaReply {  // refused: bytes == 0 and no descriptor
  uint64_t bytes = 0;
  uint32_t arena = 0;
};

struct Connect {
  uint32_t connection = 0;
  uint32_t process_id = 0;  // by the kernel's word, not the guest's
  uint32_t parked = 0;      // 1: it is to be restored, and carries out nothing before kThaw
};

struct ConnectionReference {  // kDisconnect, kGone
  uint32_t connection = 0;
};

struct Arena {  // kArena, kArenaDropped
  uint64_t bytes = 0;
  uint32_t connection = 0;
  uint32_t arena = 0;
  ArenaPurpose purpose = ArenaPurpose::kStaging;
};

struct WorkerReady {
  uint32_t shared_pages = 0;  // 1: buffers lie in pages that both ends map
};

struct Freeze {
  uint32_t patience_ms = 0;
  uint32_t sketch = 0;  // 1: nothing stops; an image of what takes long to make anew is wanted
};

struct Image {  // kDrafted, kSave, kRestore
  uint64_t bytes = 0;
  uint32_t connection = 0;
  uint32_t sketch = 0;  // kDrafted: as it was asked for
};

struct ImageDone {
  uint32_t connection = 0;
  uint32_t lacks = 0;    // 1: something that the guest process relies on is not had here
  char text[200] = {};   // empty: all went well
};

struct Violation {  // and kFreezeFailed
  uint32_t connection = 0;
  char text[200] = {};
};

struct KernelOverrun {
  uint32_t connection = 0;
  uint32_t milliseconds = 0;
  char kernel[kNameSize] = {};
};

struct WorkerStatus {  // since the worker began
  uint64_t kernels = 0;
  uint64_t copied_bytes = 0;
  uint64_t copy_ns = 0;
};

struct TurnFinished {
  uint32_t turn = 0;
  uint32_t more = 0;       // 1: there is work for another
  uint64_t busy_ns = 0;    // work was under way: a claim
  uint64_t span_ns = 0;    // from the start of the first command to the end of the last: a claim
  uint64_t kernels = 0;    // that ended in it: a claim
  // Since the worker began, as in WorkerStatus: claims.
  uint64_t copied_bytes = 0;
  uint64_t copy_ns = 0;
  uint64_t around_span_ns = 0;  // of the turn, before the span and after it: a claim
};

struct Memory {
  uint64_t used = 0;  // of the vGPU's, with what was given up and is not free yet: a claim
};

struct Work {
  uint64_t host_ns = 0;  // of the threads that decode and build, and of dead children; only grows
};

enum QueueFlag : uint32_t {
  kInOrder = 1u << 0,  // its commands are carried out one after another
};

// How far a command queue has come: the worker's claim.
struct QueueClaim {
  uint32_t queue = 0;        // its number in the connection: 1 to layout::kQueueSlots
  uint32_t flags = 0;        // QueueFlag
  uint64_t outstanding = 0;  // commands that have not ended, those without a turn yet included
  uint64_t completed = 0;    // that have, since the worker knows the queue
  uint64_t device_ns = 0;    // that those took, by the device's clock
  uint64_t oldest_ns = 0;    // the oldest one outstanding has been known for so long, at least
};

constexpr uint32_t kMostQueuesOfARecord = 5;
constexpr uint32_t kMostQueuesOfAConnection = 64;  // that are told; the others are counted
constexpr uint32_t kMostQueuesTold = 1024;         // of all connections

struct QueuesTold {
  uint32_t connection = 0;  // 0: that was all
  uint32_t count = 0;       // of `queues`
  uint32_t left_out = 0;    // of the same connection; of connection 0: of those without a record
  QueueClaim queues[kMostQueuesOfARecord];
};

enum class QueuesAnswer : uint32_t {
  kTold = 0,
  kNoWorker = 1,  // none runs, so there are no queues that anybody works on
  kSilent = 2,    // it has not answered in time
};

struct Queues {  // kQueues
  uint64_t vgpu = 0;
  uint64_t at_ns = 0;  // when it was told, ns of the monotonic clock
  QueuesAnswer answer = QueuesAnswer::kTold;
  uint32_t queue_count = 0;
  uint32_t left_out = 0;  // with those of VgpuQueue::left_out
};

struct VgpuQueue {
  uint32_t connection = 0;  // of a VgpuProcess
  uint32_t left_out = 0;    // queues of the same connection that are not told
  QueueClaim claim;
};

struct Record {
  Header header;
  unsigned char payload[kPayloadSize] = {};
};
static_assert(sizeof(Header) == 16 && sizeof(Record) == kRecordSize);
static_assert(std::is_trivially_copyable_v<Record>);

// The page that a guest process shares with the device host alone. The guest driver spends
// credit by compare-and-swap and returns it by addition; the device host takes unspent credit
// back by exchanging it for zero, at any moment and without asking. The ledger of what was lent
// lies in the device host: a guest process that writes here deceives only its own guest driver,
// because the worker counts what it creates and the device host what the worker holds.
struct AccountPage {
  alignas(64) uint64_t credit = 0;        // bytes; use atomic builtins only
  alignas(64) uint64_t memory_limit = 0;  // a copy, for queries
};
constexpr size_t kAccountPageSize = 4096;

}  // namespace aliquot::records
