// A vGPU over a worker that does as the test says, in one process.
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
