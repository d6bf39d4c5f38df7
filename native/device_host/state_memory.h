// What a device host must know to be reborn, in memory that outlives it: made by its supervisor,
// who never maps it, and written by the device host alone. A device host may die between any two
// stores, so each entry has two halves: the older one is written anew, its generation last, and
// whoever reads takes the newest half whose checksum holds.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

#include "device_host/kept_key.h"
#include "protocol/descriptor.h"
#include "protocol/records.h"

namespace aliquot {

/// A record that was received and not handled yet.
struct RecordInHand {
  KeptKey source;
  records::Record record;
};

class StateMemory {
 public:
  /// Of an entry; 0: it has none yet.
  using Slot = uint32_t;
  static constexpr size_t kMostEntryBytes = 360;
  static constexpr size_t kMostTurnsBytes = 128 << 10;
  static constexpr uint32_t kSlots = 1 << 17;
  static constexpr size_t kHands = 8;

  StateMemory() = default;
  ~StateMemory();
  StateMemory(const StateMemory&) = delete;
  StateMemory& operator=(const StateMemory&) = delete;

  /// The memory itself; invalid with errno set when there is none to be had. Takes pages only as
  /// they are used.
  static Descriptor make();
  /// Maps it, fresh or as another device host left it. False when that can't be done. Without it
  /// everything below does nothing: nothing outlives a device host in a test.
  bool map(int memory);

  /// Writes an entry, in a slot of its own from the first time on. When no slot is left it has
  /// none, and what it stands for ends with the device host.
  template <class Entry>
  void save(Slot& slot, const Entry& entry) {
    static_assert(std::is_trivially_copyable_v<Entry> && sizeof(Entry) <= kMostEntryBytes);
    write(slot, Entry::kKind, &entry, sizeof entry);
  }
  void erase(Slot& slot);
  /// All entries of a kind.
  template <class Entry>
  std::vector<std::pair<Slot, Entry>> all() const {
    std::vector<std::pair<Slot, Entry>> entries;
    for (Slot slot = 1; slot <= used(); ++slot) {
      const void* data = read(slot, Entry::kKind, sizeof(Entry));
      if (data == nullptr) continue;
      std::memcpy(static_cast<void*>(&entries.emplace_back(slot, Entry()).second), data,
                  sizeof(Entry));
    }
    return entries;
  }

  /// The one entry of the turns, which is large: to be filled in place between these two. Null
  /// without memory.
  void* begin_turns();
  void end_turns(size_t bytes);
  /// As it was saved last, and its length; null when it never was.
  const void* turns(size_t& bytes) const;

  /// Room for the next record of a channel: it is received right into it, so that at every moment
  /// it is either in the socket or here. To be let go of in the opposite order. Null when none is
  /// left.
  RecordInHand* take_hand(const KeptKey& source);
  void let_go(RecordInHand* hand);
  /// Those that were not let go of, innermost first; they are let go of by that.
  std::vector<RecordInHand> left_in_hand() const;
  void empty_hands();

 private:
  struct Half {
    uint64_t generation, check;
    uint32_t kind, size;
    unsigned char data[kMostEntryBytes];
  };
  struct TurnsHalf {
    uint64_t generation, check, size;
    alignas(16) unsigned char data[kMostTurnsBytes];
  };
  struct Memory {
    uint32_t used;  // slots that were ever written
    RecordInHand hands[kHands];
    TurnsHalf turns[2];
    Half slots[kSlots][2];
  };
  static const Half* newest(const Half (&halves)[2]);
  uint32_t used() const;
  const void* read(Slot slot, uint32_t kind, size_t size) const;
  void write(Slot& slot, uint32_t kind, const void* data, size_t size);

  Memory* memory_ = nullptr;
  std::vector<Slot> free_;
  size_t hands_taken_ = 0;
  TurnsHalf* turns_ = nullptr;  // being filled
};

/// Holds a record of `source` from before it is received until it is handled.
class Hand {
 public:
  Hand(StateMemory* state, const KeptKey& source)
      : state_(state), hand_(state == nullptr ? nullptr : state->take_hand(source)) {}
  ~Hand() {
    if (hand_ != nullptr) state_->let_go(hand_);
  }
  Hand(const Hand&) = delete;
  Hand& operator=(const Hand&) = delete;

  records::Record& record() { return hand_ == nullptr ? own_ : hand_->record; }

 private:
  StateMemory* state_;
  RecordInHand* hand_;
  records::Record own_;
};

}  // namespace aliquot
