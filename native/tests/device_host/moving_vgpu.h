// The other end of a move, which the test plays: as a device host would, or as none should.
#pragma once

#include <vector>

#include "leased_vgpu.h"
#include "protocol/connection_layout.h"

namespace aliquot {

/// What came over the way, with its descriptors.
struct Told {
  records::Record record{};
  DescriptorList descriptors;
  records::Kind kind() const { return record.header.kind; }
};

/// One end of a way between device hosts.
class FakeHost {
 public:
  explicit FakeHost(Descriptor way) : way_(std::move(way)) {}

  template <class Payload>
  void say(records::Kind kind, const Payload& payload, const std::vector<int>& with = {}) {
    send_record(way_.get(), make_record(kind, 0, payload), with.data(), with.size());
  }
  void say(records::MoveStep step) { say(records::Kind::kMoveStep, records::Move{step}); }
  /// All that has come since.
  std::vector<Told> hear() {
    std::vector<Told> heard;
    for (;;) {
      Told told;
      if (receive_record(way_.get(), told.record, told.descriptors) != SocketResult::kOk)
        return heard;
      heard.push_back(std::move(told));
    }
  }
  bool left_alone() const { return peer_hung_up(way_.get()); }
  void hang_up() { way_.reset(); }

 private:
  Descriptor way_;
};

inline size_t count_of(const std::vector<Told>& heard, records::Kind kind) {
  return static_cast<size_t>(
      std::ranges::count_if(heard, [&](const Told& told) { return told.kind() == kind; }));
}

inline bool is_step(const Told& told, records::MoveStep step) {
  return told.kind() == records::Kind::kMoveStep &&
         payload_of<records::Move>(told.record).step == step;
}

inline bool has_step(const std::vector<Told>& heard, records::MoveStep step) {
  return std::ranges::any_of(heard, [&](const Told& told) { return is_step(told, step); });
}

/// Asks the source of a move for it, with the way of the test's.
inline FakeHost begin_to_move(Peers& peers, const Descriptor& control, bool takes_nothing = false) {
  Descriptor ours, theirs;
  CHECK(make_record_socket_pair(ours, theirs));
  if (takes_nothing)
    while (send_record(theirs.get(), make_record(records::Kind::kDone, 0)) == SocketResult::kOk) {
    }
  const int way = theirs.get();
  send_record(control.get(),
              make_record(records::Kind::kVgpuMove, 9, records::VgpuReference{0, 0, 7}), &way, 1);
  peers.settle();
  return FakeHost(std::move(ours));
}

/// A way to the target of a move.
inline FakeHost way_to(Peers& peers, const Descriptor& control) {
  send_record(control.get(), make_record(records::Kind::kMoveReceive, 5));
  peers.settle();
  Told told;
  CHECK(receive_record(control.get(), told.record, told.descriptors) == SocketResult::kOk);
  CHECK(told.kind() == records::Kind::kMoveChannel && told.descriptors.count == 1);
  return FakeHost(std::move(told.descriptors.items[0]));
}

/// As the source tells of a vGPU of 64 MiB of the id 7.
inline records::MoveVgpu a_vgpu_that_comes() {
  records::MoveVgpu told;
  told.create.memory_bytes = 64 << 20;
  told.create.flags = records::kLasting;
  told.create.id_low = 7;
  told.owner = ::geteuid();
  copy_text(told.create.name, sizeof told.create.name, "journey");
  return told;
}

}  // namespace aliquot
