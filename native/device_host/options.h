// The command line of `aliquot-device`:
//
//   aliquot-device --uuid UUID --runtime-dir DIR --driver LIBRARY --device-index N
//                  --platform-index N --memory BYTES --worker PATH
//                  [--cache-dir DIR] [--processors N] [--device-node PATH]...
//                  [--variable NAME=VALUE]... [--allocator LIBRARY]
//                  [--worker-idle-ms N] [--foreground]
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace aliquot {

struct Options {
  std::string uuid;         // of the device; names its folder below the runtime directory
  std::string runtime_dir;  // sockets, lock and log lie below it
  std::string cache_dir;    // compiled kernels, kept between workers; may be empty
  std::string driver;       // the driver's library: an absolute path or a bare name
  std::vector<std::string> device_nodes;  // what the worker may open; none named: every GPU
  // NAME=VALUE, for the worker's driver: so it sees a partition of the device and nothing else.
  std::vector<std::string> variables;
  std::string worker;  // the worker program, by absolute path
  std::string allocator;  // a library that allocates memory in the worker; empty: the C library does
  uint32_t device_index = 0;
  uint32_t platform_index = 0;
  uint64_t memory = 0;      // bytes that the device has
  uint32_t processors = 0;  // of this machine, on which the device computes; 0: it has its own
  uint32_t worker_idle_ms = 10000;  // of a lasting vGPU's worker that nobody leases, until it ends
  bool foreground = false;  // stay in the foreground and log to standard error

  std::string device_dir() const { return runtime_dir + "/" + uuid; }
};

/// Parses and checks. On failure `problem` says in one sentence what is wrong.
bool parse_options(int count, char** arguments, Options& options, std::string& problem);

}  // namespace aliquot
