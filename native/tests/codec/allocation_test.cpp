// The decoder allocates nothing, whatever a frame says: no count in it can cost memory.
#include <cstdlib>
#include <new>

#include "check.h"
#include "generated/opencl_dispatch.h"
#include "generated/opencl_grammar.h"
#include "random_command.h"

namespace {

size_t g_allocations = 0;

}  // namespace

// The whole program's, so that nothing escapes the count. Not inlined: the compiler would see
// malloc's memory go to what it takes for a foreign `delete`.
[[gnu::noinline]] void* operator new(size_t size) {
  ++g_allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  std::abort();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

using namespace aliquot;
using namespace aliquot::opencl;

namespace {

// Reads every array to its end, and keeps nothing.
struct Reader {
  uint64_t sum = 0;

  template <class Command>
  void on(const Command& command) {
    for_each_field(command, [this](const FieldInfo&, const auto& member) {
      if constexpr (std::is_integral_v<std::remove_cvref_t<decltype(member)>>) {
        sum += static_cast<uint64_t>(member);
      } else {
        for (const auto& element : member) sum += static_cast<uint64_t>(element);
      }
    });
  }
};

}  // namespace

void test_allocations() {
  const size_t before_all = g_allocations;
  std::vector<int> counted(1);
  check(g_allocations == before_all + 1, "an allocation is not counted", "allocations");

  std::mt19937 random(11);
  std::vector<uint8_t> bytes(200'000);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  protocol::ByteSource source(bytes);
  protocol::FrameBuilder builder(grammar::kCommands, {}, source);
  FrameMemory memory(layout::kLargestFrame);
  Reader reader;
  size_t handled = 0;
  const size_t before = g_allocations;
  while (const size_t size = builder.next(memory.data())) {
    handled += dispatch(reader, {memory.data(), size}) == Outcome::kHandled;
    protocol::FrameHeader header;
    std::memcpy(&header, memory.data(), sizeof header);
    for (const protocol::CommandShape& shape : grammar::kCommands) {
      if (shape.opcode != header.opcode || size < shape.fixed) continue;
      for (const protocol::ArrayShape& array : shape.arrays) {  // claims all that it can
        const uint32_t most = array.max;
        std::memcpy(memory.data() + array.count_offset, &most, sizeof most);
        dispatch(reader, {memory.data(), size});
      }
    }
  }
  check(g_allocations == before, "decoding allocates memory", "allocations");
  check(handled > 1000, "too few frames were handled", "allocations");
}
