// What vGPUs copy: claims within what is possible, rates, and limits on their way to workers.
#include <sys/mman.h>

#include "device_host/copy_account.h"
#include "host_in_process.h"
#include "protocol/turn_page.h"

using namespace aliquot;  // NOLINT: a test program
using records::Kind;

namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kSecond = 1000 * kMs;

uint64_t rate_in_page(const ScriptedWorker& worker) {
  void* mapping =
      ::mmap(nullptr, turns::kTurnPageSize, PROT_READ, MAP_SHARED, worker.page.get(), 0);
  CHECK(mapping != MAP_FAILED);
  const uint64_t rate = static_cast<const turns::TurnPage*>(mapping)->copy_rate.load();
  ::munmap(mapping, turns::kTurnPageSize);
  return rate;
}

records::VgpuCopies copies_of(const std::vector<records::Record>& answer, size_t vgpu) {
  size_t seen = 0;
  for (const records::Record& record : answer)
    if (record.header.kind == Kind::kVgpuCopies && ++seen == vgpu)
      return payload_of<records::VgpuCopies>(record);
  CHECK(false);
  return {};
}

}  // namespace

void test_claims_of_copies() {
  CopyAccount account;
  account.claim(1, 1'000, 100, 200);
  CHECK(account.bytes() == 1'000 && account.ns() == 100);
  account.claim(2, 900, 90, 300);  // a total that shrinks
  CHECK(account.bytes() == 1'000 && account.ns() == 100);
  account.claim(3, 1'500, 150, 350);
  CHECK(account.bytes() == 1'500 && account.ns() == 150);
  // More than the device time that it had since allows.
  account.claim(4, ~uint64_t{0}, ~uint64_t{0}, 360);
  CHECK(account.bytes() == 1'500 + 10 * CopyAccount::kMostBytesPerNs && account.ns() == 160);
  account.claim(5, ~uint64_t{0}, ~uint64_t{0}, 370);  // that was all of it
  CHECK(account.ns() == 160);
  // The next worker counts from nothing.
  account.worker_ended();
  account.claim(6, 500, 5, 400);
  CHECK(account.bytes() == 2'000 + 10 * CopyAccount::kMostBytesPerNs && account.ns() == 165);
  CopyAccount endless;
  endless.claim(1, ~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0});
  endless.worker_ended();
  endless.claim(2, 5, 5, ~uint64_t{0});
  CHECK(endless.bytes() == ~uint64_t{0});
}

// What a dead device host had believed is neither lost nor believed twice.
void test_claims_of_copies_go_on() {
  CopyAccount before, after;
  before.claim(1, 1'000, 100, 200);
  after.resume(before.sums());
  CHECK(after.bytes() == 1'000 && after.ns() == 100 && after.rate(kSecond, 2) == 0);
  after.claim(3, 1'500, 150, 350);
  CHECK(after.bytes() == 1'500 && after.ns() == 150);
  after.claim(4, 9'999, 9'999, 350);  // the device time was used up
  CHECK(after.bytes() == 1'500 && after.ns() == 150);
}

void test_rates_of_copies() {
  CopyAccount account;
  CHECK(account.rate(kSecond, kSecond) == 0);
  // 100 bytes each 250 ms, for 20 s; looked at more often than it is told.
  for (uint64_t at = 0; at <= 20'000; at += 50) {
    if (at % 250 == 0) account.claim(at * kMs, at * 100 / 250, 0, at * kMs);
    if (at % 200 == 0) account.sample(at * kMs);
  }
  const auto is_400 = [](uint64_t rate) { return rate >= 380 && rate <= 420; };
  CHECK(is_400(account.rate(kSecond, 20'200 * kMs)));
  CHECK(is_400(account.rate(10 * kSecond, 20'200 * kMs)));
  CHECK(is_400(account.rate(60 * kSecond, 20'200 * kMs)));
  // Nothing for two seconds.
  for (uint64_t at = 20'200; at <= 22'000; at += 200) account.sample(at * kMs);
  CHECK(account.rate(kSecond, 22'000 * kMs) == 0);
  const uint64_t ten = account.rate(10 * kSecond, 22'000 * kMs);
  CHECK(ten >= 300 && ten <= 340);
}

void test_limits_of_copies_reach_the_worker() {
  Peers peers;
  const Descriptor control = peers.connect("control.sock");
  peers.ask(control, Kind::kControlHello, records::ControlWelcome{});
  records::VgpuCreate create;
  create.memory_bytes = 16 << 20;
  const ScriptedWorker& free = peers.make_vgpu(control, create);
  CHECK(rate_in_page(free) == 0);
  create.copy_limit = 500 << 20;
  const ScriptedWorker& limited = peers.make_vgpu(control, create);
  CHECK(rate_in_page(limited) == 500 << 20);
  records::VgpuResize resize;
  resize.vgpu = 1;
  resize.copy_limit = records::kLeastCopyLimit;
  CHECK(peers.ask(control, Kind::kVgpuResize, resize).header.kind == Kind::kDone);
  CHECK(rate_in_page(free) == records::kLeastCopyLimit);
  // Refused, and nothing has changed.
  resize.copy_limit = records::kLeastCopyLimit - 1;
  resize.shares.limit = 50;
  CHECK(payload_of<records::Error>(peers.ask(control, Kind::kVgpuResize, resize)).code ==
        records::ErrorCode::kBadShare);
  CHECK(rate_in_page(free) == records::kLeastCopyLimit);
  create.copy_limit = 1;
  CHECK(payload_of<records::Error>(peers.ask(control, Kind::kVgpuCreate, create)).code ==
        records::ErrorCode::kBadShare);
  const auto listed = peers.ask_all(control, Kind::kVgpuList, records::VgpuReference{});
  CHECK(copies_of(listed, 1).limit == records::kLeastCopyLimit);
  CHECK(copies_of(listed, 2).limit == 500 << 20);
}

// Neither too much nor too little gains a worker anything: it has paid by its turns.
void test_what_a_worker_claims_to_have_copied() {
  Peers peers;
  const Descriptor control = peers.connect("control.sock");
  peers.ask(control, Kind::kControlHello, records::ControlWelcome{});
  records::VgpuCreate create;
  create.memory_bytes = 16 << 20;
  ScriptedWorker& boaster = peers.make_vgpu(control, create);
  ScriptedWorker& silent = peers.make_vgpu(control, create);
  // Without a turn nothing can have been copied.
  records::WorkerStatus status;
  status.copied_bytes = status.copy_ns = ~uint64_t{0} / 2;
  boaster.say(make_record(Kind::kWorkerStatus, 0, status));
  auto listed = peers.ask_all(control, Kind::kVgpuList, records::VgpuReference{});
  CHECK(copies_of(listed, 1).copied_bytes == 0 && copies_of(listed, 1).copy_ns == 0);
  for (ScriptedWorker* worker : {&boaster, &silent}) {
    worker->say(make_record(Kind::kTurnWanted, 0));
    ::usleep(20'000);
    records::TurnFinished finished;
    finished.turn = 1;
    if (worker == &boaster) finished.copied_bytes = finished.copy_ns = ~uint64_t{0};
    worker->say(make_record(Kind::kTurnFinished, 0, finished));
    CHECK(!worker->doomed());
  }
  listed = peers.ask_all(control, Kind::kVgpuList, records::VgpuReference{});
  uint64_t held[2] = {}, number = 0;
  for (const records::Record& record : listed)
    if (record.header.kind == Kind::kVgpuTurns)
      held[number++] = payload_of<records::VgpuTurns>(record).held_ns;
  const records::VgpuCopies boasted = copies_of(listed, 1);
  CHECK(held[0] >= 20 * kMs && held[1] >= 20 * kMs);
  CHECK(boasted.copy_ns <= held[0] && boasted.copied_bytes > 0 &&
        boasted.copied_bytes <= held[0] * CopyAccount::kMostBytesPerNs);
  CHECK(copies_of(listed, 2).copied_bytes == 0);
}
