// A device host that takes over from state as another one left it, or as it should never be.
#include <sys/mman.h>
#include <sys/syscall.h>

#include <cstring>

#include "device_host/state_entries.h"
#include "device_host/supervisor.h"
#include "host_in_process.h"
#include "protocol/vgpu_page.h"

using namespace aliquot;  // NOLINT: a test program
using records::Kind;

namespace {

constexpr uint64_t kMiB = 1 << 20;

records::VgpuCreate wish() {
  records::VgpuCreate create;
  create.memory_bytes = 16 * kMiB;
  return create;
}

// What a device host leaves behind, made up by the test, and the one that comes after it.
class Left {
 public:
  Left() : memory_(StateMemory::make()) {
    char folder[] = "/tmp/aliquot-test-XXXXXX";
    CHECK(::mkdtemp(folder) != nullptr);
    options_.runtime_dir = folder;
    options_.uuid = "d";
    options_.memory = 256 * kMiB;
    ::mkdir(options_.device_dir().c_str(), 0700);
    CHECK(state.map(memory_.get()));
  }
  ~Left() {
    host_.reset();
    ::rmdir(options_.device_dir().c_str());
    ::rmdir(options_.runtime_dir.c_str());
  }

  template <class Entry>
  void add(const Entry& entry) {
    StateMemory::Slot slot = 0;
    state.save(slot, entry);
  }
  /// A control connection; the peer's end of it.
  Descriptor add_control(uint64_t id) {
    Descriptor ours, theirs;
    CHECK(make_record_socket_pair(ours, theirs));
    store.keep({KeptKind::kControl, 0, 0, id}, std::move(ours), 0);
    add(ControlEntry{id, ::geteuid(), ::getpid(), true});
    return theirs;
  }
  /// Its page, as a supervisor keeps it.
  vgpu_page::Page& add_page(uint64_t id) {
    const Descriptor page = make_sealed_memory("page", vgpu_page::kPageSize);
    Descriptor copy(::dup(page.get()));
    CHECK(store.keep_page({KeptKind::kVgpuPage, 0, id, 0}, std::move(copy), vgpu_page::kPageSize));
    void* mapping = ::mmap(nullptr, vgpu_page::kPageSize, PROT_READ | PROT_WRITE, MAP_SHARED,
                           page.get(), 0);
    CHECK(mapping != MAP_FAILED);
    return *static_cast<vgpu_page::Page*>(mapping);
  }
  void add_vgpu(uint64_t id, uint64_t bytes, uint32_t guarantee = 0, bool with_page = true) {
    if (with_page) add_page(id);
    VgpuEntry entry;
    entry.id = id;
    entry.memory_bytes = bytes;
    entry.shares.guarantee = guarantee;
    entry.control = 1;
    entry.owner = ::geteuid();
    entry.told = true;
    entry.has_page = true;
    entry.copy_limit = records::kLeastCopyLimit;
    std::strcpy(entry.name, "kept");
    add(entry);
  }
  DeviceHost& reopen() {
    host_ = std::make_unique<DeviceHost>(
        loop_, log_, options_, [](HostContext& context, const VgpuSettings&, WorkerEvents events) {
          return std::unique_ptr<Worker>(new ScriptedWorker(context, std::move(events)));
        });
    Heritage heritage{true, 0, Descriptor(), std::move(memory_), &store};
    std::string problem;
    CHECK(host_->be_supervised(heritage) && host_->reopen(heritage, problem));
    settle();
    return *host_;
  }
  void settle() {
    for (int round = 0; round < 10; ++round) {
      loop_.schedule(0, [] {});  // so that epoll never waits
      host_->run_once();
    }
  }
  std::string path(const std::string& name) const { return options_.device_dir() + "/" + name; }

  StateMemory state;
  DescriptorStore store;

 private:
  Descriptor memory_;
  Options options_;
  EventLoop loop_;
  EventLog log_;
  std::unique_ptr<DeviceHost> host_;
};

}  // namespace

void test_bad_entries_are_not_taken_over() {
  Left left;
  const Descriptor control = left.add_control(1);
  left.add_vgpu(1, 64 * kMiB, 6'000);
  left.add_vgpu(2, 512 * kMiB);        // more than the device has
  left.add_vgpu(3, 16 * kMiB, 5'000);  // more than the whole device is guaranteed
  left.add_vgpu(1, 16 * kMiB);         // twice
  left.add_vgpu(0, 16 * kMiB);         // no vGPU has this number
  GuestEntry stranger;                 // of no vGPU
  stranger.vgpu = 9;
  stranger.connection = 1;
  left.add(stranger);
  GuestEntry guest;  // of which nothing is left, and to whom more than all is lent
  guest.vgpu = 1;
  guest.connection = 1;
  guest.state = 2;
  guest.lent = 128 * kMiB;
  left.add(guest);
  left.add(ControlEntry{7, ::geteuid(), ::getpid(), true});  // without a socket
  Descriptor nobodys, peer;
  CHECK(make_record_socket_pair(nobodys, peer));
  left.store.keep({KeptKind::kGuest, 5, 9, 0}, std::move(nobodys), 0);

  const DeviceHost& host = left.reopen();
  CHECK(host.ledger().reserved() == 64 * kMiB && host.ledger().lent(1) == 0);
  CHECK(peer_hung_up(peer.get()) && left.store.count() == 0);
  CHECK(left.state.all<VgpuEntry>().size() == 1 && left.state.all<GuestEntry>().empty());
  CHECK(left.state.all<ControlEntry>().size() == 1);
  // Who was there before is served, and new numbers are new.
  send_record(control.get(), make_record(Kind::kVgpuCreate, 9, wish()));
  left.settle();
  records::Record answer{};
  DescriptorList descriptors;
  CHECK(receive_record(control.get(), answer, descriptors) == SocketResult::kOk);
  CHECK(answer.header.kind == Kind::kVgpuCreated && answer.header.sequence == 9);
  CHECK(payload_of<records::VgpuCreated>(answer).vgpu == 2);
}

namespace {

// The next record of the kind.
template <class Payload>
Payload told(const Descriptor& control, Kind kind) {
  records::Record answer{};
  DescriptorList descriptors;
  while (receive_record(control.get(), answer, descriptors) == SocketResult::kOk)
    if (answer.header.kind == kind) return payload_of<Payload>(answer);
  CHECK(false);
  return {};
}

}  // namespace

void test_what_is_told_of_a_vgpu_goes_on() {
  Left left;
  const Descriptor control = left.add_control(1);
  left.add_vgpu(1, 16 * kMiB, 0, false);
  vgpu_page::Page& page = left.add_page(1);
  page.sequence = 41;  // the device host died while it wrote
  page.memory_limit = 7;
  TimesEntry times{1, {}};
  times.past.sums.alive_ns = times.past.covered_ns = 5'000;
  times.past.sums.spent_ns[static_cast<size_t>(layout::Spent::kCopies)] = 3'000;
  times.past.count = 2;
  left.add(times);
  left.add(KernelEntry{1, 2, {1, 9'000, records::UnsplitReason::kAtomics, "slow"}});
  left.add(KernelEntry{1, records::kMostUnsplitKernels, {1, 9'000, {}, "nowhere"}});
  left.reopen();
  CHECK(page.sequence % 2 == 0 && page.memory_limit == 16 * kMiB);

  send_record(control.get(), make_record(Kind::kVgpuShow, 2, records::VgpuReference{1}));
  send_record(control.get(), make_record(Kind::kReceiptGet, 3, records::VgpuReference{1}));
  left.settle();
  CHECK(told<records::VgpuCopies>(control, Kind::kVgpuCopies).limit == records::kLeastCopyLimit);
  const auto kernel = told<records::VgpuKernel>(control, Kind::kVgpuKernel);
  CHECK(std::strcmp(kernel.name, "slow") == 0 && kernel.longest_ns == 9'000);
  const auto receipt = told<records::Receipt>(control, Kind::kReceipt);
  CHECK(receipt.alive_ns == 5'000 && receipt.covered_ns == 5'000 && receipt.copies_ns == 3'000);
  CHECK(receipt.processes == 2);
}

void test_a_vgpu_without_its_page_ends() {
  Left left;
  const Descriptor control = left.add_control(1);
  left.add_vgpu(1, 16 * kMiB, 0, false);
  left.add(TimesEntry{1, {}});
  left.add(KernelEntry{1, 0, {}});
  const DeviceHost& host = left.reopen();
  CHECK(host.ledger().reserved() == 0 && left.state.all<VgpuEntry>().empty());
  CHECK(left.state.all<TimesEntry>().empty() && left.state.all<KernelEntry>().empty());
}

void test_what_a_resting_vgpu_had_goes_on() {
  Left left;
  const Descriptor control = left.add_control(1);
  VgpuEntry entry;  // nobody has leased it since, so it has no page
  entry.id = 1;
  entry.memory_bytes = 16 * kMiB;
  entry.owner = ::geteuid();
  entry.told = true;
  entry.flags = records::kLasting;
  entry.id_low = 5;
  left.add(entry);
  PastTurnsEntry past{1, {}};
  past.past.account.turns = 3;
  past.past.account.held_ns = 7'000;
  past.past.copies.bytes = 99;
  left.add(past);
  past.vgpu = 8;  // nobody's
  left.add(past);
  left.reopen();
  CHECK(left.state.all<PastTurnsEntry>().size() == 1);
  send_record(control.get(), make_record(Kind::kVgpuShow, 2, records::VgpuReference{1}));
  left.settle();
  const auto turns = told<records::VgpuTurns>(control, Kind::kVgpuTurns);
  CHECK(turns.turns == 3 && turns.held_ns == 7'000);
  CHECK(told<records::VgpuCopies>(control, Kind::kVgpuCopies).copied_bytes == 99);
}

void test_a_lasting_vgpu_and_its_leases_go_on() {
  Left left;
  const Descriptor control = left.add_control(1);
  left.add_page(1);
  VgpuEntry entry;
  entry.id = 1;
  entry.memory_bytes = 16 * kMiB;
  entry.flags = records::kLasting;
  entry.id_low = 7;
  entry.control = 9;  // gone
  entry.owner = ::geteuid();
  entry.told = true;
  entry.held_by_control = false;
  entry.last_lease = 4;
  std::strcpy(entry.name, "kept");
  left.add(entry);
  const auto add_lease = [&](uint64_t number, uint64_t holder, bool by_process, bool answered) {
    LeaseEntry lease;
    lease.vgpu = 1;
    lease.number = number;
    lease.control = holder;
    lease.sequence = static_cast<uint32_t>(number);
    lease.process = ::getpid();
    lease.by_process = by_process;
    lease.answered = answered;
    left.add(lease);
  };
  add_lease(1, 1, false, true);
  add_lease(2, 9, false, true);  // of a connection that is gone
  add_lease(3, 9, true, true);   // of a process whose pidfd was lost
  add_lease(4, 1, true, false);  // not answered yet
  left.store.keep({KeptKind::kLeaseHolder, 0, 1, 4},
                  Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0))), 0);
  LeaseEntry stranger;  // of no vGPU
  stranger.vgpu = 5;
  left.add(stranger);
  left.reopen();
  const auto given = told<records::Lease>(control, Kind::kLease);
  CHECK(given.vgpu == 1 && given.lease == 4 && left.state.all<LeaseEntry>().size() == 2);
  // In hand once more, it is told once more.
  records::LeaseTake take;
  take.id_low = 7;
  send_record(control.get(), make_record(Kind::kLeaseTake, 20, take));
  send_record(control.get(), make_record(Kind::kVgpuList, 21, records::VgpuReference{}));
  left.settle();
  CHECK(told<records::Lease>(control, Kind::kLease).lease == 5);
  const auto status = told<records::VgpuStatus>(control, Kind::kVgpuStatus);
  CHECK(status.leases == 3 && status.id_low == 7 && status.state == records::VgpuState::kReady);
  for (const uint64_t number : {1, 4, 5})
    CHECK(told<records::VgpuLease>(control, Kind::kVgpuLease).lease == number);
  send_record(control.get(), make_record(Kind::kVgpuDestroy, 22, records::VgpuReference{0, 0, 7}));
  left.settle();
  told<records::VgpuReference>(control, Kind::kDone);
  CHECK(left.state.all<LeaseEntry>().empty());
}

// It is made anew, since the page goes with it.
void test_a_receipt_that_was_not_taken_yet() {
  Left left;
  const Descriptor control = left.add_control(1);
  left.add_vgpu(1, 16 * kMiB);
  const records::Record untaken = make_record(Kind::kReceipt, 8, records::Receipt{1});
  left.add(QueueEntry{{KeptKind::kControl, 0, 0, 1}, 1, untaken});
  left.reopen();
  records::Record answer{};
  DescriptorList descriptors;
  CHECK(receive_record(control.get(), answer, descriptors) == SocketResult::kOk);
  CHECK(answer.header.kind == Kind::kReceipt && answer.header.sequence == 8);
  CHECK(descriptors.count == 1 && left.state.all<QueueEntry>().empty());
}

void test_what_was_in_hand_is_handled_again() {
  Left left;
  const Descriptor control = left.add_control(1);
  RecordInHand* hand = left.state.take_hand({KeptKind::kControl, 0, 0, 1});
  hand->record = make_record(Kind::kVgpuCreate, 4, wish());
  left.reopen();
  records::Record answer{};
  DescriptorList descriptors;
  CHECK(receive_record(control.get(), answer, descriptors) == SocketResult::kOk);
  CHECK(answer.header.kind == Kind::kVgpuCreated && answer.header.sequence == 4);
  CHECK(left.state.left_in_hand().empty() && left.state.all<WaitingEntry>().empty());
}

void test_a_record_that_device_hosts_die_of_ends_its_sender() {
  Left left;
  const Descriptor control = left.add_control(1), other = left.add_control(2);
  left.add(WaitingEntry{{KeptKind::kControl, 0, 0, 1}, make_record(Kind::kControlHello, 1), 2});
  left.add(WaitingEntry{{KeptKind::kControl, 0, 0, 2}, make_record(Kind::kControlHello, 1), 1});
  left.reopen();
  CHECK(peer_hung_up(control.get()));
  records::Record answer{};
  DescriptorList descriptors;
  CHECK(receive_record(other.get(), answer, descriptors) == SocketResult::kOk);
  CHECK(answer.header.kind == Kind::kControlWelcome && left.state.all<WaitingEntry>().empty());
}

// A device host died while a vGPU's objects were being made anew: its worker ends, and then that is
// begun once more.
void test_a_resume_is_begun_anew() {
  Left left;
  const Descriptor control = left.add_control(1);
  left.add_page(1);
  VgpuEntry entry;
  entry.id = 1;
  entry.memory_bytes = 16 * kMiB;
  entry.flags = records::kLasting;
  entry.id_low = 7;
  entry.owner = ::geteuid();
  entry.told = entry.has_page = entry.suspended = true;
  entry.worker.process = 1;
  entry.worker.started = true;
  std::strcpy(entry.name, "kept");
  left.add(entry);
  left.add(WaitingEntry{{KeptKind::kControl, 0, 0, 1},
                        make_record(Kind::kVgpuResume, 6, records::VgpuReference{0, 0, 7}),
                        0});
  left.reopen();
  records::Record answer{};
  DescriptorList descriptors;
  CHECK(receive_record(control.get(), answer, descriptors) != SocketResult::kOk);
  ScriptedWorker::newest->die();
  left.settle();
  told<records::VgpuReference>(control, Kind::kDone);
  send_record(control.get(), make_record(Kind::kVgpuList, 7, records::VgpuReference{}));
  left.settle();
  CHECK(told<records::VgpuStatus>(control, Kind::kVgpuStatus).state ==
        records::VgpuState::kReserved);
}

// A device host died while a vGPU came back to it: the path leads again to where that is.
void test_the_path_of_one_that_was_arriving() {
  for (const bool had_taken_its_place : {false, true}) {
    Left left;
    const Descriptor control = left.add_control(1);
    VgpuEntry entry;
    entry.id = 1;
    entry.memory_bytes = 16 * kMiB;
    entry.flags = records::kLasting;
    entry.id_low = 7;
    entry.owner = ::geteuid();
    entry.told = entry.moved = entry.arriving = true;
    left.add(entry);
    const std::string path = left.path("m0000000000070000000000.sock");
    CHECK(::symlink("/elsewhere", path.c_str()) == 0);
    EventLoop loop;
    SupervisorLink nobody(loop);
    RecordListener listener(loop, nobody, {}, [](Descriptor, const PeerIdentity&) {});
    CHECK(listener.open_aside(path, 4));
    if (had_taken_its_place) CHECK(listener.take_place());
    left.store.keep({KeptKind::kVgpuListener, 0, 1, 0}, Descriptor(::dup(listener.descriptor())), 0);
    left.reopen();
    struct stat status {};
    CHECK(::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode));
    CHECK(::unlink(path.c_str()) == 0);
  }
}
