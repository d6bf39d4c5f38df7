// A vGPU that leaves for another device host, which the test plays.
#include <fcntl.h>
#include <sys/stat.h>

#include "moving_vgpu.h"
#include "shifted_clock.h"
#include "short_of_descriptors.h"

using namespace aliquot;  // NOLINT: a test program
using records::Kind;
using records::MoveStep;

namespace {

// The worker tells of images of these connections, and has written them.
void write_images(Leased& leased, const std::vector<uint32_t>& connections, uint32_t sketch) {
  for (const uint32_t connection : connections)
    leased.say(Kind::kDrafted, records::Image{4096, connection, sketch});
  for (const uint32_t connection : connections)
    leased.say(Kind::kImageDone, records::ImageDone{connection, 0, {}});
}

// Up to where all is handed over.
FakeHost handed_over(Leased& leased) {
  FakeHost target = begin_to_move(leased.peers, leased.control);
  target.say(MoveStep::kReady);
  leased.peers.settle();
  write_images(leased, {1}, 1);
  target.say(MoveStep::kPrepared);
  leased.peers.settle();
  write_images(leased, {1}, 0);
  CHECK(has_step(target.hear(), MoveStep::kAllSent));
  return target;
}

records::VgpuCreated there() {
  records::VgpuCreated created;
  copy_text(created.socket_path, sizeof created.socket_path, "/nowhere");
  return created;
}

bool is_served(Peers& peers, const Descriptor& guest) {
  return peers.ask(guest, Kind::kCreditRequest, records::CreditRequest{4096}).header.kind ==
         Kind::kCreditReply;
}

// No descriptor is left from here on.
void use_up_descriptors() {
  const int next = ::fcntl(0, F_DUPFD_CLOEXEC, 3);
  ::close(next);
  permit_descriptors(static_cast<rlim_t>(next));
}

}  // namespace

// Building programs may take the target longer than writing an image may take here.
void test_a_target_has_time_to_build() {
  Leased leased;
  FakeHost target = begin_to_move(leased.peers, leased.control);
  target.say(MoveStep::kReady);
  leased.peers.settle();
  write_images(leased, {1}, 1);
  CHECK(has_step(target.hear(), MoveStep::kSketched));
  put_clock_forward(150'000);
  leased.peers.settle();
  CHECK(leased.answer().header.kind == Kind{});
  target.say(MoveStep::kPrepared);
  leased.peers.settle();
  write_images(leased, {1}, 0);
  CHECK(has_step(target.hear(), MoveStep::kAllSent));
  // But not for ever.
  put_clock_forward(190'000);
  leased.peers.settle();
  CHECK(is_refusal(leased.answer(), records::ErrorCode::kMoveFailed));
  CHECK(target.left_alone() && is_served(leased.peers, leased.guest));
}

// Somebody has asked for a lease, and the worker isn't ready: the move waits for that.
void test_a_lease_is_answered_before_a_vgpu_leaves() {
  for (const bool dies : {false, true}) {
    Peers peers;
    const Descriptor control = peers.connect("control.sock");
    peers.ask(control, Kind::kControlHello, records::ControlWelcome{});
    records::VgpuCreate create;
    create.memory_bytes = 64 << 20;
    create.flags = records::kLasting;
    create.id_low = 7;
    CHECK(peers.ask(control, Kind::kVgpuCreate, create).header.kind == Kind::kVgpuCreated);
    ScriptedWorker::ready_at_once = false;
    const Descriptor other = peers.connect("control.sock");
    peers.ask(other, Kind::kControlHello, records::ControlWelcome{});
    send_record(other.get(), make_record(Kind::kLeaseTake, 3, records::LeaseTake{0, 0, 7, 0}));
    peers.settle();
    FakeHost target = begin_to_move(peers, control);
    target.say(MoveStep::kReady);
    peers.settle();
    target.say(MoveStep::kPrepared);
    peers.settle();
    CHECK(!has_step(target.hear(), MoveStep::kAllSent));
    Told told;
    CHECK(receive_record(other.get(), told.record, told.descriptors) != SocketResult::kOk);
    ScriptedWorker::ready_at_once = true;
    if (dies)
      ScriptedWorker::newest->die();
    else
      ScriptedWorker::newest->say(make_record(Kind::kWorkerReady, 0, records::WorkerReady{1}));
    peers.settle();
    CHECK(receive_record(other.get(), told.record, told.descriptors) == SocketResult::kOk);
    const auto heard = target.hear();
    if (dies) {
      CHECK(is_refusal(told.record, records::ErrorCode::kWorkerStart));
      CHECK(target.left_alone() && !has_step(heard, MoveStep::kAllSent));
      CHECK(receive_record(control.get(), told.record, told.descriptors) == SocketResult::kOk);
      CHECK(is_refusal(told.record, records::ErrorCode::kWorkerEnded));
    } else {
      CHECK(told.kind() == Kind::kLease && told.record.header.sequence == 3);
      CHECK(count_of(heard, Kind::kMoveLease) == 1 && has_step(heard, MoveStep::kAllSent));
    }
  }
}

// What the target needs can't be kept for it: then all goes on here.
void test_descriptors_run_short_while_all_is_handed_over() {
  in_a_child([] {
    Leased leased;
    const Descriptor other = leased.peers.connect("v1.sock");
    CHECK(leased.peers.ask(other, Kind::kGuestHello, records::GuestHello{}).header.kind ==
          Kind::kGuestWelcome);
    FakeHost target = begin_to_move(leased.peers, leased.control, true);
    target.say(MoveStep::kReady);
    leased.peers.settle();
    write_images(leased, {1, 2}, 1);
    target.say(MoveStep::kPrepared);
    leased.peers.settle();
    leased.say(Kind::kDrafted, records::Image{4096, 1, 0});
    leased.say(Kind::kDrafted, records::Image{4096, 2, 0});
    leased.say(Kind::kImageDone, records::ImageDone{1, 0, {}});
    use_up_descriptors();
    leased.say(Kind::kImageDone, records::ImageDone{2, 0, {}});
    CHECK(is_refusal(leased.answer(), records::ErrorCode::kMoveFailed));
    CHECK(leased.status().state == records::VgpuState::kReady);
    CHECK(is_served(leased.peers, leased.guest) && is_served(leased.peers, other));
    // Nothing is left that would end a later standstill.
    put_clock_forward(70'000);
    leased.peers.settle();
    const size_t thaws = static_cast<size_t>(std::ranges::count(leased.worker().sent, Kind::kThaw));
    CHECK(thaws == 1);
  });
}

// One that came in the last moment can't be handed over: the vGPU's path leads to it again.
void test_descriptors_run_short_as_a_vgpu_leaves() {
  in_a_child([] {
    Leased leased;
    FakeHost target = begin_to_move(leased.peers, leased.control, true);
    target.say(MoveStep::kReady);
    leased.peers.settle();
    write_images(leased, {1}, 1);
    target.say(MoveStep::kPrepared);
    leased.peers.settle();
    write_images(leased, {1}, 0);
    const Descriptor late = leased.peers.connect("v1.sock");
    leased.peers.settle();
    rlimit before{};
    CHECK(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    use_up_descriptors();
    target.say(Kind::kVgpuMoved, there());
    leased.peers.settle();
    permit_descriptors(before.rlim_cur);
    put_clock_forward(1'000);  // the listener rests, since it could take in nobody
    CHECK(is_refusal(leased.answer(), records::ErrorCode::kMoveFailed));
    CHECK(leased.status().state == records::VgpuState::kReady);
    CHECK(is_served(leased.peers, leased.guest));
    struct stat status {};
    CHECK(::lstat(leased.peers.path("v1.sock").c_str(), &status) == 0 && S_ISSOCK(status.st_mode));
    const Descriptor later = leased.peers.connect("v1.sock");
    for (const Descriptor* guest : {&late, &later})
      CHECK(leased.peers.ask(*guest, Kind::kGuestHello, records::GuestHello{}).header.kind ==
            Kind::kGuestWelcome);
  });
}

// Only what a device host says that has taken the vGPU is taken for that.
void test_what_a_target_says_after_a_vgpu_has_left() {
  for (const int way : {0, 1, 2, 3}) {
    Leased leased;
    FakeHost target = handed_over(leased);
    target.say(Kind::kVgpuMoved, there());
    leased.peers.settle();
    CHECK(has_step(target.hear(), MoveStep::kTaken));
    CHECK(leased.answer().header.kind == Kind{});
    if (way == 0) target.say(MoveStep::kTaken);
    if (way == 1) target.say(Kind::kVgpuMoved, there());
    if (way == 2) target.say(Kind::kError, records::Error{});
    if (way == 3) target.say(MoveStep::kReady);
    leased.peers.settle();
    const records::Record answer = leased.answer();
    CHECK(way == 0 ? answer.header.kind == Kind::kVgpuMoved
                   : is_refusal(answer, records::ErrorCode::kMoveFailed));
    leased.worker().die();
    leased.peers.settle();
    CHECK(leased.peers.ledger().reserved() == 0);
    CHECK(::unlink(leased.peers.path("v1.sock").c_str()) == 0);  // the link
  }
}
