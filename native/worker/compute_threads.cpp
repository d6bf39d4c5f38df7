// Here are two functions of the C library that drivers call and this program answers itself. It exports
// them (CMakeLists.txt), and what a program exports comes before what libraries do.
#include "worker/compute_threads.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "worker/resting_threads.h"

namespace aliquot::worker {

namespace {

constexpr char kIntelLibrary[] = "libintelocl.";
constexpr char kIntelThreads[] = "CL_CONFIG_CPU_TBB_NUM_WORKERS";

bool one_core_more = false;

// The cores that this process may use. Bytes that were written; negative: errno is set.
long read_affinity(pid_t thread, size_t bytes, cpu_set_t* set) {
  return syscall(SYS_sched_getaffinity, thread, bytes, set);
}

uint32_t count_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return read_affinity(0, sizeof set, &set) < 0 ? 0 : static_cast<uint32_t>(CPU_COUNT(&set));
}

}  // namespace

void ask_for_all_threads(const std::string& library) {
  const uint32_t cores = count_cores();
  const std::string name = library.substr(library.rfind('/') + 1);
  if (cores == 0 || !name.starts_with(kIntelLibrary)) return;
  one_core_more = true;
  setenv(kIntelThreads, std::to_string(cores + 1).c_str(), 1);
}

uint32_t spare_units(uint32_t reported) {
  return one_core_more && reported == count_cores() + 1 ? 1 : 0;
}

}  // namespace aliquot::worker

extern "C" {

[[gnu::visibility("default")]] int sched_getaffinity(pid_t thread, size_t bytes,
                                                     cpu_set_t* set) noexcept {
  const long written = aliquot::worker::read_affinity(thread, bytes, set);
  if (written < 0) return -1;
  std::memset(reinterpret_cast<char*>(set) + written, 0, bytes - static_cast<size_t>(written));
  if (!aliquot::worker::one_core_more) return 0;
  size_t core = 0;
  while (core < bytes * 8 && CPU_ISSET_S(core, bytes, set)) ++core;
  if (core < bytes * 8) CPU_SET_S(core, bytes, set);
  return 0;
}

[[gnu::visibility("default")]] int sched_yield() noexcept {
  if (aliquot::worker::slept_instead_of_yielding()) return 0;
  return static_cast<int>(syscall(SYS_sched_yield));
}

}  // extern "C"
