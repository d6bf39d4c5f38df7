#include "worker/arenas.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace aliquot::worker {

Mapping::~Mapping() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

bool Mapping::map(int descriptor, size_t bytes, bool ahead) {
  if (data_ != nullptr || bytes == 0) return false;
  struct stat status {};
  if (fstat(descriptor, &status) != 0 || status.st_size < 0) return false;
  if (static_cast<uint64_t>(status.st_size) < bytes) return false;
  const int seals = fcntl(descriptor, F_GET_SEALS);
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) return false;
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                    MAP_SHARED | (ahead ? MAP_POPULATE : 0), descriptor, 0);
  if (data == MAP_FAILED) return false;
  data_ = static_cast<unsigned char*>(data);
  bytes_ = bytes;
  return true;
}

bool Arenas::add(uint32_t id, int descriptor, uint64_t bytes,
                 std::function<void(const Arena&)> gone) {
  auto arena = std::make_shared<Arena>();
  if (!arena->mapping.map(descriptor, bytes)) return false;
  arena->id = id;
  {
    const std::lock_guard guard(mutex_);
    if (closed_ || arenas_.size() >= kMost || !arenas_.emplace(id, arena).second) return false;
    arena->gone = std::move(gone);
  }
  arrived_.notify_all();
  return true;
}

std::shared_ptr<Arena> Arenas::find(uint32_t id) {
  if (id == 0) return nullptr;
  std::unique_lock lock(mutex_);
  std::shared_ptr<Arena> found;
  arrived_.wait_for(lock, patience_, [&] {
    const auto place = arenas_.find(id);
    if (place != arenas_.end()) found = place->second;
    return found != nullptr || abandoned_ || closed_;
  });
  return found;
}

std::shared_ptr<Arena> Arenas::take(uint32_t id) {
  const std::lock_guard guard(mutex_);
  const auto place = arenas_.find(id);
  if (place == arenas_.end()) return nullptr;
  auto arena = std::move(place->second);
  arenas_.erase(place);
  return arena;
}

void Arenas::abandon() {
  {
    const std::lock_guard guard(mutex_);
    abandoned_ = true;
  }
  arrived_.notify_all();
}

void Arenas::close() {
  std::unordered_map<uint32_t, std::shared_ptr<Arena>> dropped;
  {
    const std::lock_guard guard(mutex_);
    closed_ = true;
    dropped.swap(arenas_);
  }
  arrived_.notify_all();
}

}  // namespace aliquot::worker
