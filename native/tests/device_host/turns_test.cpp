// Turns as the device host hands them to workers: page, records, refusals.
#include <sys/mman.h>

#include <cerrno>

#include "device_host/share_records.h"
#include "device_host/turn_history.h"
#include "host_in_process.h"
#include "protocol/turn_page.h"

using namespace aliquot;  // NOLINT: a test program
using records::Kind;

namespace {

const turns::TurnPage& map_page(const ScriptedWorker& worker) {
  void* mapping = ::mmap(nullptr, turns::kTurnPageSize, PROT_READ, MAP_SHARED, worker.page.get(), 0);
  CHECK(mapping != MAP_FAILED);
  return *static_cast<const turns::TurnPage*>(mapping);
}

records::Record finished(uint32_t turn, bool more) {
  records::TurnFinished payload;
  payload.turn = turn;
  payload.more = more ? 1 : 0;
  return make_record(Kind::kTurnFinished, 0, payload);
}

records::VgpuCreate wish(uint32_t guarantee = 0) {
  records::VgpuCreate create;
  create.memory_bytes = 16 << 20;
  create.shares.guarantee = guarantee;
  return create;
}

}  // namespace

void test_turns_pass_between_workers() {
  Peers peers;
  const Descriptor control = peers.connect("control.sock");
  peers.ask(control, Kind::kControlHello, records::ControlWelcome{});
  ScriptedWorker& first = peers.make_vgpu(control, wish());
  ScriptedWorker& second = peers.make_vgpu(control, wish());
  CHECK(first.sent.at(0) == Kind::kTurnPage);
  const turns::TurnPage& first_page = map_page(first);
  const turns::TurnPage& second_page = map_page(second);
  CHECK(first_page.turn.load() == 0);

  // Alone it has the device as long as it likes.
  first.say(make_record(Kind::kTurnWanted, 0));
  CHECK(first_page.turn.load() == 1);
  CHECK(first_page.deadline_ns.load() == turns::kNoDeadline && first_page.contended.load() == 0);
  CHECK(first_page.window_ns.load() > 0 && first_page.patience_ns.load() > 0);

  // Until another wants it, who gets it when it was given back and not before.
  second.say(make_record(Kind::kTurnWanted, 0));
  CHECK(first_page.deadline_ns.load() != turns::kNoDeadline && first_page.contended.load() == 1);
  CHECK(first.sent.back() == Kind::kTurnRecall);
  CHECK(second_page.turn.load() == 0);
  first.say(finished(1, true));
  CHECK(second_page.turn.load() == 1 && first_page.turn.load() == 1);
  CHECK(second_page.deadline_ns.load() != turns::kNoDeadline);

  // The death of who has it passes it on.
  second.kill("test");
  second.die();
  CHECK(first_page.turn.load() == 2 && !first.doomed());
  peers.settle();
}

void test_a_turn_that_it_hasn_t_ends_a_worker() {
  Peers peers;
  const Descriptor control = peers.connect("control.sock");
  peers.ask(control, Kind::kControlHello, records::ControlWelcome{});
  ScriptedWorker& worker = peers.make_vgpu(control, wish());
  worker.say(make_record(Kind::kTurnWanted, 0));
  worker.say(finished(2, false));
  CHECK(worker.why_killed == "it gave back a turn that it hasn't");
}

// One that keeps a turn that others wait for is killed; what passed while the device host itself
// didn't run, on a machine that was suspended, doesn't count.
void test_a_turn_that_is_kept() {
  Peers peers;
  const Descriptor control = peers.connect("control.sock");
  peers.ask(control, Kind::kControlHello, records::ControlWelcome{});
  records::VgpuCreate create = wish();
  create.kernel_limit_ms = 1;
  ScriptedWorker& first = peers.make_vgpu(control, create);
  ScriptedWorker& second = peers.make_vgpu(control, create);
  first.say(make_record(Kind::kTurnWanted, 0));
  second.say(make_record(Kind::kTurnWanted, 0));
  ::usleep(700'000);
  peers.settle();
  CHECK(!first.doomed());
  first.say(finished(1, false));
  CHECK(!first.doomed() && map_page(second).turn.load() == 1);
  first.say(make_record(Kind::kTurnWanted, 0));
  for (int i = 0; i < 100 && !second.doomed(); ++i) {
    ::usleep(10'000);
    peers.settle();
  }
  CHECK(second.why_killed.find("it kept the device for ") == 0);
}

void test_the_worker_can_t_write_its_page() {
  Peers peers;
  const Descriptor control = peers.connect("control.sock");
  peers.ask(control, Kind::kControlHello, records::ControlWelcome{});
  const ScriptedWorker& worker = peers.make_vgpu(control, wish());
  CHECK(::mmap(nullptr, turns::kTurnPageSize, PROT_READ | PROT_WRITE, MAP_SHARED, worker.page.get(),
               0) == MAP_FAILED);
  const uint32_t turn = 7;
  CHECK(::pwrite(worker.page.get(), &turn, sizeof turn, 0) < 0 && errno == EPERM);
}

void test_guarantees_add_up_to_one_device() {
  Peers peers;
  const Descriptor control = peers.connect("control.sock");
  peers.ask(control, Kind::kControlHello, records::ControlWelcome{});
  peers.make_vgpu(control, wish(7000));
  const records::Record refusal = peers.ask(control, Kind::kVgpuCreate, wish(3001));
  CHECK(refusal.header.kind == Kind::kError);
  const auto error = payload_of<records::Error>(refusal);
  CHECK(error.code == records::ErrorCode::kShareUnavailable);
  CHECK(std::string(error.text).find("30.00 % are free") != std::string::npos);
  peers.make_vgpu(control, wish(3000));

  records::VgpuResize resize;
  resize.vgpu = 1;
  resize.shares.guarantee = 7001;
  CHECK(payload_of<records::Error>(peers.ask(control, Kind::kVgpuResize, resize)).code ==
        records::ErrorCode::kShareUnavailable);
  resize.shares.guarantee = 1000;
  resize.shares.limit = 2000;
  CHECK(peers.ask(control, Kind::kVgpuResize, resize).header.kind == Kind::kDone);
  resize.vgpu = 9;
  CHECK(payload_of<records::Error>(peers.ask(control, Kind::kVgpuResize, resize)).code ==
        records::ErrorCode::kNoSuchVgpu);
}

void test_shares_and_policies_that_can_t_be() {
  arbiter::Shares shares;
  const auto refused = [&](auto change) {
    records::Shares record;
    change(record);
    return !read_shares(record, shares).empty();
  };
  CHECK(!refused([](records::Shares&) {}));
  CHECK(refused([](records::Shares& record) { record.limit = 0; }));
  CHECK(refused([](records::Shares& record) { record.limit = 10'001; }));
  CHECK(refused([](records::Shares& record) { record.guarantee = 50, record.limit = 49; }));
  CHECK(refused([](records::Shares& record) { record.weight = 0; }));
  CHECK(refused([](records::Shares& record) { record.weight = 1001; }));
  CHECK(refused([](records::Shares& record) { record.priority = 3; }));

  Peers peers;
  const Descriptor control = peers.connect("control.sock");
  peers.ask(control, Kind::kControlHello, records::ControlWelcome{});
  records::Policy policy;
  policy.kind = 2;
  policy.turn_ns = 5'000'000;
  const records::Record answer = peers.ask(control, Kind::kPolicySet, policy);
  CHECK(answer.header.kind == Kind::kPolicy);
  CHECK(payload_of<records::Policy>(answer).kind == 2);
  CHECK(payload_of<records::Policy>(answer).turn_ns == 5'000'000);
  for (const uint64_t turn : {uint64_t{999'999}, uint64_t{30'000'001}}) {
    policy.turn_ns = turn;
    CHECK(payload_of<records::Error>(peers.ask(control, Kind::kPolicySet, policy)).code ==
          records::ErrorCode::kBadShare);
  }
}

void test_turn_history() {
  constexpr uint64_t kMs = 1'000'000;
  TurnHistory history;
  CHECK(history.wait_percentile(99) == 0 && history.share(1000 * kMs, 5, 0) == 0);
  for (uint64_t i = 1; i <= 100; ++i) history.waited(i);
  CHECK(history.wait_percentile(50) == 51 && history.wait_percentile(99) == 100);
  // A quarter of the device for two seconds, then half of it for one.
  uint64_t held = 0;
  for (uint64_t at = 0; at <= 3000; at += 200) {
    history.sample(at * kMs, held);
    if (at < 3000) held += (at < 2000 ? 50 : 100) * kMs;
  }
  CHECK(history.share(1000 * kMs, 3000 * kMs, held) == 5000);
  CHECK(history.share(60'000 * kMs, 3000 * kMs, held) == 3333);
}
