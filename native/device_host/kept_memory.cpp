#include "device_host/kept_memory.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <utility>

#include "device_host/shared_memory.h"

namespace aliquot {

void KeptMemory::add(Descriptor memory, const KeptKey& key) {
  struct stat status;
  if (!memory || ::fstat(memory.get(), &status) != 0) return link_.forget(key);
  ::fallocate(memory.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, status.st_size);
  // A memory that is there has a number of its own.
  const KeptKey ours{KeptKind::kKeptMemory, 0, vgpu_, status.st_ino};
  link_.rename(key, ours);
  memories_.push_back({std::move(memory), status.st_ino, ours});
}

void KeptMemory::forget_unless(const std::function<bool(ino_t)>& held) {
  std::erase_if(memories_, [&](const Memory& memory) {
    if (held(memory.inode)) return false;
    link_.forget(memory.key);
    return true;
  });
}

void KeptMemory::clear() {
  for (const Memory& memory : memories_) link_.forget(memory.key);
  memories_.clear();
}

uint64_t KeptMemory::resident() const {
  uint64_t bytes = 0;
  for (const Memory& memory : memories_) bytes += resident_bytes(memory.descriptor.get());
  return bytes;
}

void KeptMemory::add_inodes(std::vector<ino_t>& inodes) const {
  for (const Memory& memory : memories_) inodes.push_back(memory.inode);
}

}  // namespace aliquot
