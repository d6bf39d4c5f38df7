// Makes the fuzzers' seeds from a real program: loaded into a guest process with LD_PRELOAD, it
// looks at the connection memory when the process ends, and writes
//
//   $ALIQUOT_SEED_FOLDER/worker/...   the commands that the program sent (hostile_items.h)
//   $ALIQUOT_SEED_FOLDER/guest/...    the answers that it got, for the two parsers
//
// Compiled by tests/security/fuzz_seeds.py with whatever compiler is there, without sanitizers.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "generated/opencl_dispatch.h"
#include "hostile_items.h"

namespace aliquot::fuzz {

namespace {

using Bytes = std::vector<unsigned char>;

constexpr size_t kMostSeedBytes = 4000;
// Stands in for every program of the trace; the stub driver reads no more than this.
constexpr char kSource[] = "kernel void one(global int* a) {}\n";

/// Turns commands into items. What names a program's source or a kernel is made to fit the above.
struct ItemWriter {
  Bytes out;

  void put16(size_t value) {
    out.push_back(static_cast<unsigned char>(value));
    out.push_back(static_cast<unsigned char>(value >> 8));
  }

  template <class Command>
  void put(const Command& command) {
    const size_t size = encoded_size(command);
    auto words = std::make_unique<uint64_t[]>(size / 8 + 1);
    auto* frame = reinterpret_cast<unsigned char*>(words.get());
    encode(command, frame);
    out.push_back(static_cast<unsigned char>(Item::kFrame));
    put16(size);
    out.insert(out.end(), frame, frame + size);
  }

  template <class Command>
  void on(const Command& command) {
    Command changed = command;
    if constexpr (std::is_same_v<Command, opencl::CreateProgramWithSourceCommand>) {
      changed.arena = 1;
      changed.offset = 0;
      changed.size = sizeof kSource - 1;
    }
    if constexpr (std::is_same_v<Command, opencl::CreateKernelCommand>) {
      changed.name = {reinterpret_cast<const uint8_t*>("one"), 3};
    }
    put(changed);
  }
};

void write_file(const std::string& path, unsigned char first, const void* data, size_t bytes) {
  FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return;
  std::fputc(first, file);
  std::fwrite(data, 1, bytes, file);
  std::fclose(file);
}

void write_commands(const layout::ConnectionMemory& memory, const std::string& base) {
  const uint64_t tail = memory.control.command_tail.load();
  if (tail > layout::kCommandRingBytes) return;  // the beginning is overwritten
  ItemWriter writer;
  for (const int byte : {static_cast<int>(Item::kArena), 1, 0, 0, int{sizeof kSource - 1}}) {
    writer.out.push_back(static_cast<unsigned char>(byte));
  }
  for (const char byte : kSource) writer.out.push_back(static_cast<unsigned char>(byte));
  writer.out.pop_back();  // the terminating zero
  for (uint64_t at = 0; at < tail;) {
    protocol::FrameHeader header;
    std::memcpy(&header, memory.commands + at, sizeof header);
    if (header.size < sizeof header || header.size > tail - at) return;
    const size_t before = writer.out.size();
    opencl::dispatch(writer, {memory.commands + at, header.size});
    at += header.size;
    if (writer.out.size() <= kMostSeedBytes) continue;
    writer.out.resize(before);
    break;
  }
  for (const uint8_t flags : {uint8_t{0}, uint8_t{kThroughRing}}) {
    write_file(base + (flags != 0 ? "-ring" : ""), flags, writer.out.data(), writer.out.size());
  }
}

void write_answers(const layout::ConnectionMemory& memory, const std::string& base) {
  for (size_t i = 0; i < layout::kReplySlots; ++i) {
    const layout::ReplySlot& slot = memory.replies[i];
    const size_t bytes = std::min<size_t>(slot.inline_bytes, kMostSeedBytes);
    if (bytes == 0) continue;
    for (const unsigned char parser : {0, 1}) {
      write_file(base + "-" + std::to_string(i) + "-" + std::to_string(parser), parser, slot.data,
                 bytes);
    }
  }
}

const layout::ConnectionMemory* find_memory() {
  FILE* maps = std::fopen("/proc/self/maps", "r");
  if (maps == nullptr) return nullptr;
  const layout::ConnectionMemory* found = nullptr;
  char line[1024];
  while (std::fgets(line, sizeof line, maps) != nullptr) {
    unsigned long begin = 0;
    unsigned long end = 0;
    if (std::sscanf(line, "%lx-%lx", &begin, &end) != 2 || std::strstr(line, "/memfd:") == nullptr)
      continue;
    if (end - begin == layout::kConnectionBytes)
      found = reinterpret_cast<const layout::ConnectionMemory*>(begin);
  }
  std::fclose(maps);
  return found;
}

__attribute__((destructor)) void write_seeds() {
  const char* folder = std::getenv("ALIQUOT_SEED_FOLDER");
  const layout::ConnectionMemory* memory = find_memory();
  if (folder == nullptr || memory == nullptr) return;
  const std::string name = std::to_string(::getpid());
  write_commands(*memory, std::string(folder) + "/worker/" + name);
  write_answers(*memory, std::string(folder) + "/guest/" + name);
}

}  // namespace

}  // namespace aliquot::fuzz
