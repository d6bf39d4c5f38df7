// The guest side of the worker's fuzzer: connection memory, arenas and a real Connection over the
// stub driver, and the input's items carried out against them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "hostile_items.h"
#include "protocol/connection_layout.h"
#include "protocol/frame_builder.h"
#include "worker/connection.h"

namespace aliquot::fuzz {

class HostileGuest {
 public:
  explicit HostileGuest(uint8_t flags);
  /// Ends the connection and checks that nothing of it is left; aborts otherwise.
  ~HostileGuest();
  HostileGuest(const HostileGuest&) = delete;
  HostileGuest& operator=(const HostileGuest&) = delete;

  /// Carries out all items, or those up to the first violation.
  void run(protocol::ByteSource& source);

 private:
  void furnish();
  template <class Command>
  void send(const Command& command);
  void step(protocol::ByteSource& source, protocol::FrameBuilder& builder);
  void send_given(protocol::ByteSource& source, bool with_size);
  void send_frame(std::span<const unsigned char> frame);
  void put_into_ring(std::span<const unsigned char> bytes);
  void publish(uint64_t tail);
  void wait_until_read();
  void wait_for_reply(uint32_t slot);
  void add_arena(uint32_t id, size_t pages);
  void change_control(uint8_t which, uint64_t value);
  void change_arena(protocol::ByteSource& source);
  void end();

  static constexpr size_t kArenas = 4;

  const bool through_ring_;
  bool ended_ = false;  // by the connection, because the protocol was broken
  uint64_t tail_ = 0;
  std::array<unsigned char*, kArenas> arenas_{};  // the guest's own mappings
  std::array<int, kArenas> descriptors_{-1, -1, -1, -1};
  std::shared_ptr<std::atomic<int>> mapped_ = std::make_shared<std::atomic<int>>(0);
  std::weak_ptr<layout::ConnectionMemory> left_;  // what of the connection outlives it
  layout::ConnectionMemory* memory_;
  std::unique_ptr<worker::Connection> connection_;
  alignas(8) std::array<unsigned char, layout::kLargestFrame> frame_;
};

}  // namespace aliquot::fuzz
