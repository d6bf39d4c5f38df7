// A whole device host in the test's process, over workers that do as the test says.
#pragma once

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "device_host/device_host.h"
#include "protocol/turn_page.h"
#include "worker_in_process.h"

namespace aliquot {

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
    if (ready_at_once) say(make_record(records::Kind::kWorkerReady, 0, records::WorkerReady{1}));
  }
  void send(const records::Record& record, const std::vector<int>& descriptors) override {
    sent.push_back(record.header.kind);
    if (record.header.kind == records::Kind::kTurnPage) page.reset(::dup(descriptors.at(0)));
    if (record.header.kind == records::Kind::kAskMemory) last_question = record.header.sequence;
    if (record.header.kind == records::Kind::kAskQueues) queues_question = record.header.sequence;
  }
  /// As its page tells it.
  uint64_t memory_limit() const {
    void* memory = ::mmap(nullptr, turns::kTurnPageSize, PROT_READ, MAP_SHARED, page.get(), 0);
    CHECK(memory != MAP_FAILED);
    const uint64_t limit = static_cast<turns::TurnPage*>(memory)->memory_limit.load();
    ::munmap(memory, turns::kTurnPageSize);
    return limit;
  }
  void kill(const std::string& why) override {
    if (std::exchange(doomed_, true)) return;
    why_killed = why;
    events_.doomed();
  }
  void dismiss(const std::string& why) override {
    doomed_ = true;
    why_killed = why;
  }
  void die() {
    running_ = false;
    events_.ended("killed");
  }

  std::vector<records::Kind> sent;
  Descriptor page;  // its turn page
  std::string why_killed;
  uint32_t last_question = 0;  // about memory
  uint32_t queues_question = 0;
  static inline ScriptedWorker* newest = nullptr;
  static inline bool ready_at_once = true;  // else when the test has it say so
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
  /// A vGPU with a worker that is ready.
  ScriptedWorker& make_vgpu(const Descriptor& control, const records::VgpuCreate& create) {
    CHECK(ask(control, records::Kind::kVgpuCreate, create).header.kind ==
          records::Kind::kVgpuCreated);
    return *ScriptedWorker::newest;
  }
  void settle() {
    for (int round = 0; round < 10; ++round) {
      loop_.schedule(0, [] {});  // so that epoll never waits
      host_->run_once();
    }
  }
  template <class Payload>
  records::Record ask(const Descriptor& peer, records::Kind kind, const Payload& payload) {
    send_record(peer.get(), make_record(kind, 1, payload));
    settle();
    records::Record answer{};
    DescriptorList descriptors;
    CHECK(receive_record(peer.get(), answer, descriptors) == SocketResult::kOk);
    return answer;
  }
  /// All records of the answer, to the last that came.
  template <class Payload>
  std::vector<records::Record> ask_all(const Descriptor& peer, records::Kind kind,
                                       const Payload& payload) {
    std::vector<records::Record> answers{ask(peer, kind, payload)};
    for (;;) {
      records::Record answer{};
      DescriptorList descriptors;
      if (receive_record(peer.get(), answer, descriptors) != SocketResult::kOk) return answers;
      answers.push_back(answer);
    }
  }
  const Ledger& ledger() const { return host_->ledger(); }
  const DeviceTurns& turns() const { return host_->turns(); }
  std::string path(const std::string& name) const { return options_.device_dir() + "/" + name; }

 private:
  Options options_;
  EventLoop loop_;
  EventLog log_;
  std::unique_ptr<DeviceHost> host_;
};

}  // namespace aliquot
