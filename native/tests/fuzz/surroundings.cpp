#include "surroundings.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "stub_objects.h"

namespace aliquot::fuzz {

namespace {
constexpr size_t kFence = 4096;
}  // namespace

void pause() {
  const timespec pause{0, 50'000};
  ::nanosleep(&pause, nullptr);
}

void fail(const char* what) {
  std::fprintf(stderr, "fuzzer: %s\n", what);
  std::abort();
}

Surroundings& Surroundings::get() {
  static auto& surroundings = *new Surroundings;  // threads of the driver may outlive main
  return surroundings;
}

Surroundings::Surroundings() : quota_(std::make_shared<worker::MemoryQuota>(kQuotaBytes)) {
  cl_platform_id platform = nullptr;
  cl_device_id device = nullptr;
  stub::kDispatch.clGetPlatformIDs(1, &platform, nullptr);
  stub::kDispatch.clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, nullptr);
  driver_ = std::make_unique<worker::Driver>(
      stub::kDispatch, worker::platform_version(stub::kDispatch, platform), platform, device);

  void* pages = ::mmap(nullptr, layout::kConnectionBytes + 2 * kFence, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED) ::abort();
  pages_ = static_cast<unsigned char*>(pages) + kFence;
  if (::mprotect(pages_, layout::kConnectionBytes, PROT_READ | PROT_WRITE) != 0) ::abort();

  for (size_t i = 0; i < kArenaCount; ++i) {
    arenas_[i].reset(::memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (::ftruncate(arenas_[i].get(), kArenaBytes) != 0 ||
        ::fcntl(arenas_[i].get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
      ::abort();
    }
    void* data = ::mmap(nullptr, kArenaBytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                        arenas_[i].get(), 0);
    if (data == MAP_FAILED) ::abort();
    arena_data_[i] = static_cast<unsigned char*>(data);
  }
}

worker::WorkerContext Surroundings::context() {
  return {*driver_, quota_, host_, watchdog_, nullptr, 0};
}

layout::ConnectionMemory* Surroundings::fresh_memory() {
  ::madvise(pages_, layout::kConnectionBytes, MADV_DONTNEED);
  return reinterpret_cast<layout::ConnectionMemory*>(pages_);
}

int Surroundings::fresh_arena(size_t index, unsigned char** data) {
  // Punching a hole gives zeros without writing them.
  ::fallocate(arenas_[index].get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, kArenaBytes);
  *data = arena_data_[index];
  return arenas_[index].get();
}

}  // namespace aliquot::fuzz
