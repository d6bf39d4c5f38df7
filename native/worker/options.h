// The command line of aliquot-worker. Its callers are the device host and discovery, not people.
#pragma once

#include <cstdint>
#include <string>

namespace aliquot::worker {

struct Options {
  enum class Action { kServe, kProbe, kReport };
  Action action = Action::kProbe;
  std::string driver;
  uint32_t platform_index = 0;
  uint32_t device_index = 0;
  uint64_t memory_limit = 0;      // bytes
  uint32_t kernel_limit_ms = 2000;  // 0: no limit
  uint64_t device_type = 0;       // a cl_device_type to report; 0: the driver's own
  uint32_t flags = 0;             // records::VgpuFlag
  int socket = -1;
};

extern const char kUsage[];

/// Reads the command line. Returns one sentence when it can't be used, else an empty string.
std::string read_options(int count, const char* const* words, Options& options);

}  // namespace aliquot::worker
