// The format of the worker fuzzer's inputs: one byte of flags and then items, each of one byte that
// says what, then what it needs. trace_seeds.cpp writes it from recorded programs.
#pragma once

#include <cstdint>

namespace aliquot::fuzz {

enum InputFlag : uint8_t {
  kThroughRing = 1u << 0,  // frames go through the ring to a decode thread, else to it directly
  kFurnished = 1u << 1,    // the common objects exist before the first item
};

enum class Item : uint8_t {
  kBuilt,      // a frame made by the grammar from the bytes that follow
  kFrame,      // u16 length and so many bytes; the size in its header is set right
  kBytes,      // u16 length and so many bytes, as they are
  kArena,      // u8 arena, u16 offset, u8 length and so many bytes: what an arena holds
  kControl,    // u8 which word of the control page, u64 value
  kReply,      // u8 slot, u32 state: what a reply slot holds
  kAddArena,   // u8 id, u8 pages
  kWait,       // until the worker has read all, or a little while
  kLook,       // u8: the watchdog looks, so many seconds later
  kItemCount,
};

}  // namespace aliquot::fuzz
