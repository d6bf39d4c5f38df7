// A vGPU that is suspended and resumed over workers that do as the test says.
#include "leased_vgpu.h"

using namespace aliquot;  // NOLINT: a test program
using records::Kind;

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
  for (int round = 0; round < 3; ++round) {
    leased.want(Kind::kVgpuResume);
    if (round == 0) leased.say(Kind::kImageDone, records::ImageDone{1, 0, "The image is none."});
    if (round == 1) leased.say(Kind::kImageDone, records::ImageDone{1, 1, "Here is lacking: all."});
    leased.worker().die();
    leased.peers.settle();
    CHECK(is_refusal(leased.answer(), round == 1 ? records::ErrorCode::kLacksFeature
                                                 : records::ErrorCode::kWorkerStart));
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

// One that goes while the others' objects are made anew, or are nowhere, makes nobody run.
void test_who_goes_while_others_are_suspended() {
  Leased leased;
  const Descriptor other = leased.peers.connect("v1.sock");
  CHECK(leased.peers.ask(other, Kind::kGuestHello, records::GuestHello{}).header.kind ==
        Kind::kGuestWelcome);
  records::VgpuCreate create;
  create.memory_bytes = 16 << 20;
  leased.peers.make_vgpu(leased.control, create);
  Descriptor neighbour = leased.peers.connect("v2.sock");
  CHECK(leased.peers.ask(neighbour, Kind::kGuestHello, records::GuestHello{}).header.kind ==
        Kind::kGuestWelcome);
  records::Policy policy{};
  policy.kind = static_cast<uint32_t>(arbiter::PolicyKind::kEqualShare);
  CHECK(leased.peers.ask(leased.control, Kind::kPolicySet, policy).header.kind == Kind::kPolicy);
  CHECK(leased.peers.turns().arbiter().rate(2) == 0.5);

  ScriptedWorker* worker = leased.first_worker;
  leased.want(Kind::kVgpuSuspend);
  for (const uint32_t connection : {1, 2}) {
    worker->say(make_record(Kind::kDrafted, 0, records::Image{4096, connection, 0}));
    worker->say(make_record(Kind::kImageDone, 0, records::ImageDone{connection, 0, {}}));
  }
  leased.peers.settle();
  worker->die();
  leased.peers.settle();
  CHECK(leased.answer().header.kind == Kind::kDone);
  CHECK(leased.peers.turns().arbiter().rate(2) == 1.0);
  leased.want(Kind::kVgpuResume);
  CHECK(leased.was_sent(Kind::kRestore));
  leased.guest.reset();
  leased.peers.settle();
  CHECK(leased.was_sent(Kind::kDisconnect));
  leased.say(Kind::kGone, records::ConnectionReference{1});
  CHECK(leased.peers.turns().arbiter().rate(2) == 1.0);
  leased.say(Kind::kImageDone, records::ImageDone{2, 0, {}});
  CHECK(leased.answer().header.kind == Kind::kDone);
  CHECK(leased.peers.turns().arbiter().rate(2) == 0.5);
}
