// What a device host knows of one guest process: its socket, its shared memory, what it was given.
#pragma once

#include <deque>
#include <map>
#include <memory>

#include "device_host/record_channel.h"
#include "device_host/shared_memory.h"
#include "protocol/socket.h"

namespace aliquot {

struct GuestArena {
  Descriptor memory;
  uint32_t request = 0;  // the sequence of what it answered
  uint64_t bytes = 0;
  records::ArenaPurpose purpose = records::ArenaPurpose::kStaging;
};

inline KeptKind arena_kind(records::ArenaPurpose purpose) {
  return purpose == records::ArenaPurpose::kStaging ? KeptKind::kStagingArena
                                                    : KeptKind::kBufferArena;
}

struct WaitingRequest {
  records::Record record;
  StateMemory::Slot slot = 0;
};

struct Guest {
  enum class State {
    kGreeting,   // connected, has said nothing
    kHeld,       // has greeted; its worker isn't ready
    kOpen,       // works
    kDeparting,  // gone, or cut off; the worker frees what it had
    kGone,       // to be erased
  };

  uint32_t connection = 0;
  State state = State::kGreeting;
  PeerIdentity peer;
  std::unique_ptr<RecordChannel> channel;
  AccountPage account;
  Descriptor memory;  // the connection memory
  Descriptor image;   // of its objects, where its worker stands still or is gone
  std::map<uint32_t, GuestArena> arenas;
  uint32_t last_arena = 0;
  uint64_t staging_bytes = 0;  // of its arenas
  uint64_t since_ns = 0;  // it lives, or the vGPU where that is younger
  uint32_t hello_sequence = 0;
  uint32_t credit_sequence = 0;  // of the last request that was granted, and what it got
  uint64_t credit_granted = 0;
  bool welcomed = false;
  bool sketched = false;     // the worker knows it from a sketch
  bool saving = false;       // its image was asked for, in this standstill
  bool handed_over = false;  // to another device host, should that take the vGPU
  bool arrived = false;      // as far as it had to; its socket is this, until the vGPU is taken
  Descriptor arriving_socket;
  bool incomplete = false;  // something of it couldn't be kept: it ends with this device host
  StateMemory::Slot slot = 0;
  std::deque<WaitingRequest> waiting;  // requests that a departing guest process may yet free for
  uint64_t waiting_timer = 0;
  uint64_t departure_timer = 0;
  uint64_t greeting_timer = 0;
};

}  // namespace aliquot
