#include "device_host/withheld_time.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace aliquot {

void WithheldTime::begin(pid_t worker, uint32_t processors) {
  end();
  processors_ = processors;
  if (processors == 0) return;
  const std::string path = "/proc/" + std::to_string(worker) + "/task";
  folder_ = Descriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  find_threads();
}

void WithheldTime::end() {
  threads_.clear();
  folder_ = {};
  processors_ = 0;
  usual_part_ = 1;
}

void WithheldTime::look() {
  if (processors_ == 0) return;
  for (auto entry = threads_.begin(); entry != threads_.end();) {
    Thread& thread = entry->second;
    if (!read(thread)) {
      entry = threads_.erase(entry);  // it has ended
      continue;
    }
    thread.lately_ns = thread.ran_ns - std::exchange(thread.seen_ran_ns, thread.ran_ns);
    ++entry;
  }
  find_threads();
  choose();
}

// As many as there are processors, those that have run the longest of late: they compute. It is
// them that other threads wait for.
void WithheldTime::choose() {
  std::vector<Thread*> all;
  for (auto& [number, thread] : threads_) all.push_back(&thread);
  const size_t chosen = std::min<size_t>(processors_, all.size());
  // After a rest those that computed before it are the likelier ones.
  uint64_t lately = 0;
  for (const Thread* thread : all) lately += thread->lately_ns;
  const bool known = std::any_of(all.begin(), all.end(), [](const Thread* one) { return one->computes; });
  if (known && lately < kAtRestNs) return;
  std::nth_element(all.begin(), all.begin() + static_cast<ptrdiff_t>(chosen), all.end(),
                   [](const Thread* one, const Thread* other) {
                     return one->lately_ns > other->lately_ns;
                   });
  for (size_t index = 0; index < all.size(); ++index) all[index]->computes = index < chosen;
}

void WithheldTime::find_threads() {
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(
      folder_ ? ::fdopendir(::openat(folder_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC))
              : nullptr,
      ::closedir);
  if (listing == nullptr) return;
  while (const dirent* entry = ::readdir(listing.get())) {
    const auto number = static_cast<pid_t>(std::strtol(entry->d_name, nullptr, 10));
    if (number <= 0 || threads_.size() >= kMostThreads || threads_.count(number) != 0) continue;
    const std::string path = std::string(entry->d_name) + "/schedstat";
    Thread thread;
    thread.statistics = Descriptor(::openat(folder_.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!thread.statistics || !read(thread)) continue;
    thread.seen_ran_ns = thread.ran_ns;
    threads_.emplace(number, std::move(thread));
  }
}

bool WithheldTime::read(Thread& thread) {
  char text[96];
  const ssize_t size = ::pread(thread.statistics.get(), text, sizeof text - 1, 0);
  if (size <= 0) return false;
  text[size] = '\0';
  char* rest = nullptr;
  thread.ran_ns = std::strtoull(text, &rest, 10);
  thread.waited_ns = std::strtoull(rest, nullptr, 10);
  return true;
}

WithheldTime::Times WithheldTime::take_times() {
  Times sum;
  for (auto& [number, thread] : threads_) {
    if (!thread.computes) continue;
    const Times before{thread.ran_ns, thread.waited_ns};
    if (!read(thread)) continue;
    sum.ran_ns += thread.ran_ns - std::min(before.ran_ns, thread.ran_ns);
    sum.waited_ns += thread.waited_ns - std::min(before.waited_ns, thread.waited_ns);
  }
  return sum;
}

void WithheldTime::granted() { take_times(); }

// Before the first command has begun, threads of a driver wait as well; that is handing over.
uint64_t WithheldTime::finished(uint64_t turn_ns, uint64_t span_ns, uint64_t used_ns) {
  if (processors_ == 0) return 0;
  const auto [ran, waited] = take_times();
  // Others may have computed than those that were looked at; then nobody knows who waited.
  if (ran >= used_ns - used_ns / 4)
    usual_part_ = learned(usual_part_, span_ns, used_ns, waited, processors_);
  const uint64_t waited_inside = waited - std::min(waited, turn_ns - span_ns);
  return withheld_ns(span_ns, used_ns, waited_inside, processors_, usual_part_);
}

double WithheldTime::learned(double usual_part, uint64_t span_ns, uint64_t used_ns,
                             uint64_t waited_ns, uint32_t processors) {
  const uint64_t given = span_ns * processors;
  if (span_ns < kLongEnoughNs || waited_ns > given / kUndisturbed) return usual_part;
  const double part = static_cast<double>(used_ns) / static_cast<double>(given);
  return usual_part + (std::clamp(part, kLeastPart, 1.0) - usual_part) / kSamples;
}

uint64_t WithheldTime::withheld_ns(uint64_t span_ns, uint64_t used_ns, uint64_t waited_ns,
                                   uint32_t processors, double usual_part) {
  const uint64_t given = span_ns * processors;
  const auto worth = static_cast<uint64_t>(static_cast<double>(used_ns) / usual_part);
  const uint64_t unused = given - std::min(given, worth);
  return std::min(std::min(waited_ns, unused) / processors, span_ns / 2);
}

}  // namespace aliquot
