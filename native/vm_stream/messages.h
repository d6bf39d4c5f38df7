// What passes between a guest VM and the host over one stream of bytes; see docs/modes/remoting-vm.md.
// Layouts are those of the machine: both ends are little-endian and of the same width.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "protocol/connection_layout.h"
#include "protocol/records.h"

namespace aliquot::vm_stream {

static_assert(std::endian::native == std::endian::little);

// Of this file, 3 since there are planes; the welcome is refused to another one, as to another
// records::kVersion.
constexpr uint32_t kVersion = 3;

constexpr uint32_t kMostChannels = 256;  // programs of a guest VM at once
constexpr size_t kMostPayload = size_t{128} << 10;
constexpr size_t kPiece = size_t{64} << 10;  // of an arena's bytes, in one message
constexpr uint32_t kMostNotes = 512;         // before the frames of one message
constexpr size_t kMostReads = 65536;         // of a channel, whose bytes are still to come
constexpr size_t kMostLateWrites = 65536;    // of a program, each counted for each event it waits for

// A beginning: a run of these that no message can hold, then kHello (or kWelcome, after some).
constexpr unsigned char kRunByte = 0xa5;
constexpr uint32_t kRunWord = 0xa5a5a5a5;
constexpr size_t kShortestRun = 16;

enum class MessageKind : uint16_t {
  // Guest VM to host.
  kHello = 1,       // Hello; channel 0
  kOpen = 2,        // a program came; its channel has a number that no other one had in this stream
  kClose = 3,       // it went
  kFill = 4,        // Place, then bytes for there; argument: where not 0, so many bytes of the plane instead
  kCommands = 5,    // argument: number of notes; the notes, then whole frames for the ring
  kCredit = 6,      // Amount: what an allocation lacks; one request at a time
  kCreditBack = 7,  // Amount: credit that isn't needed now
  kArena = 8,       // Amount: a staging arena is wanted
  kTimes = 9,       // layout::TimeClaims
  kPlaneFound = 10,  // what the host offered is at hand, and may be used from now on; channel 0
  // Host to guest VM.
  kWelcome = 32,      // Welcome; channel 0
  kOpened = 33,       // Opened
  kRefused = 34,      // records::Error
  kClosed = 35,       // it is over: nothing more is answered there
  kBytes = 36,        // Place, then bytes that lie there; argument as of kFill
  kReply = 37,        // argument: the slot; ReplyHead, then what lies in the slot
  kQueues = 38,       // QueueState, one or more
  kEvents = 39,       // EventState, one or more
  kNotices = 40,      // argument: 1 when some were lost; entries of the notification ring
  kPrint = 41,        // argument: bytes that were lost; bytes of the print ring
  kSpace = 42,        // Space
  kCreditGiven = 43,  // Amount: what there is now; 0: the quota is spent
  kArenaGiven = 44,   // argument: the arena; Amount; 0 both: refused
  kPage = 45,         // PageState
  kPlane = 46,        // PlaneOffer: there is a plane; behind the welcome, channel 0
};

struct Header {
  uint32_t bytes = 0;  // of payload
  MessageKind kind{};
  uint16_t reserved = 0;
  uint32_t channel = 0;
  uint32_t argument = 0;
};
static_assert(sizeof(Header) == 16);

constexpr size_t kRunBytes = kMostPayload + sizeof(Header);

struct Hello {
  uint64_t random[2] = {};
  uint32_t version = kVersion;
  uint32_t records = records::kVersion;
};

struct Welcome {
  uint64_t random[2] = {};  // of the hello
  uint64_t now_ns = 0;      // the host's monotonic clock
  uint32_t version = kVersion;
  uint32_t records = records::kVersion;
};

// Memory that the guest VM finds among its PCI devices; see plane.h.
struct PlaneOffer {
  uint64_t random[2] = {};  // in its head
  uint64_t bytes = 0;
};

struct Opened {
  records::GuestWelcome welcome;
};

struct Place {
  uint64_t offset = 0;
  uint32_t arena = 0;
  uint32_t reserved = 0;
};

struct Amount {
  uint64_t bytes = 0;
};

enum class NoteKind : uint32_t {
  kReply = 1,      // subject: slot; arena, offset, bytes: where a long answer may go
  kRead = 2,       // subject: queue; the command with this sequence writes bytes there
  kSync = 3,       // subject: queue; told when it has come to the sequence
  kWatch = 4,      // subject: event; that of the command with this sequence of `queue`
  kForget = 5,     // subject: event; nothing more is written for it
  kDropArena = 6,  // arena
};

enum NoteFlag : uint32_t {
  kFence = 1u << 0,    // of a reply: what was published before it is told before it
  kFresh = 1u << 1,    // of a watch: the first one of this event
  kInOrder = 1u << 2,  // of a watch: its queue is
};

struct Note {
  NoteKind kind{};
  uint32_t subject = 0;
  uint32_t queue = 0;
  uint32_t flags = 0;
  uint64_t sequence = 0;
  uint64_t offset = 0;
  uint64_t bytes = 0;
  uint32_t arena = 0;
  uint32_t reserved = 0;
};
static_assert(sizeof(Note) == 48);

struct ReplyHead {
  int32_t status = 0;
  uint32_t total_bytes = 0;
};

struct QueueState {  // as in layout::QueueSlot; times by the host's clock
  uint64_t completed = 0;
  uint64_t began_ns = 0;
  uint64_t ended_ns = 0;
  uint32_t queue = 0;
  int32_t error = 0;
};

struct EventState {  // as in layout::EventSlot; told_ns by the host's clock
  uint64_t times[4] = {};
  uint64_t told_ns = 0;
  uint32_t event = 0;
  int32_t status = 0;
  uint32_t has_times = 0;
  uint32_t reserved = 0;
};

struct Space {
  uint64_t command_head = 0;
};

// The vGPU's page, as far as a guest driver reads it.
struct PageState {
  uint64_t now_ns = 0;  // the host's monotonic clock, by which at_ns is
  uint64_t at_ns = 0;
  uint64_t waited_ns = 0;
  uint64_t limited_ns = 0;
  uint64_t memory_limit = 0;
  uint32_t state = 0;
  uint32_t gone = 0;
};

}  // namespace aliquot::vm_stream
