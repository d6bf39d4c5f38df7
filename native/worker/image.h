// A connection's image: what another worker needs to go on where this one stopped. It is, above all,
// a stream of command frames that make the connection's objects anew under their ids, decoded and
// checked as those of the ring are; then the bytes that they need, and a table of what no command
// says. Whoever reads one trusts nothing in it: it comes from a worker, which is the tenant's.
//
// Layout: header, data (texts and contents of buffers), frames, states; each 64-aligned.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "generated/opencl_codec.h"
#include "worker/mapping.h"

namespace aliquot::worker {

/// The arena by which frames of an image name its data; no guest process can have one of this
/// number, since theirs count from 1.
constexpr uint32_t kImageArena = 0xffff'ffff;

struct ImageHeader {
  static constexpr uint64_t kMagic = 0x3145'4741'4d49'4c41;  // "ALIMAGE1" in memory
  uint64_t magic = kMagic;
  uint64_t bytes = 0;
  uint64_t frames_at = 0, frames_bytes = 0;
  uint64_t states_at = 0, states = 0;
  uint64_t report_at = 0, report_bytes = 0;  // the device as the guest process knows it
  // Where the shared rings stand.
  uint64_t ring_head = 0, notify_tail = 0, print_tail = 0;
  uint32_t sketch = 0;        // 1: programs and what they need, and no more
  uint32_t shared_pages = 0;  // 1: buffers may lie in arenas
};

/// One thing that no command says.
struct ImageState {
  enum class Kind : uint32_t {
    kQueue = 1,        // status: of its last command; numbers: the sequence that was published
    kEndedQueue = 2,   // a queue slot without a queue; numbers: likewise
    kEvent = 3,        // that has ended; other: its context; numbers: times, flags: PastFlag
    kFailedBuffer = 4, // status: why each use fails
    kContents = 5,     // numbers: place in the image, and bytes
    kGroupSize = 6,    // numbers: what a kernel can have in a work-group
  };
  enum Flag : uint32_t { kUser = 1, kProfiled = 2, kHasTimes = 4 };

  Kind kind{};
  uint32_t id = 0;
  int32_t status = 0;
  uint32_t other = 0;
  uint32_t flags = 0;
  uint32_t queue = 0;
  uint64_t numbers[4] = {};
};
static_assert(sizeof(ImageState) == 56);

/// An image that has yet to be written.
class ImageDraft {
 public:
  ImageHeader header;

  template <class Command>
  void add(const Command& command) {
    const size_t at = frames_.size();
    frames_.resize(at + opencl::encoded_size(command));
    opencl::encode(command, frames_.data() + at);
  }
  void add_frame(std::span<const unsigned char> frame) {
    frames_.insert(frames_.end(), frame.begin(), frame.end());
  }
  void add(const ImageState& state) { states_.push_back(state); }
  /// Where the text will lie.
  uint64_t add_text(std::shared_ptr<const std::string> text);
  /// Where the contents of a buffer shall be put.
  uint64_t add_room(uint64_t bytes);

  const std::vector<ImageState>& states() const { return states_; }

  /// Of the whole image; nothing may be added after this.
  uint64_t finish();
  /// All but the contents, into `bytes` bytes.
  void write(unsigned char* out) const;

 private:
  struct Text {
    uint64_t at;
    std::shared_ptr<const std::string> text;
  };
  uint64_t data_end_ = (sizeof(ImageHeader) + 63) & ~uint64_t{63};
  std::vector<Text> texts_;
  std::vector<unsigned char> frames_;
  std::vector<ImageState> states_;
};

/// An image as it was found, in private memory but for its data.
class ImageReader {
 public:
  /// False: it is none. The data stay where they are.
  bool open(const Mapping& mapping);

  const ImageHeader& header() const { return header_; }
  /// The next frame; empty at the end or, with `broken`, where none begins.
  std::span<const unsigned char> next_frame();
  bool broken() const { return broken_; }
  const std::vector<ImageState>& states() const { return states_; }
  std::span<const unsigned char> report() const { return report_; }

 private:
  ImageHeader header_;
  std::vector<unsigned char> frames_, report_;
  std::vector<ImageState> states_;
  size_t at_ = 0;
  bool broken_ = false;
};

}  // namespace aliquot::worker
