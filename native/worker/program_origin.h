// How a program was made, for making it again: kept for each program as long as that lives. Immutable,
// because programs that were linked of another remember it as it was then.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace aliquot::worker {

struct ProgramOrigin {
  enum class Made { kSource, kBinary, kLink };
  enum class Built { kNot, kBuilt, kCompiled };
  /// Of programs linked of linked ones. Deeper ones can't be made again.
  static constexpr uint32_t kMostDepth = 8;

  Made made = Made::kSource;
  std::shared_ptr<const std::string> text;  // source, or all binaries; null: too long to be kept
  std::vector<uint64_t> sizes;              // of the binaries, and their devices
  std::vector<uint32_t> binary_devices;
  Built built = Built::kNot;
  std::string options;  // of the last build, compilation or link
  std::vector<uint32_t> devices;
  std::string header_names;
  std::vector<std::shared_ptr<const ProgramOrigin>> inputs;  // headers, or what was linked
  uint32_t depth = 0;

  bool whole() const {
    if (depth > kMostDepth || (made != Made::kLink && text == nullptr)) return false;
    for (const auto& input : inputs)
      if (!input->whole()) return false;
    return true;
  }
};

/// Whether programs of these origins are interchangeable.
inline bool same(const ProgramOrigin& one, const ProgramOrigin& other) {
  if (&one == &other) return true;
  const bool texts = one.text == other.text ||
                     (one.text != nullptr && other.text != nullptr && *one.text == *other.text);
  if (one.made != other.made || !texts || one.sizes != other.sizes ||
      one.binary_devices != other.binary_devices || one.built != other.built ||
      one.options != other.options || one.devices != other.devices ||
      one.header_names != other.header_names || one.inputs.size() != other.inputs.size() ||
      one.depth != other.depth || one.depth > ProgramOrigin::kMostDepth) {
    return false;
  }
  for (size_t i = 0; i < one.inputs.size(); ++i) {
    if (!same(*one.inputs[i], *other.inputs[i])) return false;
  }
  return true;
}

/// The texts that a connection's origins hold, up to a bound: the driver has its own copies, and the
/// device host allows a worker only so much.
class KeptTexts {
 public:
  static constexpr uint64_t kMostBytes = 64u << 20;

  /// Null where it would be too much.
  std::shared_ptr<const std::string> keep(std::string text) {
    const uint64_t bytes = text.size();
    if (bytes > kMostBytes - held_->fetch_add(bytes)) {
      held_->fetch_sub(bytes);
      return nullptr;
    }
    return {new std::string(std::move(text)), [held = held_, bytes](const std::string* kept) {
              delete kept;
              held->fetch_sub(bytes);
            }};
  }

 private:
  const std::shared_ptr<std::atomic<uint64_t>> held_ = std::make_shared<std::atomic<uint64_t>>(0);
};

}  // namespace aliquot::worker
