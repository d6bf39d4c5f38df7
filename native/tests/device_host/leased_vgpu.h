// A lasting vGPU in use, on a device host in the test's process.
#pragma once

#include <algorithm>
#include <string>

#include "host_in_process.h"

namespace aliquot {

/// A lasting vGPU of 64 MiB, leased, with one guest process.
struct Leased {
  using Kind = records::Kind;

  Leased() {
    peers.ask(control, records::Kind::kControlHello, records::ControlWelcome{});
    records::VgpuCreate create;
    create.memory_bytes = 64 << 20;
    create.flags = records::kLasting;
    create.id_low = 7;
    CHECK(peers.ask(control, Kind::kVgpuCreate, create).header.kind == Kind::kVgpuCreated);
    CHECK(peers.ask(control, Kind::kLeaseTake, records::LeaseTake{0, 0, 7, 0}).header.kind ==
          Kind::kLease);
    first_worker = ScriptedWorker::newest;
    guest = peers.connect("v1.sock");
    CHECK(peers.ask(guest, records::Kind::kGuestHello, records::GuestHello{}).header.kind ==
          records::Kind::kGuestWelcome);
  }
  ScriptedWorker& worker() { return *ScriptedWorker::newest; }
  bool was_sent(records::Kind kind) {
    return std::ranges::find(worker().sent, kind) != worker().sent.end();
  }
  void want(records::Kind kind) {
    send_record(control.get(), make_record(kind, 9, records::VgpuReference{0, 0, 7}));
    peers.settle();
  }
  void say(records::Kind kind, const auto& payload) {
    worker().say(make_record(kind, 0, payload));
    peers.settle();
  }
  /// The answer that has come; kind 0: none.
  records::Record answer() {
    records::Record record{};
    DescriptorList descriptors;
    if (receive_record(control.get(), record, descriptors) != SocketResult::kOk) return {};
    return record;
  }
  records::VgpuStatus status() {
    return payload_of<records::VgpuStatus>(
        peers.ask_all(control, records::Kind::kVgpuList, records::VgpuReference{}).front());
  }
  bool guest_lives() { return !peer_hung_up(guest.get()); }

  Peers peers;
  Descriptor control = peers.connect("control.sock");
  Descriptor guest;
  ScriptedWorker* first_worker = nullptr;
};

inline bool is_refusal(const records::Record& record, records::ErrorCode code) {
  return record.header.kind == records::Kind::kError &&
         payload_of<records::Error>(record).code == code;
}

}  // namespace aliquot
