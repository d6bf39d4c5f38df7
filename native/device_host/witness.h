// What a worker really holds, read from where the worker can't write.
//
// Counted are the worker and all its children: private memory with its page tables, shared memory,
// the files of its scratch, what its pipes may hold, and memory files that it holds open. The
// guest's and the worker's common pages (arenas, connection memory) are known to the device host by
// descriptor and counted once, whoever maps them; the witness tells which of them the worker still
// has, open or mapped. The filter forbids the worker every other way to shared memory.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace aliquot {

struct FamilyMember;

struct Sighting {
  uint64_t main_private = 0;      // the worker process alone
  uint64_t children_private = 0;  // those children that have an address space of their own
  uint64_t shared = 0;            // shared memory mapped by all of them
  uint64_t files = 0;             // scratch, pipes, and memory files that aren't ours
  uint64_t cpu_ns = 0;            // processor time, that of dead children included
  uint64_t children_cpu_ns = 0;   // of it: all but the worker process's own
  uint32_t processes = 0;
  const char* hidden = nullptr;  // why not all of it could be seen: no worker has a reason for that

  uint64_t private_bytes() const { return main_private + children_private; }
};

class Witness {
 public:
  /// `scratch`: the worker's scratch folder in its own view; empty when it has none.
  void begin(pid_t worker, const std::string& scratch);

  /// The identities of all memory that the device host made and the worker may still have.
  void set_own_memory(std::vector<ino_t> inodes) { own_inodes_ = std::move(inodes); }

  /// Looks once; `with_files` walks open files and mappings too. False when the worker can't be
  /// seen: it is gone.
  bool look(bool with_files, Sighting& sighting);

  /// Whether the worker had this memory of ours open or mapped at the last look with files.
  bool holds(ino_t inode) const;

 private:
  struct Walk;
  void walk_files(const FamilyMember& member, Walk& walk) const;
  void walk_mappings(const FamilyMember& member, Walk& walk) const;
  uint64_t scratch_bytes(const FamilyMember& worker) const;
  bool is_own(ino_t inode) const;

  pid_t worker_ = 0;
  std::string scratch_;
  std::vector<ino_t> own_inodes_;
  std::vector<ino_t> held_inodes_;  // those of ours that it has
  uint64_t last_files_ = 0;
  const char* last_hidden_ = nullptr;
};

}  // namespace aliquot
