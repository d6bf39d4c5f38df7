// A vGPU over a worker that does as the test says, in one process.
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include "check.h"
#include "device_host/device_host.h"
#include "worker_in_process.h"

using namespace aliquot;  // NOLINT: a test program
using records::Kind;

namespace {

// Killed, it dies when the test says so: a large one takes its time.
class ScriptedWorker final : public WorkerInProcess {
 public:
  ScriptedWorker(HostContext& context, WorkerEvents events)
      : WorkerInProcess(context, std::move(events)) {
    newest = this;
  }
  ~ScriptedWorker() override {
    if (newest == this) newest = nullptr;
  }
  void has_started() override {
    say(make_record(Kind::kWorkerReady, 0, records::WorkerReady{1}));
  }
  void kill(const std::string&) override {
    if (!std::exchange(doomed_, true)) events_.doomed();
  }
  void dismiss() override { doomed_ = true; }
  void die() {
    running_ = false;
    events_.ended("killed");
  }

  static inline ScriptedWorker* newest = nullptr;
};

class Peers {
 public:
  Peers() {
    char folder[] = "/tmp/aliquot-test-XXXXXX";
    CHECK(::mkdtemp(folder) != nullptr);
    options_.runtime_dir = folder;
    options_.uuid = "d";
    options_.memory = uint64_t{256} << 20;
    ::mkdir(options_.device_dir().c_str(), 0700);
    host_ = std::make_unique<DeviceHost>(
        loop_, log_, options_,
        [](HostContext& context, const VgpuSettings&, WorkerEvents events) {
          return std::unique_ptr<Worker>(new ScriptedWorker(context, std::move(events)));
        });
    std::string problem;
    CHECK(host_->open(problem));
  }
  ~Peers() {
    host_.reset();
    ::rmdir(options_.device_dir().c_str());
    ::rmdir(options_.runtime_dir.c_str());
  }

  Descriptor connect(const char* socket) {
    return connect_record_socket((options_.device_dir() + "/" + socket).c_str());
  }
  void settle() {
    for (int round = 0; round < 10; ++round) {
      loop_.schedule(0, [] {});  // so that epoll never waits
      host_->run_once();
    }
  }
  template <class Payload>
  records::Record ask(const Descriptor& peer, Kind kind, const Payload& payload) {
    send_record(peer.get(), make_record(kind, 1, payload));
    settle();
    records::Record answer{};
    DescriptorList descriptors;
    CHECK(receive_record(peer.get(), answer, descriptors) == SocketResult::kOk);
    return answer;
  }
  const Ledger& ledger() const { return host_->ledger(); }

 private:
  Options options_;
  EventLoop loop_;
  EventLog log_;
  std::unique_ptr<DeviceHost> host_;
};

}  // namespace

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
