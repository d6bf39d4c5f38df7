#include "worker/image.h"

#include <utility>

namespace aliquot::worker {

namespace {

constexpr uint64_t kMostFrameBytes = uint64_t{1} << 30;

uint64_t aligned(uint64_t bytes) { return (bytes + 63) & ~uint64_t{63}; }

bool inside(uint64_t whole, uint64_t at, uint64_t bytes) {
  return at % 8 == 0 && at <= whole && bytes <= whole - at;
}

}  // namespace

uint64_t ImageDraft::add_text(std::shared_ptr<const std::string> text) {
  const uint64_t bytes = text->size();
  texts_.push_back({data_end_, std::move(text)});
  return add_room(bytes);
}

uint64_t ImageDraft::add_room(uint64_t bytes) {
  return std::exchange(data_end_, data_end_ + aligned(bytes));
}

uint64_t ImageDraft::finish() {
  header.frames_at = data_end_;
  header.frames_bytes = frames_.size();
  header.states_at = aligned(header.frames_at + header.frames_bytes);
  header.states = states_.size();
  header.bytes = aligned(header.states_at + states_.size() * sizeof(ImageState));
  return header.bytes;
}

void ImageDraft::write(unsigned char* out) const {
  for (const Text& text : texts_) std::memcpy(out + text.at, text.text->data(), text.text->size());
  if (!frames_.empty()) std::memcpy(out + header.frames_at, frames_.data(), frames_.size());
  if (!states_.empty()) {
    std::memcpy(out + header.states_at, states_.data(), states_.size() * sizeof(ImageState));
  }
  std::memcpy(out, &header, sizeof header);
}

bool ImageReader::open(const Mapping& mapping) {
  const uint64_t bytes = mapping.bytes();
  if (bytes < sizeof header_) return false;
  std::memcpy(&header_, mapping.data(), sizeof header_);
  if (header_.magic != ImageHeader::kMagic || header_.bytes > bytes ||
      header_.frames_bytes > kMostFrameBytes ||
      !inside(bytes, header_.frames_at, header_.frames_bytes) ||
      !inside(bytes, header_.report_at, header_.report_bytes) ||
      header_.states > bytes / sizeof(ImageState) ||
      !inside(bytes, header_.states_at, header_.states * sizeof(ImageState))) {
    return false;
  }
  const unsigned char* data = mapping.data();
  frames_.assign(data + header_.frames_at, data + header_.frames_at + header_.frames_bytes);
  report_.assign(data + header_.report_at, data + header_.report_at + header_.report_bytes);
  states_.resize(header_.states);
  if (!states_.empty()) {
    std::memcpy(static_cast<void*>(states_.data()), data + header_.states_at,
                states_.size() * sizeof(ImageState));
  }
  return true;
}

// The vector's memory is aligned for any type, and each frame is a multiple of 8 long.
std::span<const unsigned char> ImageReader::next_frame() {
  if (broken_ || at_ == frames_.size()) return {};
  const std::span<const unsigned char> rest(frames_.data() + at_, frames_.size() - at_);
  protocol::FrameHeader frame;
  if (!protocol::read_header(rest, frame) || frame.size > rest.size()) {
    broken_ = true;
    return {};
  }
  at_ += frame.size;
  return rest.first(frame.size);
}

}  // namespace aliquot::worker
