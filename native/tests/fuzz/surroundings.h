// What lives as long as the worker's fuzzer: the stub driver as the worker sees it, quota,
// watchdog, and the pages that every input uses again.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

#include "protocol/connection_layout.h"
#include "protocol/descriptor.h"
#include "worker/connection.h"

namespace aliquot::fuzz {

constexpr size_t kArenaBytes = size_t{64} << 10;
constexpr uint64_t kQuotaBytes = uint64_t{8} << 20;

/// 50 µs.
void pause();

/// Says what is wrong and aborts, which libFuzzer reports with the input.
[[noreturn]] void fail(const char* what);

/// Counts what the worker reports; nobody reads the records themselves.
class CountingHost final : public worker::HostLink {
 public:
  void send(const records::Record&) override { sent_.fetch_add(1); }

 private:
  std::atomic<uint64_t> sent_{0};
};

class Surroundings {
 public:
  static Surroundings& get();

  worker::WorkerContext context();
  worker::MemoryQuota& quota() { return *quota_; }
  worker::Watchdog& watchdog() { return watchdog_; }

  /// Zeroed connection memory between pages that can't be touched.
  layout::ConnectionMemory* fresh_memory();
  /// A sealed descriptor of `kArenaBytes` zeros, and the fuzzer's own mapping of it.
  int fresh_arena(size_t index, unsigned char** data);

 private:
  Surroundings();

  static constexpr size_t kArenaCount = 4;

  std::unique_ptr<worker::Driver> driver_;
  std::shared_ptr<worker::MemoryQuota> quota_;
  CountingHost host_;
  worker::Watchdog watchdog_{2000, host_};
  unsigned char* pages_ = nullptr;
  Descriptor arenas_[kArenaCount];
  unsigned char* arena_data_[kArenaCount] = {};
};

}  // namespace aliquot::fuzz
