// The worker's side of the guest driver's fuzzer. Answers come from the real worker over the stub
// driver; on their way they are spoilt as the input says. The guest driver's waits come here
// (futex_wait_word is wrapped by the linker), so worker and guest driver take turns in one thread
// and an input does the same each time, as far as the driver's threads allow.
#pragma once

#include <memory>

#include "device_host_double.h"
#include "protocol/frame_builder.h"
#include "worker/connection.h"

namespace aliquot::fuzz {

class HostileWorker {
 public:
  explicit HostileWorker(DeviceHostDouble& host) : host_(host) {}

  /// A new guest connection: its ring starts from the beginning.
  void attach();
  /// Ends the worker's connection and begins another on the same memory. No object of the guest
  /// driver may be alive, but its device.
  void start_over();
  /// Ends the worker's threads. No object of the guest driver may be alive, but its device.
  void end_threads();

  /// From now on the input decides what is spoilt; nullptr: everything is answered well.
  void follow(protocol::ByteSource* source);
  /// Carries out all commands in the ring.
  void serve();
  /// The guest driver waits for this word, which held `expected`.
  void wait(const void* word, uint32_t expected);
  /// Makes all that may still be waited for come to an end, and has the guest driver look at it.
  void conclude_all();
  /// Writes something where only the worker should.
  void scribble();
  /// The connection was closed or spoilt beyond use; the next input needs another.
  bool spent() const { return spent_; }

 private:
  bool spoil() const { return source_ != nullptr && !source_->empty(); }
  void note_reply(const opencl::ReplyTarget& reply);
  void spoil_reply();
  void satisfy(const void* word);
  void add_arena(const SharedArena& arena);
  void begin();

  // In an input: above the first number waits are answered well, above the second at once.
  static constexpr int kMostHostileWaits = 40;
  static constexpr int kMostWaits = 120;
  // In the life of the fuzzer: each leaves mappings behind, of which a process may have so many.
  static constexpr uint32_t kMostConnections = 8000;
  static constexpr uint64_t kFarthestLeap = uint64_t{1} << 20;

  DeviceHostDouble& host_;
  layout::ConnectionMemory* memory_ = nullptr;
  std::unique_ptr<worker::Connection> connection_;
  worker::Builder::Count builds_left_behind_;
  protocol::ByteSource* source_ = nullptr;
  int waits_ = 0;
  bool spent_ = false;
  uint64_t leap_ = 1;
  uint64_t head_ = 0;
  uint64_t last_sync_[layout::kQueueSlots] = {};
  alignas(8) unsigned char frame_[layout::kLargestFrame];

  friend struct ReplyFinder;
  bool has_reply_ = false;
  opencl::ReplyTarget reply_;
};

}  // namespace aliquot::fuzz
