// The turns of the last minute: bounded, whole, and handed out so that nobody can change them.
#include "device_host/turn_log.h"

#include <fcntl.h>
#include <unistd.h>

#include "host_in_process.h"

using namespace aliquot;  // NOLINT: a test program
using records::Kind;
using records::Turn;

namespace {

constexpr uint64_t kUs = 1'000;
constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kSecond = 1'000'000'000;

/// Turns of so long, one after the other, of vGPUs 1 to `vgpus`, until `end`; nine tenths are charged.
uint64_t fill(TurnLog& log, uint64_t now, uint64_t end, uint64_t length, uint64_t vgpus) {
  for (uint64_t count = 0; now < end; ++count, now += length)
    log.add({1 + count % vgpus, now, now + length, length * 9 / 10});
  return now;
}

uint64_t charged(const std::vector<Turn>& turns) {
  uint64_t sum = 0;
  for (const Turn& turn : turns) sum += turn.charged_ns;
  return sum;
}

struct Told {
  records::Turns answer;
  std::vector<Turn> turns;
};

Told ask_for_turns(Peers& peers, const Descriptor& control, uint64_t since) {
  send_record(control.get(), make_record(Kind::kTurnsGet, 7, records::TurnsGet{since}));
  peers.settle();
  records::Record record{};
  DescriptorList descriptors;
  CHECK(receive_record(control.get(), record, descriptors) == SocketResult::kOk);
  CHECK(record.header.kind == Kind::kTurns && record.header.sequence == 7);
  Told told{payload_of<records::Turns>(record), {}};
  CHECK(descriptors.count == (told.answer.turn_count == 0 ? 0u : 1u));
  if (descriptors.count == 0) return told;
  const int memory = descriptors.items[0].get();
  const int all = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
  CHECK((::fcntl(memory, F_GET_SEALS) & all) == all);
  told.turns.resize(told.answer.turn_count);
  const auto bytes = static_cast<ssize_t>(told.turns.size() * sizeof(Turn));
  CHECK(::lseek(memory, 0, SEEK_END) == bytes);
  CHECK(::pread(memory, told.turns.data(), static_cast<size_t>(bytes), 0) == bytes);
  return told;
}

void give_back(ScriptedWorker& worker, uint32_t turn) {
  records::TurnFinished finished;
  finished.turn = turn;
  worker.say(make_record(Kind::kTurnFinished, 0, finished));
}

}  // namespace

void test_turns_are_logged_as_they_were() {
  TurnLog log(5);
  CHECK(log.since(0).empty() && log.known_since_ns() == 5);
  log.add({1, 10 * kMs, 12 * kMs, 2 * kMs});
  log.add({2, 12 * kMs, 13 * kMs, 1 * kMs});
  log.add({1, 13 * kMs, 15 * kMs, 1 * kMs});
  CHECK(log.since(0).size() == 3 && log.since(12 * kMs).size() == 2);
  CHECK(log.since(13 * kMs).size() == 1 && log.since(15 * kMs).empty());
  const Turn last = log.since(13 * kMs).at(0);
  CHECK(last.vgpu == 1 && last.begin_ns == 13 * kMs && last.end_ns == 15 * kMs);
  CHECK(last.charged_ns == kMs);
}

void test_short_turns_become_spans() {
  TurnLog log(0);
  fill(log, kSecond, kSecond + 10 * kMs, 100 * kUs, 2);
  const std::vector<Turn> turns = log.since(0);
  CHECK(turns.size() == 20 && charged(turns) == 9 * kMs);
  uint64_t begin = 0;
  for (const Turn& turn : turns) {
    CHECK(turn.begin_ns >= begin && turn.end_ns - turn.begin_ns < 2 * kMs);
    CHECK(turn.charged_ns < turn.end_ns - turn.begin_ns);
    begin = turn.begin_ns;
  }
}

// However short turns are and however many vGPUs take them, the last minute is known in the end, and
// no charged time is lost or told twice.
void test_a_minute_is_known() {
  for (const uint64_t vgpus : {1, 3, 200}) {
    TurnLog log(0);
    uint64_t now = fill(log, kSecond, 400 * kSecond, 300 * kUs, vgpus);
    const uint64_t since = now - TurnLog::kMinuteNs;
    CHECK(log.known_since_ns() <= since);
    const std::vector<Turn> turns = log.since(since);
    CHECK(turns.size() <= TurnLog::kMost);
    const uint64_t minute = TurnLog::kMinuteNs / 10 * 9;
    const uint64_t sum = charged(turns), edge = 2 * TurnLog::kLongestSpanNs;
    CHECK(sum >= minute - edge && sum <= minute + edge);
    // When turns are long again, so that there is room, they are told more exactly again.
    if (log.span_ns() == TurnLog::kShortestSpanNs) continue;
    const uint64_t span = log.span_ns();
    fill(log, now, now + 4'000 * kSecond, 10 * kMs, 2);
    CHECK(log.span_ns() < span);
  }
}

void test_turns_are_told_to_the_device_host_s_owner() {
  Peers peers;
  const Descriptor control = peers.connect("control.sock");
  peers.ask(control, Kind::kControlHello, records::ControlWelcome{});
  records::VgpuCreate create;
  create.memory_bytes = 16 << 20;
  ScriptedWorker& first = peers.make_vgpu(control, create);
  ScriptedWorker& second = peers.make_vgpu(control, create);
  CHECK(ask_for_turns(peers, control, 0).turns.empty());
  const uint64_t begun = monotonic_nanoseconds();
  first.say(make_record(Kind::kTurnWanted, 0));
  second.say(make_record(Kind::kTurnWanted, 0));
  ::usleep(5'000);
  // One that goes on is told up to now.
  const Told running = ask_for_turns(peers, control, 0);
  CHECK(running.turns.size() == 1 && running.turns[0].vgpu == 1);
  CHECK(running.turns[0].begin_ns >= begun && running.turns[0].end_ns == running.answer.at_ns);
  give_back(first, 1);
  ::usleep(2'000);
  const Told both = ask_for_turns(peers, control, 3);
  CHECK(both.answer.since_ns == 3 && both.answer.known_since_ns <= begun);
  CHECK(both.turns.size() == 2 && both.turns[1].vgpu == 2);
  CHECK(both.turns[0].begin_ns == running.turns[0].begin_ns);
  CHECK(both.turns[0].end_ns > running.turns[0].end_ns);
  CHECK(both.turns[1].begin_ns >= both.turns[0].end_ns);
  // That of a worker that dies ends with it, and is charged whole.
  second.die();
  peers.settle();
  while (true) {  // what is told of its end
    records::Record unasked{};
    DescriptorList descriptors;
    if (receive_record(control.get(), unasked, descriptors) != SocketResult::kOk) break;
  }
  const Told dead = ask_for_turns(peers, control, both.turns[0].end_ns);
  CHECK(dead.turns.size() == 1 && dead.turns[0].begin_ns == both.turns[1].begin_ns);
  CHECK(dead.turns[0].charged_ns == dead.turns[0].end_ns - dead.turns[0].begin_ns);
  CHECK(ask_for_turns(peers, control, dead.turns[0].end_ns).turns.empty());
  // Guest processes are told nothing of others.
  const Descriptor guest = peers.connect("v1.sock");
  peers.ask(guest, Kind::kGuestHello, records::GuestHello{});
  const records::Record refusal = peers.ask(guest, Kind::kTurnsGet, records::TurnsGet{});
  CHECK(payload_of<records::Error>(refusal).code == records::ErrorCode::kBadRecord);
}
