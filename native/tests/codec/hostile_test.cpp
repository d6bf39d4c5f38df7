// What the decoder must refuse, and that it reads every byte of what it takes.
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <string_view>

#include "check.h"
#include "generated/opencl_dispatch.h"
#include "generated/opencl_grammar.h"
#include "generated/opencl_trace.h"
#include "random_command.h"

using namespace aliquot;
using namespace aliquot::opencl;

namespace {

using Bytes = std::vector<unsigned char>;

template <class Command>
Bytes encoded(const Command& command) {
  FrameMemory memory(encoded_size(command));
  encode(command, memory.data());
  return {memory.data(), memory.data() + encoded_size(command)};
}

void set_size(Bytes& frame, size_t size) {
  const uint32_t stored = static_cast<uint32_t>(size);
  std::memcpy(frame.data(), &stored, sizeof stored);
}

// Memory whose end is the end of what may be read: one byte further and the test crashes, with
// or without a sanitizer.
class FencedMemory {
 public:
  FencedMemory() {
    void* pages = mmap(nullptr, kBytes + 4096, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || mprotect(static_cast<char*>(pages) + kBytes, 4096, PROT_NONE) != 0) {
      std::perror("fenced memory");
      std::abort();
    }
    end_ = static_cast<unsigned char*>(pages) + kBytes;
  }

  // A copy of the frame that ends at the fence (8-aligned, so an odd size ends up to 7 before).
  std::span<const unsigned char> copy(const Bytes& frame) {
    unsigned char* first = end_ - protocol::padded(frame.size());
    if (!frame.empty()) std::memcpy(first, frame.data(), frame.size());
    return {first, frame.size()};
  }

 private:
  static constexpr size_t kBytes = layout::kLargestFrame * 4;
  unsigned char* end_;
};

// Decodes exactly these bytes. Returns what a second encoding gives, empty when it was refused.
template <class Command>
Bytes decoded(const Bytes& frame, Bytes* fields = nullptr) {
  static FencedMemory memory;
  Command command;
  if (!decode(memory.copy(frame), command)) return {};
  if (fields != nullptr) *fields = contents(command);
  return encoded(command);
}

template <class Command>
void test_truncation(const Bytes& whole, const char* name) {
  for (size_t size = 0; size < whole.size(); ++size) {
    Bytes frame(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    check(decoded<Command>(frame).empty(), "took a truncated frame", name);
    if (size < 4) continue;
    set_size(frame, size);
    check(decoded<Command>(frame).empty(), "took a truncated frame with its size", name);
  }
}

template <class Command>
void test_trailing(const Bytes& whole, const char* name) {
  for (size_t extra = 1; extra <= 16; ++extra) {
    for (unsigned char value : {0x00, 0xff}) {
      Bytes frame = whole;
      frame.resize(whole.size() + extra, value);
      check(decoded<Command>(frame).empty(), "took trailing bytes", name);
      set_size(frame, frame.size());
      check(decoded<Command>(frame).empty(), "took trailing bytes with their size", name);
    }
  }
}

template <class Command>
void test_changed_bytes(const Bytes& whole, const char* name) {
  Bytes original;
  decoded<Command>(whole, &original);
  for (size_t at = 0; at < whole.size(); ++at) {
    for (unsigned char change : {0x01, 0x10, 0x80, 0xff}) {
      Bytes frame = whole;
      frame[at] = static_cast<unsigned char>(frame[at] ^ change);
      Bytes fields;
      const Bytes again = decoded<Command>(frame, &fields);
      if (again.empty()) continue;
      check(at >= 8, "took a changed header", name);
      check(fields != original, "a byte has no influence", name);
      check(again == frame, "encoding again gives another frame", name);
    }
  }
}

// One array longer than the table allows, the frame otherwise sound.
template <class Command>
void test_too_long(RandomCommands& commands, const char* name) {
  size_t arrays = 0;
  const Command sample = commands.make<Command>(3);
  for_each_field(sample, [&](const FieldInfo& info, const auto&) { arrays += info.max > 0; });
  for (size_t chosen = 0; chosen < arrays; ++chosen) {
    Command command = sample;
    size_t index = 0;
    std::vector<uint64_t> memory;
    for_each_field(command, [&](const FieldInfo& info, auto& member) {
      if constexpr (!std::is_integral_v<std::remove_reference_t<decltype(member)>>) {
        if (index++ != chosen) return;
        memory.assign(info.max + size_t{1}, 1);
        using Element = typename std::remove_reference_t<decltype(member)>::element_type;
        member = {reinterpret_cast<Element*>(memory.data()), info.max + size_t{1}};
      }
    });
    check(!within_limits(command), "within_limits takes an over-count", name);
    check(decoded<Command>(encoded(command)).empty(), "took an over-count", name);
  }
}

// Each count claims more than the frame holds, up to the largest number.
template <class Command>
void test_wrong_counts(const Bytes& whole, const protocol::CommandShape& shape, const char* name) {
  for (const protocol::ArrayShape& array : shape.arrays) {
    uint32_t count;
    std::memcpy(&count, whole.data() + array.count_offset, sizeof count);
    for (uint32_t other : {count + 1, count + 8, count * 2 + 1, array.max, array.max + 1,
                           0x1fffffffu, 0x20000000u, 0x80000000u, 0xffffffffu}) {
      if (other == count) continue;
      Bytes frame = whole;
      std::memcpy(frame.data() + array.count_offset, &other, sizeof other);
      // One byte more may fall into what was padding; then the command must differ.
      const Bytes again = decoded<Command>(frame);
      check(again.empty() || again == frame, "a wrong count gives another frame", name);
      if (other > array.max) check(again.empty(), "took a count over the limit", name);
    }
  }
}

struct Counter {
  size_t handled[kCommandCount] = {};
  bool same = true;
  Bytes frame;

  template <class Command>
  void on(const Command& command) {
    for (size_t i = 0; i < kCommandCount; ++i) handled[i] += kOpcodes[i] == Command::kOpcode;
    same = same && encoded(command) == frame;
  }
};

}  // namespace

void test_damaged_frames() {
  size_t index = 0;
  for_each_command([&]<class Command>(Command) {
    const char* name = name_of(Command::kOpcode);
    const protocol::CommandShape& shape = grammar::kCommands[index++];
    check(shape.opcode == static_cast<uint16_t>(Command::kOpcode), "grammar's order", name);
    RandomCommands commands(7);
    for (int i = 0; i < 20; ++i) {
      const Bytes whole = encoded(commands.make<Command>(6));
      check(decoded<Command>(whole) == whole, "encoding again gives another frame", name);
      test_truncation<Command>(whole, name);
      test_trailing<Command>(whole, name);
      test_changed_bytes<Command>(whole, name);
      test_wrong_counts<Command>(whole, shape, name);
    }
    test_too_long<Command>(commands, name);

    // Not where the arrays could be used in place.
    const Bytes whole = encoded(commands.make<Command>(2));
    FrameMemory memory(whole.size() + 8);
    std::memcpy(memory.data() + 4, whole.data(), whole.size());
    Command command;
    check(!decode({memory.data() + 4, whole.size()}, command), "took a misaligned frame", name);
  });

  Counter counter;
  alignas(8) const unsigned char unknown[] = {8, 0, 0, 0, 0xff, 0xff, 0, 0};
  check(dispatch(counter, unknown) == Outcome::kUnknownOpcode, "unknown opcode", "dispatch");
  alignas(8) const unsigned char zero[16] = {};
  for (size_t size = 0; size <= sizeof zero; ++size) {
    check(dispatch(counter, {zero, size}) == Outcome::kMalformed, "zeros", "dispatch");
  }
  check(dispatch(counter, {}) == Outcome::kMalformed, "nothing", "dispatch");
}

void test_built_frames() {
  std::mt19937 random(20);
  std::vector<uint8_t> bytes(400'000);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  const std::string_view words[] = {"add", "-cl-std=CL3.0"};
  protocol::ByteSource source(bytes);
  protocol::FrameBuilder builder(grammar::kCommands, words, source);
  FrameMemory memory(layout::kLargestFrame);
  Counter counter;
  size_t frames = 0, refused = 0, with_word = 0;
  char line[kTraceLine];
  while (const size_t size = builder.next(memory.data())) {
    if (!check(size >= 8 && size % 8 == 0 && size <= layout::kLargestFrame, "size", "builder")) {
      return;
    }
    counter.frame.assign(memory.data(), memory.data() + size);
    refused += dispatch(counter, {memory.data(), size}) != Outcome::kHandled;
    format_frame({memory.data(), size}, line, sizeof line);
    with_word += std::strstr(line, "\"add\"") != nullptr;
    ++frames;
  }
  check(counter.same, "a built frame that decodes encodes otherwise", "builder");
  check(frames > 2000 && refused > frames / 20 && refused < frames / 4, "share of refusals",
        "builder");
  check(with_word > 0, "no frame uses the dictionary", "builder");
  for (size_t i = 0; i < kCommandCount; ++i) {
    check(counter.handled[i] > 0, "never built", name_of(kOpcodes[i]));
  }
}
