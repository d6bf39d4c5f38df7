#include "vm_stream/host/plane_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/random.h>
#include <sys/statfs.h>
#include <unistd.h>

namespace aliquot::vm_stream {

namespace {

bool is_left_behind(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat facts {};
  uint64_t mark = 0;
  return file && ::fstat(file.get(), &facts) == 0 && S_ISREG(facts.st_mode) &&
         facts.st_uid == ::geteuid() && ::read(file.get(), &mark, sizeof mark) == sizeof mark &&
         mark == kPlaneMark;
}

Descriptor new_file(const std::string& path) {
  constexpr int kNew = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  Descriptor file(::open(path.c_str(), kNew, 0600));
  if (!file && errno == EEXIST && is_left_behind(path)) {
    ::unlink(path.c_str());
    file.reset(::open(path.c_str(), kNew, 0600));
  }
  return file;
}

}  // namespace

std::unique_ptr<Plane> make_plane(const std::string& path, uint64_t bytes, std::string& problem) {
  const Descriptor file = new_file(path);
  if (!file) {
    problem = errno == EEXIST ? "there is another file" : std::strerror(errno);
    return nullptr;
  }
  // Later on nobody could be told that there is no room: who touches such a page dies of it.
  int wrong = ::posix_fallocate(file.get(), 0, static_cast<off_t>(bytes));
  SharedMapping memory;
  PlaneOffer offer;
  offer.bytes = bytes;
  if (wrong == 0 && ::getrandom(offer.random, sizeof offer.random, 0) != sizeof offer.random)
    wrong = EIO;
  if (wrong == 0) {
    memory = SharedMapping::of(file, bytes, PROT_READ | PROT_WRITE);
    if (!memory) wrong = ENOMEM;
  }
  if (wrong != 0) {
    ::unlink(path.c_str());
    problem = std::strerror(wrong);
    return nullptr;
  }
  auto plane = std::make_unique<Plane>(std::move(memory), offer, PlaneEnd::kHost);
  plane->begin();
  return plane;
}

bool lies_in_memory(const std::string& path) {
  struct statfs facts {};
  return ::statfs(path.c_str(), &facts) == 0 &&
         (facts.f_type == TMPFS_MAGIC || facts.f_type == RAMFS_MAGIC);
}

}  // namespace aliquot::vm_stream
