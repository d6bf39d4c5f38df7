// Memory that guest processes no longer have but their worker may: it said that it had dropped it,
// and it is not to be believed. The pages are freed at once; the descriptor is kept, so that new
// ones are counted, until the witness has seen the worker without it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "device_host/supervisor_link.h"
#include "protocol/descriptor.h"

namespace aliquot {

class KeptMemory {
 public:
  KeptMemory(SupervisorLink& link, uint64_t vgpu) : link_(link), vgpu_(vgpu) {}

  /// Frees the pages behind a memfd and keeps it. Whoever still maps it sees zeros. `key`: under
  /// which the supervisor has it.
  void add(Descriptor memory, const KeptKey& key);
  /// Forgets all that `held` denies.
  void forget_unless(const std::function<bool(ino_t)>& held);
  void clear();

  size_t count() const { return memories_.size(); }
  /// Bytes that have come back since the pages were freed.
  uint64_t resident() const;
  void add_inodes(std::vector<ino_t>& inodes) const;

 private:
  struct Memory {
    Descriptor descriptor;
    ino_t inode;
    KeptKey key;
  };
  SupervisorLink& link_;
  uint64_t vgpu_;
  std::vector<Memory> memories_;
};

}  // namespace aliquot
