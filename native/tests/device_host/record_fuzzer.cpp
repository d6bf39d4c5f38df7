// Fuzzes what a device host makes of records: those of the command line, of guest drivers and of a
// hostile worker, in any order, over real sockets. Everything is in one process; the worker is an
// object that says what the input says. Built with clang as a libFuzzer program, else as a test
// that runs random inputs. After every step the ledger's promise must hold.
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "device_host/device_host.h"
#include "worker_in_process.h"

using namespace aliquot;  // NOLINT: a test program
using records::Kind;

namespace {

constexpr uint64_t kDeviceMemory = uint64_t{256} << 20;

class FuzzWorker final : public WorkerInProcess {
 public:
  FuzzWorker(HostContext& context, WorkerEvents events)
      : WorkerInProcess(context, std::move(events)) {
    living.push_back(this);
  }
  ~FuzzWorker() override { living.erase(std::find(living.begin(), living.end(), this)); }
  void kill(const std::string& why) override {
    if (!running_ || doomed_) return;
    doomed_ = true;
    events_.doomed();
    context_.loop.cancel(timer_);
    timer_ = context_.loop.schedule(0, [this, why] {
      timer_ = 0;
      running_ = false;
      events_.ended(why);
    });
  }
  void dismiss(const std::string& why) override { kill(why); }
  void send(const records::Record& record, const std::vector<int>&) override {
    if (record.header.kind == Kind::kAskQueues) question = record.header.sequence;
  }

  uint32_t question = 0;  // the last one about queues
  static inline std::vector<FuzzWorker*> living;
};

class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), left_(size) {}
  bool empty() const { return left_ == 0; }
  uint8_t byte() {
    if (left_ == 0) return 0;
    --left_;
    return *data_++;
  }
  void fill(void* target, size_t size) {
    const size_t taken = std::min(size, left_);
    std::memcpy(target, data_, taken);
    data_ += taken;
    left_ -= taken;
  }

 private:
  const uint8_t* data_;
  size_t left_;
};

// About vGPUs that last, of a few ids and sizes, so that they meet.
records::Record next_lasting(Input& input) {
  const uint8_t choice = input.byte();
  const uint64_t id = choice / 8 % 4;
  const uint64_t vgpu = choice % 2 == 0 ? 0 : id + 1;
  records::VgpuCreate create;
  create.memory_bytes = uint64_t{input.byte()} << 19;
  create.flags = records::kLasting;
  create.id_low = id;
  records::LeaseTake take{vgpu, 0, id, choice >= 128 ? static_cast<uint32_t>(::getpid()) : 0};
  if (choice >= 250) take.process_id = input.byte();
  switch (choice % 8) {
    case 0:
    case 1:
      return make_record(Kind::kVgpuCreate, choice, create);
    case 2:
    case 3:
    case 4:
      return make_record(Kind::kLeaseTake, choice, take);
    case 5:
      return make_record(Kind::kLeaseEnd, choice,
                         records::LeaseReference{id + 1, uint64_t{input.byte()} % 8});
    case 6:
      return make_record(Kind::kVgpuResize, choice,
                         records::VgpuResize{id + 1, {}, 0, create.memory_bytes});
    default: {
      constexpr Kind kOfOne[] = {Kind::kVgpuDestroy, Kind::kVgpuSuspend, Kind::kVgpuResume,
                                 Kind::kVgpuSuspend};
      return make_record(kOfOne[input.byte() % 4], choice, records::VgpuReference{vgpu, 0, id});
    }
  }
}

// What a worker tells of queues, mostly as an answer to the question that is open.
records::Record next_queues(Input& input, const FuzzWorker& worker) {
  const uint8_t choice = input.byte();
  records::QueuesTold told;
  told.connection = choice % 4;
  told.count = told.connection == 0 ? 0 : 1 + choice / 4 % 2;
  told.left_out = choice >= 200 ? input.byte() : 0;
  for (records::QueueClaim& claim : told.queues) claim.queue = input.byte();
  if (choice >= 240) input.fill(&told, sizeof told);
  return make_record(Kind::kQueuesTold, choice == 99 ? input.byte() : worker.question, told);
}

// Mostly well-formed: a known kind, a payload that begins with what the input says.
records::Record next_record(Input& input, const std::vector<Kind>& kinds) {
  const uint8_t choice = input.byte();
  records::Record record = make_record(kinds[choice % kinds.size()], choice);
  if (choice >= 250) record.header.kind = static_cast<Kind>(input.byte());
  if (choice == 249) record.header.version = input.byte();
  input.fill(record.payload, choice % 4 == 0 ? 40 : 12);
  return record;
}

class Session {
 public:
  Session(const Options& options, EventLog& log)
      : options_(options),
        host_(loop_, log, options,
              [](HostContext& context, const VgpuSettings&,
                 WorkerEvents events) -> std::unique_ptr<Worker> {
                return std::make_unique<FuzzWorker>(context, std::move(events));
              }) {
    std::string problem;
    if (!host_.open(problem)) ::abort();
    add_control();
    create(64);
  }

  void run(Input& input) {
    while (!input.empty()) {
      step(input);
      settle();
      check();
    }
  }

 private:
  void settle() {
    for (int round = 0; round < 4; ++round) {
      loop_.schedule(0, [] {});          // so that epoll never waits
      if (!host_.run_once()) ::abort();  // it has vGPUs or was idle for less than a second
    }
  }

  void check() const {
    uint64_t reserved = 0;
    for (uint64_t vgpu = 1; vgpu < 200; ++vgpu) {
      if (host_.ledger().lent(vgpu) > host_.ledger().limit(vgpu)) ::abort();
      if (host_.ledger().limit(vgpu) > host_.ledger().reserved(vgpu)) ::abort();
      reserved += host_.ledger().reserved(vgpu);
    }
    if (reserved != host_.ledger().reserved() || reserved > kDeviceMemory) ::abort();
  }

  void add_control() {
    controls_.push_back(connect_record_socket((options_.device_dir() + "/control.sock").c_str()));
    if (!controls_.back()) ::abort();
    send_record(controls_.back().get(), make_record(Kind::kControlHello, 1));
    settle();
  }

  void create(uint64_t mebibytes) {
    records::VgpuCreate request;
    request.memory_bytes = mebibytes << 20;
    send_record(controls_[0].get(), make_record(Kind::kVgpuCreate, 1, request));
    settle();
  }

  void add_guest(uint8_t vgpu) {
    Descriptor guest = connect_record_socket(
        (options_.device_dir() + "/v" + std::to_string(vgpu % 4 + 1) + ".sock").c_str());
    if (!guest) return;
    send_record(guest.get(), make_record(Kind::kGuestHello, 1, records::GuestHello{}));
    guests_.push_back(std::move(guest));
  }

  static void drop_one(std::vector<Descriptor>& peers, uint8_t choice) {
    if (!peers.empty()) peers.erase(peers.begin() + choice % peers.size());
  }

  void step(Input& input) {
    const uint8_t choice = input.byte();
    switch (choice % 12) {
      case 0:
        if (guests_.size() < 16) add_guest(input.byte());
        return;
      case 1:
        return drop_one(guests_, input.byte());
      case 2:
        if (choice >= 200) drop_one(controls_, input.byte());
        if (controls_.empty()) add_control();
        return;
      case 3: {
        const auto record = next_record(
            input, {Kind::kVgpuCreate, Kind::kVgpuDestroy, Kind::kVgpuList, Kind::kVgpuShow,
                    Kind::kVgpuResize, Kind::kControlHello, Kind::kLeaseTake, Kind::kLeaseEnd,
                    Kind::kVgpuSuspend, Kind::kVgpuResume, Kind::kVgpuMove, Kind::kMoveReceive,
                    Kind::kQueuesGet});
        if (controls_.size() < 4) add_control();
        send_record(controls_[choice % controls_.size()].get(), record);
        return;
      }
      case 10:
      case 11:
        if (controls_.size() < 4) add_control();
        send_record(controls_[choice % controls_.size()].get(), next_lasting(input));
        return;
      case 4:
      case 5:
      case 6: {
        const auto record =
            next_record(input, {Kind::kCreditRequest, Kind::kArenaRequest, Kind::kCreditRequest,
                                Kind::kArenaRequest, Kind::kGuestHello});
        if (!guests_.empty()) send_record(guests_[choice % guests_.size()].get(), record);
        return;
      }
      default: {
        const auto record = next_record(
            input, {Kind::kWorkerReady, Kind::kGone, Kind::kArenaDropped, Kind::kViolation,
                    Kind::kGone, Kind::kWorkerStatus, Kind::kKernelOverrun, Kind::kWorkerFailed,
                    Kind::kPong, Kind::kUnsplitKernel, Kind::kMemory, Kind::kDrafted,
                    Kind::kImageDone, Kind::kFreezeFailed, Kind::kQueuesTold});
        if (FuzzWorker::living.empty()) return;
        FuzzWorker& worker = *FuzzWorker::living[choice % FuzzWorker::living.size()];
        worker.say(record.header.kind == Kind::kQueuesTold ? next_queues(input, worker) : record);
      }
    }
  }

  const Options& options_;
  EventLoop loop_;
  DeviceHost host_;
  std::vector<Descriptor> controls_, guests_;
};

// Folders and options of one session.
struct Surroundings {
  Surroundings() {
    char folder[] = "/tmp/aliquot-fuzz-XXXXXX";
    if (::mkdtemp(folder) == nullptr) ::abort();
    options.runtime_dir = folder;
    options.uuid = "d";
    options.memory = kDeviceMemory;
    ::mkdir(options.device_dir().c_str(), 0700);
  }
  ~Surroundings() {
    ::rmdir(options.device_dir().c_str());
    ::rmdir(options.runtime_dir.c_str());
  }
  Options options;
  EventLog log;  // never opened: a fuzzer's events are nobody's business
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Surroundings surroundings;  // for each input: a fuzzer ends without running destructors
  Input input(data, size);
  Session session(surroundings.options, surroundings.log);
  session.run(input);
  return 0;
}

#ifndef ALIQUOT_LIBFUZZER
int main() {
  std::mt19937 random(4711);
  for (int round = 0; round < 400; ++round) {
    std::vector<uint8_t> data(random() % 600);
    for (uint8_t& byte : data) byte = static_cast<uint8_t>(random());
    LLVMFuzzerTestOneInput(data.data(), data.size());
  }
  return 0;
}
#endif
