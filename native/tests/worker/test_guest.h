// A guest process for tests: writes commands into the ring and reads what the worker publishes.
// Trusts nothing to the guest driver, which has its own tests.
#pragma once

#include <CL/cl.h>

#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "generated/opencl_codec.h"
#include "test_host.h"

namespace aliquot::test {

struct Reply {
  cl_int status = 1;  // positive: nothing came
  std::vector<unsigned char> bytes;
  uint32_t total = 0;
  template <class Number>
  Number read(size_t offset) const {
    Number number{};
    if (offset + sizeof number <= bytes.size()) {
      std::memcpy(&number, bytes.data() + offset, sizeof number);
    }
    return number;
  }
};

/// The bytes of a launch's arguments.
class Arguments {
 public:
  template <class Value>
  Arguments& value(uint32_t index, const Value& value) {
    add(index, 0, sizeof value, 0);
    const auto* bytes = reinterpret_cast<const uint8_t*>(&value);
    bytes_.insert(bytes_.end(), bytes, bytes + sizeof value);
    bytes_.resize((bytes_.size() + 7) & ~size_t{7});
    return *this;
  }
  Arguments& buffer(uint32_t index, uint32_t id) { return add(index, 1, 8, id); }
  Arguments& local(uint32_t index, uint32_t bytes) { return add(index, 2, bytes, 0); }
  Arguments& add(uint32_t index, uint32_t argument_class, uint32_t bytes, uint32_t buffer);
  std::span<const uint8_t> bytes() const { return bytes_; }

 private:
  std::vector<uint8_t> bytes_;
};

class TestGuest {
 public:
  static constexpr size_t kStagingBytes = 8 << 20;

  TestGuest(TestHost& host, uint32_t connection);

  layout::ConnectionMemory& memory() { return *memory_; }
  /// A second arena beside the staging arena, which is number 1.
  SharedPages& add_arena(uint32_t id, size_t bytes);
  unsigned char* staging() { return staging_->data(); }

  /// Puts a command into the ring; waits while it is full.
  template <class Command>
  void send(const Command& command) {
    const size_t size = encoded_size(command);
    frame_.resize(size / 8);
    encode(command, reinterpret_cast<unsigned char*>(frame_.data()));
    send_bytes(reinterpret_cast<const unsigned char*>(frame_.data()), size);
  }
  void send_bytes(const unsigned char* bytes, size_t size);
  /// Sends a command and waits for its answer; longer answers come through the staging arena.
  template <class Command>
  Reply call(Command command) {
    begin_call(command.reply);
    send(command);
    return end_call();
  }
  /// Publishes what was put into the ring. On by itself, off for bursts.
  void publish();
  /// Publishes a tail of the test's choice.
  void publish_tail(uint64_t tail);
  void set_burst(bool burst) { burst_ = burst; }

  /// Waits until all that was sent to the queue has ended. False: it didn't within the time.
  bool finish(uint32_t queue, int milliseconds = 20'000);
  uint64_t next_sequence() { return ++sequence_; }
  bool await_sequence(uint32_t queue, uint64_t sequence, int milliseconds = 20'000);
  /// Watches an event and waits for its final status; positive: none came.
  cl_int wait_event(uint32_t event, int milliseconds = 20'000);
  void watch(uint32_t event, uint32_t notify = 0, uint32_t levels = 0);
  cl_int event_status(uint32_t event) { return memory_->events[event - 1].status.load(); }
  /// Takes the queue's latched error.
  cl_int take_error(uint32_t queue) { return memory_->queues[queue - 1].error.exchange(0); }
  std::string take_print();
  /// Next notification: event id low, status high. False: none within the time.
  bool take_notification(uint64_t& entry, int milliseconds = 10'000);

  // Common sequences; ids are the test's.
  void open(uint32_t context, uint32_t queue, uint64_t properties = 0);
  cl_int build(uint32_t program, uint32_t context, const std::string& source,
               const std::string& options = "");
  Reply kernel(uint32_t id, uint32_t program, const std::string& name);
  void buffer(uint32_t id, uint32_t context, uint64_t size, uint32_t arena = 0,
              uint64_t offset = 0);
  void write(uint32_t queue, uint32_t buffer, const void* data, size_t size, uint64_t offset = 0);
  bool read(uint32_t queue, uint32_t buffer, void* data, size_t size, uint64_t offset = 0);
  void launch(uint32_t queue, uint32_t kernel, size_t global, const Arguments& arguments,
              uint32_t event = 0, std::span<const uint32_t> wait = {});
  void release(opencl::ObjectKind kind, uint32_t id);
  /// Tells the worker that this guest process is gone; false when it doesn't answer.
  bool disconnect(int milliseconds = 20'000);

 private:
  void begin_call(opencl::ReplyTarget& target);
  Reply end_call();

  TestHost& host_;
  const uint32_t connection_;
  SharedPages pages_;
  layout::ConnectionMemory* memory_;
  std::unique_ptr<SharedPages> staging_;
  std::vector<std::unique_ptr<SharedPages>> arenas_;
  std::vector<uint64_t> frame_;
  uint64_t tail_ = 0;
  uint64_t sequence_ = 0;
  uint64_t print_head_ = 0;
  uint64_t notify_head_ = 0;
  bool burst_ = false;
};

}  // namespace aliquot::test
