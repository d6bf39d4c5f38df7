#include "worker/inside_calls.h"

#include <cstring>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace aliquot::worker {

namespace {

struct Calls {
  std::mutex mutex;
  uint64_t last = 0;
  std::unordered_map<uint64_t, std::function<void()>> noted;
};

// Never destroyed: threads of a driver may come here while the process ends.
Calls& calls() {
  static Calls* const all = new Calls;
  return *all;
}

std::function<void()> take(uint64_t number) {
  const std::lock_guard guard(calls().mutex);
  auto node = calls().noted.extract(number);
  return node.empty() ? std::function<void()>() : std::move(node.mapped());
}

}  // namespace

uint64_t note_call(std::function<void()> call) {
  const std::lock_guard guard(calls().mutex);
  const uint64_t number = ++calls().last;
  calls().noted.emplace(number, std::move(call));
  return number;
}

void CL_CALLBACK make_call(void* number) {
  uint64_t wanted = 0;
  std::memcpy(&wanted, number, sizeof wanted);
  if (const std::function<void()> call = take(wanted)) call();
}

bool drop_call(uint64_t number) { return take(number) != nullptr; }

}  // namespace aliquot::worker
