// What a worker is locked into: filled in by the device host, applied by the child it starts.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace aliquot::sandbox {

/// Where things lie inside the worker's own view of the file system.
constexpr const char* kScratchPath = "/scratch";
constexpr const char* kCachePath = "/cache";

/// The descriptors that a worker starts with, beside the standard three.
constexpr int kSocketDescriptor = 3;

struct Plan {
  std::string program;                 // absolute path
  std::vector<std::string> arguments;  // argv, the program's name first; holds no secrets
  std::vector<std::string> visible;    // absolute paths shown read-only, files or folders
  std::vector<std::string> devices;    // device nodes that may be opened for writing
  std::vector<std::string> variables;  // NAME=VALUE, beside those that every worker has
  std::string hidden_probe;            // a path that must not be reachable, tried before the start
  std::string mount_point;             // an empty folder of ours to build the view upon
  std::string cache_directory;         // kept between workers of one owner, writable; may be empty
  bool count_cache = true;             // before the start; else it is known to be small enough
  uint64_t cache_bytes = 0;            // a cache larger than this is emptied then
  uint64_t cache_entries = 0;          // likewise one with more files and folders
  uint64_t scratch_bytes = 0;          // size of the private writable file system

  bool change_user = false;  // only root can
  uid_t user = 0;
  gid_t group = 0;
  std::vector<gid_t> device_groups;  // let the worker open a GPU's render node

  uint64_t data_bytes = 0;  // RLIMIT_DATA
  uint64_t file_bytes = 0;  // RLIMIT_FSIZE
  uint64_t open_files = 0;  // RLIMIT_NOFILE
  uint64_t processes = 0;   // RLIMIT_NPROC, threads included

  // The control groups that the child is to be in before it runs anything: the folder of a version 2
  // group, in which it is born where the kernel permits, and files into which it writes itself
  // otherwise. Open descriptors, the caller's.
  int cgroup_folder = -1;
  std::vector<int> cgroup_files;

  // The child is its launcher's sibling: the launcher's parent is its parent, reaps it, and takes
  // it along when it dies.
  bool sibling = false;

  int socket = -1;  // becomes kSocketDescriptor
  int output = -1;  // becomes standard output and standard error
};

/// What the child tells the device host: once just before the program starts, and once more if
/// the start then fails.
struct Report {
  uint32_t protections = 0;  // records::Protection bits, each tried out in the child
  int32_t error = 0;         // errno of the step that failed, 0 when none did
  char step[56] = {};        // what failed
};

}  // namespace aliquot::sandbox
