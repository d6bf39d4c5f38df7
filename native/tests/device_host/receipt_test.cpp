// What is told of a vGPU: its page, and where the time of its guest processes went.
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "device_host/shared_memory.h"
#include "device_host/time_ledger.h"
#include "host_in_process.h"
#include "protocol/connection_layout.h"

using namespace aliquot;  // NOLINT: a test program
using records::Kind;

namespace {

struct Told {
  records::Receipt receipt;
  Descriptor page;
};

Told ask_receipt(Peers& peers, const Descriptor& control, uint64_t vgpu) {
  send_record(control.get(), make_record(Kind::kReceiptGet, 1, records::VgpuReference{vgpu}));
  peers.settle();
  records::Record answer{};
  DescriptorList descriptors;
  CHECK(receive_record(control.get(), answer, descriptors) == SocketResult::kOk);
  CHECK(answer.header.kind == Kind::kReceipt && descriptors.count == 1);
  return {payload_of<records::Receipt>(answer), std::move(descriptors.items[0])};
}

const vgpu_page::Page& map_page(const Descriptor& page) {
  void* mapping = ::mmap(nullptr, vgpu_page::kPageSize, PROT_READ, MAP_SHARED, page.get(), 0);
  CHECK(mapping != MAP_FAILED);
  return *static_cast<const vgpu_page::Page*>(mapping);
}

records::VgpuCreate wish(uint32_t limit = 10'000) {
  records::VgpuCreate create;
  create.memory_bytes = 16 << 20;
  create.shares.limit = limit;
  return create;
}

struct Connection {
  Descriptor memory = make_sealed_memory("connection", layout::kConnectionBytes);
  layout::ConnectionMemory& data = *static_cast<layout::ConnectionMemory*>(
      ::mmap(nullptr, layout::kConnectionBytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(),
             0));
  ~Connection() { ::munmap(&data, layout::kConnectionBytes); }
};

}  // namespace

void test_the_page_follows_the_turns() {
  Peers peers;
  const Descriptor control = peers.connect("control.sock");
  peers.ask(control, Kind::kControlHello, records::ControlWelcome{});
  ScriptedWorker& first = peers.make_vgpu(control, wish());
  ScriptedWorker& second = peers.make_vgpu(control, wish());
  const Descriptor first_page = ask_receipt(peers, control, 1).page;
  const Descriptor second_page = ask_receipt(peers, control, 2).page;
  const vgpu_page::Page& one = map_page(first_page);
  const vgpu_page::Page& two = map_page(second_page);
  CHECK(one.version.load() == vgpu_page::kPageVersion && one.state.load() == vgpu_page::kAway);

  first.say(make_record(Kind::kTurnWanted, 0));
  CHECK(one.state.load() == vgpu_page::kHolding && one.turns.load() == 1);
  second.say(make_record(Kind::kTurnWanted, 0));
  CHECK(two.state.load() == vgpu_page::kWaiting && two.waited_ns.load() == 0);
  vgpu_page::Waits waits;
  const uint64_t since = two.at_ns.load();
  CHECK(vgpu_page::read_waits(two, since + 500, waits));
  CHECK(waits.waited_ns == 500 && waits.limited_ns == 0);

  records::TurnFinished finished;
  finished.turn = 1;
  first.say(make_record(Kind::kTurnFinished, 0, finished));
  CHECK(one.state.load() == vgpu_page::kAway && one.held_ns.load() > 0);
  CHECK(two.state.load() == vgpu_page::kHolding);
  CHECK(two.waited_ns.load() == two.at_ns.load() - since && two.limited_ns.load() == 0);

  const records::Receipt told = ask_receipt(peers, control, 2).receipt;
  CHECK(told.waited_ns == two.waited_ns.load() && told.turns == 1);
  CHECK(::mmap(nullptr, vgpu_page::kPageSize, PROT_READ | PROT_WRITE, MAP_SHARED, first_page.get(),
               0) == MAP_FAILED);
  CHECK(::pwrite(first_page.get(), "x", 1, 0) < 0 && errno == EPERM);
}

void test_waits_for_a_limit_are_told_apart() {
  Peers peers;
  const Descriptor control = peers.connect("control.sock");
  peers.ask(control, Kind::kControlHello, records::ControlWelcome{});
  ScriptedWorker& worker = peers.make_vgpu(control, wish(100));
  const Descriptor descriptor = ask_receipt(peers, control, 1).page;
  const vgpu_page::Page& page = map_page(descriptor);
  records::TurnFinished finished;
  finished.more = 1;
  worker.say(make_record(Kind::kTurnWanted, 0));
  // Until it has spent what its limit of 1 % gave it.
  for (uint32_t turn = 1; turn < 1000 && page.state.load() == vgpu_page::kHolding; ++turn) {
    ::usleep(1000);
    finished.turn = turn;
    worker.say(make_record(Kind::kTurnFinished, 0, finished));
  }
  CHECK(page.state.load() == vgpu_page::kLimited);
  vgpu_page::Waits waits;
  CHECK(vgpu_page::read_waits(page, page.at_ns.load() + 700, waits));
  CHECK(waits.limited_ns == page.limited_ns.load() + 700);
  CHECK(waits.waited_ns - page.waited_ns.load() == 700);
}

void test_receipts_of_unknown_vgpus() {
  Peers peers;
  const Descriptor control = peers.connect("control.sock");
  peers.ask(control, Kind::kControlHello, records::ControlWelcome{});
  const records::Record answer = peers.ask(control, Kind::kReceiptGet, records::VgpuReference{7});
  CHECK(payload_of<records::Error>(answer).code == records::ErrorCode::kNoSuchVgpu);
}

void test_time_ledger() {
  TimeLedger ledger;
  records::Receipt receipt;
  Connection one, two;
  // 1000 to 5000, and 2000 to 4000 inside of it; then a gap, and 7000 to 8000.
  ledger.begin(1, 1000, one.memory.get(), 1500);
  one.data.times.spent_ns[static_cast<size_t>(layout::Spent::kKernels)] = 300;
  one.data.times.syncs = 3;
  ledger.begin(2, 2000, two.memory.get(), 2500);
  // More than there was of it, of the first lines what there is.
  for (auto& line : two.data.times.spent_ns) line = ~uint64_t{0} - 5;
  two.data.times.spent_ns[0] = 1500;
  two.data.times.builds = ~uint64_t{0};
  ledger.report(receipt, 3000);
  CHECK(receipt.covered_ns == 2000 && receipt.alive_ns == 2000 + 1000);
  CHECK(receipt.start_ns == 1000 && receipt.kernels_ns == 300);
  ledger.end(2, 4000);
  ledger.end(2, 4500);  // once is enough
  ledger.end(1, 5000);
  ledger.begin(3, 7000, -1, 7500);
  ledger.end(3, 8000);
  ledger.report(receipt, 9000);
  CHECK(receipt.covered_ns == 5000 && receipt.alive_ns == 4000 + 2000 + 1000);
  CHECK(receipt.start_ns == 1500 && receipt.kernels_ns == 300 + 500 && receipt.copies_ns == 0);
  CHECK(receipt.syncs == 3 && receipt.builds == 2000 && receipt.processes == 3);
}

// At whatever moment a device host dies: the sums of the next one are what they would have been.
void test_time_ledger_goes_on() {
  Connection one, two;
  one.data.times.syncs = 3;
  TimeLedger first;
  first.begin(1, 1000, one.memory.get(), 1500);
  TimeLedger::Past noted = first.past();
  first.begin(2, 2000, two.memory.get(), 2500);
  const TimeLedger::Past with_two = first.past();
  first.end(1, 5000);
  const TimeLedger::Past with_an_end = first.past();

  records::Receipt receipt;
  TimeLedger second;  // died when the second process had been noted, and its sums had not
  second.begin_again(noted);
  second.resume(1, 1000, one.memory.get());
  second.resume(2, 2000, two.memory.get());
  second.report(receipt, 6000);
  CHECK(receipt.covered_ns == 5000 && receipt.alive_ns == 5000 + 4000);
  CHECK(receipt.processes == 2 && receipt.syncs == 3);

  TimeLedger third;  // the other way round: the process greets again
  third.begin_again(with_two);
  third.resume(1, 1000, one.memory.get());
  third.begin(2, 2000, two.memory.get(), 2600);
  third.end(2, 4000);
  third.end(1, 5000);
  third.report(receipt, 9000);
  CHECK(receipt.covered_ns == 4000 && receipt.alive_ns == 4000 + 2000);
  CHECK(receipt.processes == 2 && receipt.syncs == 3);

  TimeLedger fourth;  // died when the end had been noted, and the process still was
  fourth.begin_again(with_an_end);
  fourth.resume(1, 1000, one.memory.get());
  fourth.resume(2, 2000, two.memory.get());
  fourth.end(1, 6000);
  fourth.end(2, 7000);
  fourth.report(receipt, 9000);
  CHECK(receipt.covered_ns == 6000 && receipt.alive_ns == 4000 + 5000);
  CHECK(receipt.processes == 2 && receipt.syncs == 3);
}

void test_process_starts() {
  const uint64_t now = monotonic_nanoseconds();
  const uint64_t own = process_start_ns(::getpid(), now);
  CHECK(own < now && now - own < uint64_t{600} * 1'000'000'000);
  CHECK(process_start_ns(0, now) == now && process_start_ns(-1, now) == now);
}
