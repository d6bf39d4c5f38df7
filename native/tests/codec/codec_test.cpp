// What the codec promises for commands that are well-formed.
#include <cstring>

#include "check.h"
#include "generated/opencl_dispatch.h"
#include "generated/opencl_trace.h"
#include "random_command.h"

using namespace aliquot;
using namespace aliquot::opencl;

namespace {

constexpr size_t kGuard = 16;

// Encodes into memory filled with `filler`; checks that not one byte beyond the size is touched.
template <class Command>
std::vector<unsigned char> encoded(const Command& command, unsigned char filler) {
  const size_t size = encoded_size(command);
  FrameMemory memory(size + kGuard);
  std::memset(memory.data(), filler, size + kGuard);
  encode(command, memory.data());
  for (size_t i = 0; i < kGuard; ++i) {
    if (!check(memory.data()[size + i] == filler, "encode wrote past encoded_size",
               name_of(Command::kOpcode))) {
      break;
    }
  }
  return {memory.data(), memory.data() + size};
}

template <class Command>
void test_round_trip(RandomCommands& commands, size_t most) {
  const char* name = name_of(Command::kOpcode);
  const Command command = commands.make<Command>(most);
  const auto frame = encoded(command, 0x00);
  check(frame.size() == encoded_size(command) && frame.size() % 8 == 0, "size", name);
  check(frame == encoded(command, 0xff), "encode left a byte unwritten", name);
  check(within_limits(command), "within_limits refuses what the table allows", name);

  FrameMemory memory(frame.size());
  std::memcpy(memory.data(), frame.data(), frame.size());
  Command copy;
  if (!check(decode({memory.data(), frame.size()}, copy), "decode refused it", name)) return;
  check(contents(copy) == contents(command), "decoded fields differ", name);
}

// Notes what arrived.
struct Recorder {
  Opcode opcode{};
  int calls = 0;
  std::vector<unsigned char> content;

  template <class Command>
  void on(const Command& command) {
    opcode = Command::kOpcode;
    content = contents(command);
    ++calls;
  }
};

}  // namespace

void test_round_trips() {
  size_t seen = 0;
  for_each_command([&]<class Command>(Command) {
    RandomCommands commands(static_cast<uint32_t>(Command::kOpcode));
    for (int i = 0; i < 200; ++i) test_round_trip<Command>(commands, 12);
    for (int i = 0; i < 50; ++i) test_round_trip<Command>(commands, 100'000);

    Recorder recorder;
    const Command command = commands.make<Command>(12);
    FrameMemory memory(encoded_size(command));
    encode(command, memory.data());
    const Outcome outcome = dispatch(recorder, {memory.data(), encoded_size(command)});
    check(outcome == Outcome::kHandled && recorder.calls == 1 &&
              recorder.opcode == Command::kOpcode && recorder.content == contents(command),
          "dispatch", name_of(Command::kOpcode));
    check(kOpcodes[seen] == Command::kOpcode, "kOpcodes", name_of(Command::kOpcode));
    ++seen;
  });
  check(seen == kCommandCount, "for_each_command misses some", "all");
}

// The bytes of one frame, by hand: encoder and decoder can't both be wrong in the same way.
void test_layout() {
  const uint64_t shape[] = {0x0102030405060708};
  const uint32_t wait[] = {0x0a0b0c0d, 7, 8};
  const uint8_t arguments[] = {0xee};
  LaunchCommand command;
  command.queue = 0x11;
  command.kernel = 0x22;
  command.event = 0x33;
  command.dimensions = 0x44;
  command.flags = 0x55;
  command.shape = shape;
  command.wait = wait;
  command.arguments = arguments;
  const unsigned char expected[] = {
      0x48, 0, 0, 0, 0x30, 0, 0, 0,                    // size, opcode, flags
      0x11, 0, 0, 0, 0x22, 0, 0, 0, 0x33, 0, 0, 0,     // queue, kernel, event
      0x44, 0, 0, 0, 0x55, 0, 0, 0,                    // dimensions, flags
      1, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0,              // counts: 40 bytes so far, no padding
      8, 7, 6, 5, 4, 3, 2, 1,                          // shape
      0x0d, 0x0c, 0x0b, 0x0a, 7, 0, 0, 0, 8, 0, 0, 0,  // wait
      0, 0, 0, 0,                                      // its padding
      0xee, 0, 0, 0, 0, 0, 0, 0,                       // arguments, padding
  };
  const auto frame = encoded(command, 0xff);
  check(frame.size() == sizeof expected &&
            std::memcmp(frame.data(), expected, sizeof expected) == 0,
        "frame differs from the one written by hand", "launch");

  SnapshotCommand snapshot;
  snapshot.reply = {1, 2, 3, 4};
  snapshot.device = 5;
  const unsigned char with_reply[] = {
      40, 0, 0, 0, 1, 0, 0, 0,                          // size, opcode, flags
      3,  0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0,  // reply offset, capacity
      1,  0, 0, 0, 2, 0, 0, 0,                          // reply slot, arena
      5,  0, 0, 0, 0, 0, 0, 0,                          // device, padding
  };
  const auto reply_frame = encoded(snapshot, 0xff);
  check(reply_frame.size() == sizeof with_reply &&
            std::memcmp(reply_frame.data(), with_reply, sizeof with_reply) == 0,
        "frame differs from the one written by hand", "snapshot");

  check(is_asynchronous(Opcode::kLaunch) && !is_asynchronous(Opcode::kSnapshot), "asynchronous",
        "facts");
  check(cost_of(Opcode::kBuildProgram) == Cost::kCompiler, "cost", "facts");
  check(record_of(Opcode::kRelease) == Record::kDestroys, "record", "facts");
  check(std::strcmp(name_of(static_cast<Opcode>(65535)), "unknown") == 0, "name", "facts");
}

void test_traces() {
  for_each_command([&]<class Command>(Command) {
    const char* name = name_of(Command::kOpcode);
    RandomCommands commands(99);
    for (size_t capacity : {0, 1, 2, 5, 40, 200, 1024, 8192}) {
      const Command command = commands.make<Command>(400);
      std::vector<char> line(capacity + 8, '\x7f');
      const size_t length = format(command, line.data(), capacity);
      check(length < capacity || (length == 0 && capacity == 0), "length", name);
      if (capacity > 0) check(line[length] == 0, "no zero at the end", name);
      check(line[capacity] == '\x7f', "wrote past the capacity", name);
      for (size_t i = 0; i < length; ++i) {
        if (!check(line[i] >= ' ' && line[i] <= '~', "not printable", name)) break;
      }
      if (capacity < 200) continue;
      check(std::strncmp(line.data(), name, std::strlen(name)) == 0, "command not named", name);
    }
  });

  char line[kTraceLine];
  BuildProgramCommand build;
  const uint8_t options[] = {'-', 'D', '\n', '"', 0};
  build.program = 3;
  build.options = options;
  format(build, line, sizeof line);
  check(std::strstr(line, " program=3 ") != nullptr, line, "value");
  check(std::strstr(line, " options=\"-D\\x0a\\\"\\x00\"") != nullptr, line, "escapes");
  SetUserEventStatusCommand status;
  status.status = INT32_MIN;
  format(status, line, sizeof line);
  check(std::strstr(line, " status=-2147483648") != nullptr, line, "negative");
  format(status, line, 16);
  check(std::strcmp(line + 12, "...") == 0, line, "cut");

  alignas(8) unsigned char frame[16] = {16, 0, 0, 0, 0xff, 0xff};
  format_frame(frame, line, sizeof line);
  check(std::strncmp(line, "frame with an unknown opcode", 28) == 0, line, "unknown");
  frame[0] = 24;  // more than there is
  frame[4] = 60;  // sync
  frame[5] = 0;
  format_frame(frame, line, sizeof line);
  check(std::strncmp(line, "malformed frame", 15) == 0, line, "malformed");
}
