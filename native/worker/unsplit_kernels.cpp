#include "worker/unsplit_kernels.h"

#include <algorithm>
#include <utility>

#include "protocol/socket.h"

namespace aliquot::worker {

void UnsplitKernels::note(std::string_view name, uint64_t nanoseconds,
                          records::UnsplitReason reason) {
  if (nanoseconds < kLongNs || reason == records::UnsplitReason::kNone) return;
  name = name.substr(0, records::kNameSize - 1);
  auto entry = std::ranges::find(entries_, name, &Entry::name);
  // The shortest gives way; free ones are shorter than any.
  if (entry == entries_.end()) entry = std::ranges::min_element(entries_, {}, &Entry::longest_ns);
  if (nanoseconds <= entry->longest_ns) return;
  *entry = {std::string(name), nanoseconds, reason, true};
}

std::vector<records::UnsplitKernel> UnsplitKernels::take_changed() {
  std::vector<records::UnsplitKernel> changed;
  for (uint32_t place = 0; place < entries_.size(); ++place) {
    Entry& entry = entries_[place];
    if (!std::exchange(entry.changed, false)) continue;
    records::UnsplitKernel kernel;
    kernel.longest_ns = entry.longest_ns;
    kernel.place = place;
    kernel.reason = entry.reason;
    copy_text(kernel.name, sizeof kernel.name, entry.name.c_str());
    changed.push_back(kernel);
  }
  return changed;
}

}  // namespace aliquot::worker
