#include "device_host/kept_memory.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <utility>

#include "device_host/shared_memory.h"

namespace aliquot {

void KeptMemory::add(Descriptor memory) {
  struct stat status;
  if (!memory || ::fstat(memory.get(), &status) != 0) return;
  ::fallocate(memory.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, status.st_size);
  memories_.push_back({std::move(memory), status.st_ino});
}

void KeptMemory::forget_unless(const std::function<bool(ino_t)>& held) {
  std::erase_if(memories_, [&](const Memory& memory) { return !held(memory.inode); });
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
