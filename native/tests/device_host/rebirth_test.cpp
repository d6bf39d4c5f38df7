// A device host that takes over from state as another one left it, or as it should never be.
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
  void add_page(uint64_t id) {
    CHECK(store.keep_page({KeptKind::kVgpuPage, 0, id, 0},
                          make_sealed_memory("page", vgpu_page::kPageSize), vgpu_page::kPageSize));
  }
  void add_vgpu(uint64_t id, uint64_t bytes, uint32_t guarantee = 0) {
    add_page(id);
    VgpuEntry entry;
    entry.id = id;
    entry.memory_bytes = bytes;
    entry.shares.guarantee = guarantee;
    entry.control = 1;
    entry.told = true;
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
