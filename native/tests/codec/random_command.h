// Commands with random contents, and their comparison field by field.
#pragma once

#include <cstring>
#include <deque>
#include <random>
#include <span>
#include <type_traits>
#include <vector>

#include "generated/opencl_codec.h"
#include "generated/opencl_fields.h"

// A frame's memory, 8-aligned as the codec wants it.
class FrameMemory {
 public:
  explicit FrameMemory(size_t size) : words_((size + 7) / 8 + 2) {}
  unsigned char* data() { return reinterpret_cast<unsigned char*>(words_.data()); }

 private:
  std::vector<uint64_t> words_;
};

// Fills commands with random values; the memory of their arrays lives as long as this.
class RandomCommands {
 public:
  explicit RandomCommands(uint32_t seed) : random_(seed) {}

  // `most`: the longest array to make, where the table allows it.
  template <class Command>
  Command make(size_t most) {
    Command command;
    aliquot::opencl::for_each_field(
        command, [&](const aliquot::opencl::FieldInfo& info, auto& member) {
          fill(info, most, member);
        });
    return command;
  }

  uint64_t number() { return random_(); }

 private:
  template <class Member>
  void fill(const aliquot::opencl::FieldInfo& info, size_t most, Member& member) {
    if constexpr (std::is_integral_v<Member>) {
      member = static_cast<Member>(random_());
    } else {
      using Element = std::remove_const_t<typename Member::element_type>;
      const size_t limit = info.max < most ? info.max : most;
      const size_t count = random_() % (limit + 1);
      auto& memory = arrays_.emplace_back(count + 1);
      auto* elements = reinterpret_cast<Element*>(memory.data());
      for (size_t i = 0; i < count; ++i) elements[i] = static_cast<Element>(random_());
      member = {elements, count};
    }
  }

  std::mt19937_64 random_;
  std::deque<std::vector<uint64_t>> arrays_;
};

// All values of a command, one after another with their counts: equal exactly for equal commands.
template <class Command>
std::vector<unsigned char> contents(const Command& command) {
  std::vector<unsigned char> bytes;
  const auto append = [&](const void* data, size_t size) {
    const auto* first = static_cast<const unsigned char*>(data);
    bytes.insert(bytes.end(), first, first + size);
  };
  aliquot::opencl::for_each_field(command,
                                  [&](const aliquot::opencl::FieldInfo&, const auto& member) {
    if constexpr (std::is_integral_v<std::remove_cvref_t<decltype(member)>>) {
      append(&member, sizeof member);
    } else {
      const size_t count = member.size();
      append(&count, sizeof count);
      if (count > 0) append(member.data(), member.size_bytes());
    }
  });
  return bytes;
}
