// What a device host is to a worker, for tests: starts it, makes sealed memory, keeps the records
// that it sends.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "protocol/connection_layout.h"
#include "protocol/socket.h"
#include "turn_granter.h"

namespace aliquot::test {

/// Pages shared with the worker, sealed.
class SharedPages {
 public:
  explicit SharedPages(size_t bytes);
  ~SharedPages();
  SharedPages(const SharedPages&) = delete;
  SharedPages& operator=(const SharedPages&) = delete;
  unsigned char* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  int descriptor() const { return descriptor_.get(); }

 private:
  Descriptor descriptor_;
  unsigned char* data_ = nullptr;
  size_t bytes_ = 0;
};

struct WorkerSettings {
  std::string program;
  std::string driver;
  uint64_t memory_limit = 64 << 20;
  uint32_t kernel_limit_ms = 0;
  uint32_t flags = 0;
  enum class Turns {
    kNone,
    kGranted,  // by the test, on `turns()`
    kShared,   // by a thread, as if others wanted the device as well
  } turns = Turns::kNone;
};

class TestHost {
 public:
  /// Starts a worker and waits until it is ready; exits the test when it doesn't come up.
  explicit TestHost(const WorkerSettings& settings);
  /// Hangs up and waits for the worker to end.
  ~TestHost();

  void send(const records::Record& record, int descriptor = -1);
  /// The next record of this kind; others that come before it are kept. False after the time.
  bool expect(records::Kind kind, records::Record& record, int milliseconds = 10'000);
  /// Whether a record of this kind has come by now.
  bool seen(records::Kind kind);
  /// Whether the worker has hung up.
  bool gone() const { return peer_hung_up(socket_.get()); }
  bool shared_pages() const { return shared_pages_; }
  /// Where a test begins the worker's turns.
  TurnGranter turns() { return {*reinterpret_cast<turns::TurnPage*>(turn_page_->data())}; }
  pid_t process() const { return process_; }
  uint64_t memory_limit() const { return settings_.memory_limit; }
  void kill_worker();
  /// Hangs up and waits for the worker's end; its wait status.
  int finish();
  /// CPU time of the worker up to now, in clock ticks.
  uint64_t cpu_ticks() const;

 private:
  bool receive(int milliseconds);
  void note_turn(const records::Record& record);
  void keep_turns();

  WorkerSettings settings_;
  Descriptor socket_;
  pid_t process_ = -1;
  bool shared_pages_ = false;
  std::unique_ptr<SharedPages> turn_page_;
  std::mutex mutex_;  // guards what follows
  std::deque<records::Record> received_;
  bool in_turn_ = false;
  bool wants_turn_ = false;
  uint32_t turns_given_ = 0;
  std::atomic<bool> stop_keeping_{false};
  std::thread keeper_;
};

}  // namespace aliquot::test
