// A vGPU over a worker that does as the test says, in one process.
#include <string>

#include "host_in_process.h"

using namespace aliquot;  // NOLINT: a test program
using records::Kind;

// Guest processes of a killed worker are told before it is dead; its memory is charged until then.
void test_a_killed_worker_s_guests() {
  Peers peers;
  const Descriptor control = peers.connect("control.sock");
  peers.ask(control, Kind::kControlHello, records::ControlWelcome{});
  records::VgpuCreate create;
  create.memory_bytes = 64 << 20;
  CHECK(peers.ask(control, Kind::kVgpuCreate, create).header.kind == Kind::kVgpuCreated);
  const Descriptor guest = peers.connect("v1.sock");
  CHECK(peers.ask(guest, Kind::kGuestHello, records::GuestHello{}).header.kind ==
        Kind::kGuestWelcome);
  const records::CreditRequest credit{32 << 20};
  CHECK(peers.ask(guest, Kind::kCreditRequest, credit).header.kind == Kind::kCreditReply);

  ScriptedWorker* killed = ScriptedWorker::newest;
  killed->say(make_record(Kind::kKernelOverrun, 0, records::KernelOverrun{}));
  peers.settle();
  CHECK(peer_hung_up(guest.get()));
  CHECK(killed->doomed() && killed->running());
  CHECK(peers.ledger().lent(1) >= credit.bytes);

  // Who comes meanwhile waits for the next worker.
  const Descriptor next = peers.connect("v1.sock");
  send_record(next.get(), make_record(Kind::kGuestHello, 1, records::GuestHello{}));
  peers.settle();
  records::Record answer{};
  DescriptorList descriptors;
  CHECK(receive_record(next.get(), answer, descriptors) == SocketResult::kWouldBlock);
  killed->die();
  peers.settle();
  CHECK(receive_record(next.get(), answer, descriptors) == SocketResult::kOk &&
        answer.header.kind == Kind::kGuestWelcome);
  CHECK(peers.ledger().lent(1) == 0);
}

namespace {

// One guest process that has spent 16 MiB of 64, and what was asked of the worker.
struct Used {
  Used() {
    peers.ask(control, Kind::kControlHello, records::ControlWelcome{});
    records::VgpuCreate create;
    create.memory_bytes = 64 << 20;
    worker = &peers.make_vgpu(control, create);
    CHECK(peers.ask(guest = peers.connect("v1.sock"), Kind::kGuestHello, records::GuestHello{})
              .header.kind == Kind::kGuestWelcome);
  }
  uint64_t borrow(uint64_t bytes) {
    return payload_of<records::CreditReply>(
               peers.ask(guest, Kind::kCreditRequest, records::CreditRequest{bytes}))
        .granted;
  }
  void resize(uint64_t bytes, uint32_t sequence = 5) {
    records::VgpuResize request{1, {}, 0, bytes};
    send_record(control.get(), make_record(Kind::kVgpuResize, sequence, request));
    peers.settle();
  }
  records::Record answer(const Descriptor& peer) {
    peers.settle();
    records::Record record{};
    DescriptorList descriptors;
    if (receive_record(peer.get(), record, descriptors) != SocketResult::kOk)
      record.header.kind = {};
    return record;
  }
  void settle_for(int milliseconds) {
    for (; milliseconds > 0; milliseconds -= 5) {
      ::usleep(5000);
      peers.settle();
    }
  }
  void tell(uint64_t used) {
    worker->say(make_record(Kind::kMemory, worker->last_question, records::Memory{used}));
    settle_for(30);
  }

  Peers peers;
  Descriptor control = peers.connect("control.sock"), guest;
  ScriptedWorker* worker = nullptr;
};

constexpr uint64_t kMiB = 1 << 20;

}  // namespace

// What a program has released may be in use by a kernel: it is nobody else's until the worker says so.
void test_less_memory_waits_for_the_worker() {
  Used used;
  CHECK(used.borrow(16 * kMiB) == 16 * kMiB);
  used.resize(32 * kMiB);
  // Unspent credit was taken back, no more is lent than the new size, and no more may be made.
  CHECK(used.peers.ledger().lent(1) == 0 && used.peers.ledger().limit(1) == 32 * kMiB);
  CHECK(used.peers.ledger().reserved(1) == 64 * kMiB && used.worker->memory_limit() == 32 * kMiB);
  // What could be refused for nothing waits.
  send_record(used.guest.get(),
              make_record(Kind::kCreditRequest, 7, records::CreditRequest{40 * kMiB}));
  used.tell(33 * kMiB);
  CHECK(used.answer(used.control).header.kind == Kind{});
  CHECK(used.answer(used.guest).header.kind == Kind{});
  CHECK(used.peers.ledger().reserved() == 64 * kMiB);
  used.tell(32 * kMiB);
  CHECK(used.answer(used.control).header.kind == Kind::kDone);
  CHECK(used.peers.ledger().reserved() == 32 * kMiB);
  const records::Record refused = used.answer(used.guest);
  CHECK(refused.header.kind == Kind::kCreditReply);
  CHECK(payload_of<records::CreditReply>(refused).granted == 0);
  used.resize(128 * kMiB);
  CHECK(used.answer(used.control).header.kind == Kind::kDone);
  CHECK(used.worker->memory_limit() == 128 * kMiB && used.peers.ledger().reserved() == 128 * kMiB);
  CHECK(used.borrow(100 * kMiB) >= 100 * kMiB);
}

void test_less_memory_that_the_worker_doesn_t_grant() {
  Used used;
  used.resize(32 * kMiB);
  used.resize(48 * kMiB, 6);  // waits for its turn
  send_record(used.guest.get(),
              make_record(Kind::kCreditRequest, 7, records::CreditRequest{40 * kMiB}));
  used.worker->say(make_record(Kind::kMemory, 99, records::Memory{0}));  // not what was asked
  used.tell(40 * kMiB);
  CHECK(used.answer(used.control).header.kind == Kind{});
  used.settle_for(2200);
  const records::Record refused = used.answer(used.control);
  const auto error = payload_of<records::Error>(refused);
  CHECK(refused.header.sequence == 5 && error.code == records::ErrorCode::kMemoryInUse);
  CHECK(std::string(error.text).find(std::to_string(40 * kMiB) + " are in use") !=
        std::string::npos);
  // What waited for it is answered, and the next one has its turn.
  const records::Record lent = used.answer(used.guest);
  CHECK(payload_of<records::CreditReply>(lent).granted >= 40 * kMiB);
  used.tell(40 * kMiB);
  CHECK(used.answer(used.control).header.sequence == 6);
  CHECK(used.peers.ledger().reserved() == 48 * kMiB && used.worker->memory_limit() == 48 * kMiB);
}

// What a dying worker holds is free when it is dead.
void test_a_worker_that_dies_holds_nothing_back() {
  Used used;
  used.resize(32 * kMiB);
  used.worker->kill("for a test");
  used.settle_for(50);
  CHECK(used.answer(used.control).header.kind == Kind{});
  CHECK(used.peers.ledger().reserved() == 64 * kMiB);
  used.worker->die();
  used.settle_for(30);
  records::Record answer = used.answer(used.control);
  if (answer.header.kind == Kind::kError) answer = used.answer(used.control);  // of the worker's end
  CHECK(answer.header.kind == Kind::kDone && used.peers.ledger().reserved() == 32 * kMiB);
}
