// vGPUs that nobody leases take no part in the turns; what they had and owe is not forgotten.
#include "host_in_process.h"

using namespace aliquot;  // NOLINT: a test program
using records::Kind;

namespace {

constexpr uint64_t kMs = 1'000'000;

struct Lasting {
  Lasting() { peers.ask(control, Kind::kControlHello, records::ControlWelcome{}); }

  void create(uint64_t id, uint32_t guarantee = 0, uint64_t bytes = 1 << 20) {
    records::VgpuCreate create;
    create.memory_bytes = bytes;
    create.flags = records::kLasting;
    create.id_low = id;
    create.shares.guarantee = guarantee;
    CHECK(peers.ask(control, Kind::kVgpuCreate, create).header.kind == Kind::kVgpuCreated);
  }
  /// Returns the worker that was made last.
  ScriptedWorker& lease(uint64_t id) {
    CHECK(peers.ask(control, Kind::kLeaseTake, records::LeaseTake{0, 0, id, 0}).header.kind ==
          Kind::kLease);
    return *ScriptedWorker::newest;
  }
  /// Its worker dies, and its only lease ends: the vGPUs have the numbers of their ids.
  void rest(ScriptedWorker& worker, uint64_t id, uint64_t lease = 1) {
    worker.die();
    peers.settle();
    records::Record unasked{};  // that it has ended
    DescriptorList descriptors;
    CHECK(receive_record(control.get(), unasked, descriptors) == SocketResult::kOk);
    CHECK(peers.ask(control, Kind::kLeaseEnd, records::LeaseReference{id, lease}).header.kind ==
          Kind::kDone);
  }
  uint64_t turn_ns() {
    return payload_of<records::Policy>(
               peers.ask(control, Kind::kPolicyGet, records::ControlWelcome{}))
        .turn_ns;
  }
  records::VgpuTurns turns(uint64_t id) {
    for (const records::Record& record :
         peers.ask_all(control, Kind::kVgpuShow, records::VgpuReference{id}))
      if (record.header.kind == Kind::kVgpuTurns) return payload_of<records::VgpuTurns>(record);
    CHECK(false);
    return {};
  }
  void settle_for(int milliseconds) {
    for (; milliseconds > 0; milliseconds -= 5) {
      ::usleep(5000);
      peers.settle();
    }
  }

  Peers peers;
  Descriptor control = peers.connect("control.sock");
};

void give_back(ScriptedWorker& worker, uint32_t turn) {
  records::TurnFinished finished;
  finished.turn = turn;
  worker.say(make_record(Kind::kTurnFinished, 0, finished));
}

}  // namespace

void test_resting_vgpus_make_no_turn_shorter() {
  Lasting host;
  for (uint64_t id = 1; id <= 12; ++id) host.create(id, 500);
  CHECK(host.turn_ns() == 2 * kMs);
  // Yet what they are guaranteed is given away.
  records::VgpuCreate more;
  more.memory_bytes = 1 << 20;
  more.shares.guarantee = 4'001;
  const records::Record refusal = host.peers.ask(host.control, Kind::kVgpuCreate, more);
  CHECK(payload_of<records::Error>(refusal).code == records::ErrorCode::kShareUnavailable);

  std::vector<ScriptedWorker*> workers;
  for (uint64_t id = 1; id <= 9; ++id) workers.push_back(&host.lease(id));
  CHECK(host.turn_ns() == kMs);
  host.rest(*workers[8], 9);
  CHECK(host.turn_ns() == 2 * kMs);
  const records::VgpuTurns ninth = host.turns(9);
  CHECK(ninth.shares.guarantee == 500 && ninth.turns == 0);
}

void test_what_it_had_is_kept_while_it_rests() {
  Lasting host;
  host.create(1);
  ScriptedWorker& worker = host.lease(1);
  worker.say(make_record(Kind::kTurnWanted, 0));
  host.settle_for(10);
  give_back(worker, 1);
  const records::VgpuTurns before = host.turns(1);
  CHECK(before.turns == 1 && before.held_ns >= 9 * kMs);
  host.rest(worker, 1);
  const records::VgpuTurns resting = host.turns(1);
  CHECK(resting.turns == 1 && resting.held_ns == before.held_ns && resting.holds == 0);
  records::VgpuResize resize{1, {100, 5'000, 3, 0}, 0, 2 << 20};
  CHECK(host.peers.ask(host.control, Kind::kVgpuResize, resize).header.kind == Kind::kDone);
  // The next worker goes on from there, with what was promised meanwhile.
  ScriptedWorker& next = host.lease(1);
  CHECK(next.memory_limit() == 2 << 20);
  const records::VgpuTurns again = host.turns(1);
  CHECK(again.turns == 1 && again.held_ns == before.held_ns && again.shares.weight == 3);
  next.say(make_record(Kind::kTurnWanted, 0));
  give_back(next, 1);
  CHECK(host.turns(1).turns == 2);
}

// Others may rest besides, and lease when one of those has come to rest.
void test_the_number_in_use_is_bounded() {
  Lasting host;
  const uint64_t most = DeviceTurns::kMostMembers;
  ScriptedWorker* last = nullptr;
  for (uint64_t id = 1; id <= most + 1; ++id) host.create(id, 0, 4096);
  for (uint64_t id = 1; id <= most; ++id) last = &host.lease(id);
  const auto refused = [&](const records::Record& answer) {
    return answer.header.kind == Kind::kError &&
           payload_of<records::Error>(answer).code == records::ErrorCode::kLimitReached;
  };
  const records::LeaseTake one_more{0, 0, most + 1, 0};
  CHECK(refused(host.peers.ask(host.control, Kind::kLeaseTake, one_more)));
  records::VgpuCreate create;
  create.memory_bytes = 4096;
  CHECK(refused(host.peers.ask(host.control, Kind::kVgpuCreate, create)));
  host.lease(most);  // one that is in use already
  CHECK(host.peers.ask(host.control, Kind::kLeaseEnd, records::LeaseReference{most, 2})
            .header.kind == Kind::kDone);
  host.rest(*last, most);
  host.lease(most + 1);
}

// The end of a worker is no way out of what its vGPU owes.
void test_who_owes_rests_when_it_is_paid() {
  Lasting host;
  host.create(1);
  host.create(2);
  ScriptedWorker& debtor = host.lease(1);
  ScriptedWorker& other = host.lease(2);
  debtor.say(make_record(Kind::kTurnWanted, 0));
  other.say(make_record(Kind::kTurnWanted, 0));
  host.settle_for(60);
  give_back(debtor, 1);
  host.rest(debtor, 1);
  CHECK(host.turns(1).balance_ns < -static_cast<int64_t>(10 * kMs));
  ScriptedWorker& again = host.lease(1);
  CHECK(host.turns(1).balance_ns < -static_cast<int64_t>(10 * kMs));
  host.rest(again, 1, 2);
  host.settle_for(400);  // the other one has the device
  give_back(other, 1);
  host.settle_for(400);
  CHECK(host.turns(1).balance_ns == 0 && host.turns(1).turns == 1);
}
