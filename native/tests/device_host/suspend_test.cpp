// A vGPU that is suspended and resumed over workers that do as the test says.
#include <algorithm>
#include <string>

#include "host_in_process.h"

using namespace aliquot;  // NOLINT: a test program
using records::Kind;

namespace {

// A lasting vGPU of 64 MiB, leased, with one guest process.
struct Leased {
  Leased() {
    peers.ask(control, Kind::kControlHello, records::ControlWelcome{});
    records::VgpuCreate create;
    create.memory_bytes = 64 << 20;
    create.flags = records::kLasting;
    create.id_low = 7;
    CHECK(peers.ask(control, Kind::kVgpuCreate, create).header.kind == Kind::kVgpuCreated);
    CHECK(peers.ask(control, Kind::kLeaseTake, records::LeaseTake{0, 0, 7, 0}).header.kind ==
          Kind::kLease);
    guest = peers.connect("v1.sock");
    CHECK(peers.ask(guest, Kind::kGuestHello, records::GuestHello{}).header.kind ==
          Kind::kGuestWelcome);
  }
  ScriptedWorker& worker() { return *ScriptedWorker::newest; }
  bool was_sent(Kind kind) {
    return std::ranges::find(worker().sent, kind) != worker().sent.end();
  }
  void want(Kind kind) {
    send_record(control.get(), make_record(kind, 9, records::VgpuReference{0, 0, 7}));
    peers.settle();
  }
  void say(Kind kind, const auto& payload) {
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
        peers.ask_all(control, Kind::kVgpuList, records::VgpuReference{}).front());
  }
  bool guest_lives() { return !peer_hung_up(guest.get()); }

  Peers peers;
  Descriptor control = peers.connect("control.sock");
  Descriptor guest;
};

bool is_refusal(const records::Record& record, records::ErrorCode code) {
  return record.header.kind == Kind::kError && payload_of<records::Error>(record).code == code;
}

}  // namespace

void test_a_vgpu_is_suspended_and_resumed() {
  Leased leased;
  leased.want(Kind::kVgpuSuspend);
  CHECK(leased.was_sent(Kind::kFreeze));
  CHECK(!leased.was_sent(Kind::kSave));
  leased.say(Kind::kDrafted, records::Image{4096, 1, 0});
  CHECK(leased.was_sent(Kind::kSave));
  CHECK(!leased.worker().doomed());
  leased.say(Kind::kImageDone, records::ImageDone{1, 0, {}});
  CHECK(leased.worker().doomed());
  CHECK(leased.answer().header.kind == Kind{});
  leased.worker().die();
  leased.peers.settle();
  CHECK(leased.answer().header.kind == Kind::kDone);
  CHECK(leased.status().state == records::VgpuState::kSuspended);
  CHECK(leased.guest_lives());
  CHECK(leased.peers.ledger().reserved(1) == uint64_t{64} << 20);
  CHECK(is_refusal(leased.peers.ask(leased.control, Kind::kLeaseTake, records::LeaseTake{0, 0, 7, 0}),
                   records::ErrorCode::kSuspended));
  // An arena that is asked for meanwhile is there, for the next worker, too.
  CHECK(leased.peers.ask(leased.guest, Kind::kArenaRequest, records::ArenaRequest{4096})
            .header.kind == Kind::kArenaReply);

  // It may give up its place on the device, and needs that again to go on.
  const auto resize = [&](uint64_t bytes) {
    records::VgpuResize wanted{};
    wanted.vgpu = 1;
    wanted.shares = {0, 10000, 1, 0};
    wanted.memory_bytes = bytes;
    return leased.peers.ask(leased.control, Kind::kVgpuResize, wanted).header.kind == Kind::kDone;
  };
  const uint64_t lent = leased.peers.ledger().lent(1);
  CHECK(resize(1) && leased.peers.ledger().reserved(1) == 1);
  if (lent > 1) {
    leased.want(Kind::kVgpuResume);
    CHECK(is_refusal(leased.answer(), records::ErrorCode::kMemoryUnavailable));
    CHECK(leased.status().state == records::VgpuState::kSuspended);
  }
  CHECK(resize(uint64_t{64} << 20));

  leased.want(Kind::kVgpuResume);
  CHECK(leased.was_sent(Kind::kRestore) && leased.was_sent(Kind::kArena));
  CHECK(!leased.was_sent(Kind::kThaw));
  leased.say(Kind::kImageDone, records::ImageDone{1, 0, {}});
  CHECK(leased.was_sent(Kind::kThaw));
  CHECK(leased.answer().header.kind == Kind::kDone);
  CHECK(leased.status().state == records::VgpuState::kReady);
  CHECK(leased.guest_lives());
}

void test_what_can_t_be_suspended_goes_on() {
  // It says so itself, wants too much room, or fails to write.
  for (int way = 0; way < 3; ++way) {
    Leased leased;
    leased.want(Kind::kVgpuSuspend);
    if (way == 0) leased.say(Kind::kFreezeFailed, records::Violation{1, "Commands wait."});
    if (way != 0) leased.say(Kind::kDrafted, records::Image{way == 1 ? ~uint64_t{0} : 4096, 1, 0});
    if (way == 2) leased.say(Kind::kImageDone, records::ImageDone{1, 0, "It can't be read."});
    CHECK(is_refusal(leased.answer(), records::ErrorCode::kNotStopped));
    CHECK(leased.was_sent(Kind::kThaw));
    CHECK(leased.status().state == records::VgpuState::kReady);
    CHECK(leased.guest_lives());
    // What it says of images that nobody wants any more means nothing.
    leased.say(Kind::kDrafted, records::Image{4096, 1, 0});
    leased.say(Kind::kImageDone, records::ImageDone{1, 0, {}});
    CHECK(!leased.worker().doomed());
  }
}

void test_a_worker_that_dies_while_it_restores() {
  Leased leased;
  leased.want(Kind::kVgpuSuspend);
  leased.say(Kind::kDrafted, records::Image{4096, 1, 0});
  leased.say(Kind::kImageDone, records::ImageDone{1, 0, {}});
  leased.worker().die();
  leased.peers.settle();
  CHECK(leased.answer().header.kind == Kind::kDone);
  for (int round = 0; round < 2; ++round) {
    leased.want(Kind::kVgpuResume);
    if (round == 0) leased.say(Kind::kImageDone, records::ImageDone{1, 0, "The image is none."});
    leased.worker().die();
    leased.peers.settle();
    CHECK(is_refusal(leased.answer(), records::ErrorCode::kWorkerStart));
    CHECK(leased.status().state == records::VgpuState::kSuspended);
    CHECK(leased.guest_lives());
  }
  // A worker that dies on the way there takes its guest processes along, as ever.
  leased.want(Kind::kVgpuResume);
  leased.say(Kind::kImageDone, records::ImageDone{1, 0, {}});
  CHECK(leased.answer().header.kind == Kind::kDone);
  leased.want(Kind::kVgpuSuspend);
  leased.worker().die();
  leased.peers.settle();
  CHECK(!leased.guest_lives());
}
