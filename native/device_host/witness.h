// What a worker really holds, read from where the worker can't write.
//
// Counted are the worker and all its children: private memory, shared memory, the files of its
// scratch, and memory files that it holds open without mapping them. The guest's and the worker's
// common pages (arenas, connection memory) are known to the device host by descriptor and counted
// once, whoever maps them. The filter forbids the worker every other way to shared memory.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace aliquot {

struct Sighting {
  uint64_t main_private = 0;      // the worker process alone
  uint64_t children_private = 0;  // those children that have an address space of their own
  uint64_t shared = 0;            // shared memory mapped by all of them
  uint64_t files = 0;             // scratch, and memory files that aren't ours
  uint64_t cpu_ns = 0;            // processor time, that of dead children included
  uint32_t processes = 0;

  uint64_t private_bytes() const { return main_private + children_private; }
};

class Witness {
 public:
  /// `scratch`: the worker's scratch folder in its own view; empty when it has none.
  void begin(pid_t worker, const std::string& scratch);

  /// Adds the identity of memory that the device host made, so that it isn't counted as foreign.
  void set_own_memory(std::vector<ino_t> inodes) { own_inodes_ = std::move(inodes); }

  /// Looks once; `with_files` walks the open files too. False when the worker can't be seen.
  bool look(bool with_files, Sighting& sighting);

 private:
  uint64_t foreign_memory_files(pid_t process, std::vector<ino_t>& counted) const;
  uint64_t scratch_bytes() const;

  pid_t worker_ = 0;
  std::string scratch_;
  std::vector<ino_t> own_inodes_;
  uint64_t last_files_ = 0;
};

}  // namespace aliquot
