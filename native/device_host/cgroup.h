// A control group for one worker: a hard bound on memory and on the number of processes, where
// this process may make one. Version 1 and version 2 hierarchies, found at run time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace aliquot {

class WorkerCgroup {
 public:
  WorkerCgroup() = default;
  ~WorkerCgroup();
  WorkerCgroup(const WorkerCgroup&) = delete;
  WorkerCgroup& operator=(const WorkerCgroup&) = delete;

  /// Makes the groups. False when no memory group can be had; then nothing is left behind.
  bool create(const std::string& name, uint64_t memory_bytes, uint64_t processes);

  /// Files into which a process with one thread writes "0" to be in the groups from then on.
  const std::vector<std::string>& process_files() const { return process_files_; }
  /// The folder of the version 2 group, in which a process can be born; empty with version 1.
  std::string birth_folder() const { return version_2_ ? memory_folder_ : ""; }

  bool limits_memory() const { return !memory_folder_.empty(); }
  void set_memory_limit(uint64_t bytes);
  /// How often the kernel has killed in this group because its memory was spent.
  uint64_t kills() const;
  /// Removes the groups when all that ran in them has ended; call again while it returns false.
  bool remove();

  /// How the names of a device's groups begin; the device host's process id follows, since there
  /// may be one for each user.
  static std::string name_prefix(const std::string& uuid) { return uuid.substr(0, 39) + "-"; }

  /// Removes groups with this prefix whose device host is gone, having been killed.
  static void remove_leftovers(const std::string& prefix);

 private:
  bool make_version_1(const std::string& name, uint64_t memory_bytes, uint64_t processes);
  bool make_version_2(const std::string& name, uint64_t memory_bytes, uint64_t processes);

  bool version_2_ = false;
  std::string memory_folder_;
  std::vector<std::string> folders_;
  std::vector<std::string> process_files_;
};

}  // namespace aliquot
