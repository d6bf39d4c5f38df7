// A vGPU that comes from another device host, which the test plays; and a suspended one on its way
// between two.
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "moving_vgpu.h"

using namespace aliquot;  // NOLINT: a test program
using records::Kind;
using records::MoveStep;

namespace {

// The target of a move, where nobody uses the vGPU.
struct Target {
  Target() { peers.ask(control, Kind::kControlHello, records::ControlWelcome{}); }
  FakeHost source() {
    FakeHost source = way_to(peers, control);
    source.say(Kind::kMoveVgpu, a_vgpu_that_comes());
    peers.settle();
    CHECK(has_step(source.hear(), MoveStep::kReady));
    return source;
  }
  /// What the target says of it when all is sent.
  records::VgpuCreated all_sent(FakeHost& source) {
    source.say(MoveStep::kAllSent);
    peers.settle();
    const auto heard = source.hear();
    CHECK(count_of(heard, Kind::kVgpuMoved) == 1);
    return heard.empty() ? records::VgpuCreated{}
                         : payload_of<records::VgpuCreated>(heard.front().record);
  }
  Peers peers;
  Descriptor control = peers.connect("control.sock");
};

enum class There { kNothing, kLink, kSocket };

There at(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return There::kNothing;
  return S_ISLNK(status.st_mode) ? There::kLink : There::kSocket;
}

}  // namespace

// It was here before, and its path leads to where it is now: until it has come, that stays so.
void test_the_path_of_a_vgpu_that_comes_back() {
  Target target;
  FakeHost source = target.source();
  const std::string path = target.all_sent(source).socket_path;
  source.hang_up();
  target.peers.settle();
  CHECK(at(path) == There::kNothing);  // where nothing was, nothing is
  CHECK(::symlink("/elsewhere", path.c_str()) == 0);

  // It may fail at any moment.
  for (const bool all_is_sent : {false, true}) {
    FakeHost failing = target.source();
    CHECK(at(path) == There::kLink);
    if (all_is_sent) {
      target.all_sent(failing);
      CHECK(at(path) == There::kSocket);
      // Who comes in these moments is neither refused nor served.
      const Descriptor early = connect_record_socket(path.c_str());
      send_record(early.get(), make_record(Kind::kGuestHello, 1, records::GuestHello{}));
      target.peers.settle();
      CHECK(early && !peer_hung_up(early.get()));
      Told told;
      CHECK(receive_record(early.get(), told.record, told.descriptors) ==
            SocketResult::kWouldBlock);
    }
    failing.hang_up();
    target.peers.settle();
    CHECK(at(path) == There::kLink);
    std::array<char, 64> link{};
    CHECK(::readlink(path.c_str(), link.data(), link.size() - 1) > 0);
    CHECK(std::string(link.data()) == "/elsewhere");
    CHECK(target.peers.ledger().reserved() == 0);
  }

  FakeHost coming = target.source();
  target.all_sent(coming);
  const Descriptor guest = connect_record_socket(path.c_str());
  coming.say(MoveStep::kTaken);
  target.peers.settle();
  CHECK(has_step(coming.hear(), MoveStep::kTaken));
  CHECK(at(path) == There::kSocket);
  // It is heard now: nobody has a lease.
  Told told;
  CHECK(receive_record(guest.get(), told.record, told.descriptors) == SocketResult::kOk);
  CHECK(is_refusal(told.record, records::ErrorCode::kNoSuchLease));
  CHECK(target.peers.ask(target.control, Kind::kVgpuDestroy, records::VgpuReference{0, 0, 7})
            .header.kind == Kind::kDone);
  CHECK(at(path) == There::kNothing);
}

namespace {

// Suspended, with an arena and a request that waits for the place that the vGPU has given up.
void suspend(Leased& leased) {
  CHECK(leased.peers.ask(leased.guest, Kind::kArenaRequest, records::ArenaRequest{4096})
            .header.kind == Kind::kArenaReply);
  leased.want(Kind::kVgpuSuspend);
  leased.say(Kind::kDrafted, records::Image{4096, 1, 0});
  leased.say(Kind::kImageDone, records::ImageDone{1, 0, {}});
  leased.worker().die();
  leased.peers.settle();
  CHECK(leased.answer().header.kind == Kind::kDone);
}

records::Record resize(Peers& peers, const Descriptor& control, uint64_t bytes) {
  records::VgpuResize wanted{};
  wanted.vgpu = 1;
  wanted.shares = {0, 10000, 1, 0};
  wanted.memory_bytes = bytes;
  return peers.ask(control, Kind::kVgpuResize, wanted);
}

}  // namespace

void test_a_suspended_vgpu_moves() {
  Leased leased;
  suspend(leased);
  CHECK(resize(leased.peers, leased.control, 1).header.kind == Kind::kDone);
  send_record(leased.guest.get(),
              make_record(Kind::kCreditRequest, 77, records::CreditRequest{8 << 20}));
  leased.peers.settle();

  Target target;
  send_record(target.control.get(), make_record(Kind::kMoveReceive, 5));
  target.peers.settle();
  Told way;
  CHECK(receive_record(target.control.get(), way.record, way.descriptors) == SocketResult::kOk);
  const int socket = way.descriptors.items[0].get();
  send_record(leased.control.get(),
              make_record(Kind::kVgpuMove, 9, records::VgpuReference{0, 0, 7}), &socket, 1);
  for (int round = 0; round < 4; ++round) {
    leased.peers.settle();
    target.peers.settle();
  }
  const records::Record answer = leased.answer();
  CHECK(answer.header.kind == Kind::kVgpuMoved && answer.header.sequence == 9);
  CHECK(leased.peers.ledger().reserved() == 0 && target.peers.ledger().reserved(1) == 1);
  CHECK(ScriptedWorker::newest == nullptr);  // no worker was needed
  const auto usage = payload_of<records::VgpuStatus>(
      target.peers.ask_all(target.control, Kind::kVgpuList, records::VgpuReference{}).front());
  CHECK(usage.state == records::VgpuState::kSuspended && usage.leases == 1);
  CHECK(usage.guest_processes == 1 && leased.guest_lives());

  // It has its place, and what was asked for, and goes on there with what it had.
  CHECK(resize(target.peers, target.control, 64 << 20).header.kind == Kind::kDone);
  Told told;
  CHECK(receive_record(leased.guest.get(), told.record, told.descriptors) == SocketResult::kOk);
  CHECK(told.kind() == Kind::kCreditReply && told.record.header.sequence == 77);
  CHECK(payload_of<records::CreditReply>(told.record).granted >= 8 << 20);
  send_record(target.control.get(),
              make_record(Kind::kVgpuResume, 9, records::VgpuReference{0, 0, 7}));
  target.peers.settle();
  CHECK(leased.was_sent(Kind::kRestore) && leased.was_sent(Kind::kArena));
  leased.worker().say(make_record(Kind::kImageDone, 0, records::ImageDone{1, 0, {}}));
  target.peers.settle();
  CHECK(leased.was_sent(Kind::kThaw) && leased.guest_lives());
  CHECK(receive_record(target.control.get(), told.record, told.descriptors) == SocketResult::kOk);
  CHECK(told.kind() == Kind::kDone);
  CHECK(::unlink(leased.peers.path("v1.sock").c_str()) == 0);  // the link
}

// Whatever the target does, it is suspended here as before, until that has taken it.
void test_a_suspended_vgpu_that_can_t_move() {
  for (const int way : {0, 1, 2, 3}) {
    Leased leased;
    suspend(leased);
    FakeHost target = begin_to_move(leased.peers, leased.control);
    leased.want(Kind::kVgpuResume);
    CHECK(is_refusal(leased.answer(), records::ErrorCode::kNotStopped));
    if (way == 0) target.say(Kind::kError, records::Error{records::ErrorCode::kMoveFailed, "No."});
    if (way == 1) target.say(Kind::kVgpuMoved, records::VgpuCreated{});  // before it has anything
    if (way >= 2) {
      target.say(MoveStep::kReady);
      leased.peers.settle();
      const auto heard = target.hear();
      CHECK(count_of(heard, Kind::kMoveGuest) == 1 && count_of(heard, Kind::kMoveLease) == 1);
      CHECK(count_of(heard, Kind::kMoveArena) == 1 && has_step(heard, MoveStep::kAllSent));
    }
    if (way == 2) target.say(MoveStep::kReady);  // once more
    if (way == 3) target.hang_up();
    leased.peers.settle();
    CHECK(is_refusal(leased.answer(), records::ErrorCode::kMoveFailed));
    CHECK(leased.status().state == records::VgpuState::kSuspended && leased.guest_lives());
    leased.want(Kind::kVgpuResume);
    CHECK(leased.was_sent(Kind::kRestore));
    leased.say(Kind::kImageDone, records::ImageDone{1, 0, {}});
    CHECK(leased.answer().header.kind == Kind::kDone);
  }
}

// A source that says of a suspended vGPU what can't be.
void test_a_suspended_vgpu_that_comes_as_it_can_t_be() {
  for (const int way : {0, 1, 2, 3}) {
    Target target;
    FakeHost source = way_to(target.peers, target.control);
    records::MoveVgpu vgpu = a_vgpu_that_comes();
    vgpu.suspended = vgpu.needs_worker = 1;
    source.say(Kind::kMoveVgpu, vgpu);
    target.peers.settle();
    CHECK(has_step(source.hear(), MoveStep::kReady) && ScriptedWorker::newest == nullptr);
    records::MoveGuest guest;
    guest.connection = 1;
    guest.state = static_cast<uint32_t>(Guest::State::kOpen);
    const Descriptor memory = make_sealed_memory("test", layout::kConnectionBytes);
    const Descriptor image = make_sealed_memory("test", 4096);
    if (way == 0) source.say(Kind::kMoveGuest, guest, {image.get(), image.get()});
    if (way == 1) guest.sketch = 1;
    if (way == 1) source.say(Kind::kMoveGuest, guest, {image.get(), memory.get()});
    if (way == 2) source.say(Kind::kCreditRequest, records::CreditRequest{1});  // of nobody
    if (way == 3) source.say(MoveStep::kTaken);
    target.peers.settle();
    CHECK(count_of(source.hear(), Kind::kError) == 1 && source.left_alone());
    CHECK(target.peers.ledger().reserved() == 0);
  }
}

namespace {

// A vGPU with a worker is on its way here, and of one of its processes a sketch has come.
struct Sketched {
  Sketched() {
    ScriptedWorker::ready_at_once = true;
    records::MoveVgpu vgpu = a_vgpu_that_comes();
    vgpu.needs_worker = 1;
    source.say(Kind::kMoveVgpu, vgpu);
    target.peers.settle();
    CHECK(has_step(source.hear(), MoveStep::kReady) && ScriptedWorker::newest != nullptr);
    records::MoveGuest guest;
    guest.connection = 1;
    guest.state = static_cast<uint32_t>(Guest::State::kOpen);
    guest.sketch = 1;
    source.say(Kind::kMoveGuest, guest, {image.get(), memory.get()});
    source.say(MoveStep::kSketched);
    target.peers.settle();
  }
  void worker_says(const records::Record& record) {
    ScriptedWorker::newest->say(record);
    target.peers.settle();
  }
  Target target;
  FakeHost source = way_to(target.peers, target.control);
  const Descriptor memory = make_sealed_memory("test", layout::kConnectionBytes);
  const Descriptor image = make_sealed_memory("test", 4096);
};

}  // namespace

// Its worker says at that moment that the process broke the protocol, or can't be taken in.
void test_a_worker_that_takes_nobody_in_while_a_vgpu_comes() {
  Sketched coming;
  records::Violation violation{};
  violation.connection = 1;
  coming.worker_says(make_record(Kind::kViolation, 0, violation));
  CHECK(count_of(coming.source.hear(), Kind::kError) == 1);
  ScriptedWorker::newest->die();
  coming.target.peers.settle();
  CHECK(coming.source.left_alone());
  CHECK(coming.target.peers.ledger().reserved() == 0);
}

// The process has gone since, and its worker frees what was made for it when all else has come.
void test_a_stranger_departs_when_a_vgpu_has_come() {
  Sketched coming;
  coming.worker_says(make_record(Kind::kImageDone, 0, records::ImageDone{1, 0, {}}));
  CHECK(has_step(coming.source.hear(), MoveStep::kPrepared));
  coming.target.all_sent(coming.source);
  coming.worker_says(make_record(Kind::kGone, 0, records::ConnectionReference{1}));
  CHECK(count_of(coming.source.hear(), Kind::kVgpuMoved) == 0);  // once was said already
  coming.source.say(MoveStep::kTaken);
  coming.target.peers.settle();
  CHECK(has_step(coming.source.hear(), MoveStep::kTaken));
}
