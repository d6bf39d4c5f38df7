// One program in the guest VM: its socket, the memory that it shares with this process, and the thread
// that reads its ring. To its guest driver this is device host and worker.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <thread>

#include "protocol/records.h"
#include "protocol/socket.h"
#include "protocol/vgpu_page.h"
#include "vm_stream/guest/frame_notes.h"
#include "vm_stream/guest/stream_writer.h"
#include "vm_stream/shared_mapping.h"

namespace aliquot::vm_stream {

/// Between the monotonic clocks of host and guest VM.
class ClockDifference {
 public:
  /// The host's clock said so, some moments before ours says `now_ns`.
  void learn(uint64_t host_ns, uint64_t now_ns);
  /// A time of the host's by our clock; 0 stays 0.
  uint64_t ours(uint64_t host_ns) const;

 private:
  std::atomic<int64_t> ahead_ns_{0};
  std::atomic<bool> known_{false};
};

class Program {
 public:
  enum class State {
    kGreeting,  // has said nothing
    kWaiting,   // has greeted; the stream isn't there
    kOpening,   // the host was asked
    kOpen,
    kGone,
  };

  Program(uint32_t channel, Descriptor socket, StreamWriter& writer, int poke);
  ~Program();

  State state() const { return state_; }
  int socket() const { return socket_.get(); }
  uint64_t since_ns() const { return since_ns_; }

  // ---- the main thread
  /// Reads what the guest driver asks for.
  void look();
  /// The stream is there: asks the host for a connection.
  void open();
  /// A message of the host's for this channel. False: it can't be.
  bool take(const Header& header, std::span<const unsigned char> payload,
            const ClockDifference& clock);
  /// kBytes, the same.
  bool put_bytes(const Bulk& bulk);
  /// The reading thread has found the ring broken, or the stream.
  bool ring_is_broken() const { return ring_broken_; }
  // Credit: so that the quota is exact, what other programs have left over goes back to the host before it
  // is asked for more.
  bool wants_credit() const { return credit_wanted_ != 0; }
  bool credit_may_be_asked() const { return credit_may_be_asked_; }
  void let_credit_be_asked() { credit_may_be_asked_ = true; }
  void ask_credit();
  /// Has the reading thread give back what lies unused, behind the frames that were sent before it was left.
  void give_credit_back();
  bool gives_credit_back() const { return state_ == State::kOpen && sweep_wanted_; }
  /// The same for what has lain there since this was called last.
  void give_idle_credit_back();
  void tell_times();
  /// Says why it can't have a vGPU, and ends.
  void refuse(records::ErrorCode code, const char* text);
  /// Ends it: the guest driver finds its vGPU lost. The host is told where it knows of it.
  void end();

 private:
  void on_record(const records::Record& record);
  void on_request(const records::Record& record);
  void on_credit(uint64_t bytes);
  void answer_credit(uint64_t bytes);
  void answer_arena(uint32_t number, uint64_t bytes);
  bool make_memory(const records::GuestWelcome& welcome);
  layout::ConnectionMemory& memory() { return *memory_.as<layout::ConnectionMemory>(); }
  std::shared_ptr<SharedMapping> arena(uint32_t number);

  // program_tell.cpp: what the host says, into the memory
  bool put_reply(uint32_t slot, std::span<const unsigned char> payload);
  bool put_queues(std::span<const unsigned char> payload, const ClockDifference& clock);
  bool put_events(std::span<const unsigned char> payload, const ClockDifference& clock);
  bool put_notices(bool lost, std::span<const unsigned char> payload);
  void put_print(uint32_t lost, std::span<const unsigned char> payload);
  bool put_space(std::span<const unsigned char> payload);
  bool put_page(std::span<const unsigned char> payload, const ClockDifference& clock);

  // program_ring.cpp: the reading thread
  void read_ring();
  bool may_read_to(uint64_t tail) const;
  bool read_frames(uint64_t tail);
  bool send_fill(const ArenaRange& range);
  bool send_batch();
  bool sweep_credit();
  void sleep_for_frames();
  void poke();

  const uint32_t channel_;
  StreamWriter& writer_;
  const int poke_;  // eventfd that wakes the main thread
  Descriptor socket_;
  State state_ = State::kGreeting;
  uint64_t since_ns_ = 0;
  uint32_t hello_sequence_ = 0;
  uint32_t request_ = 0;  // sequence of the one that is open; 0: none
  bool asks_arena_ = false;
  uint64_t credit_wanted_ = 0;  // 0: none, or it is asked for
  uint64_t credit_asked_ = 0;
  bool credit_may_be_asked_ = false;  // once the other programs have given back what they don't use
  int credit_refusals_ = 0;

  Descriptor memory_file_, account_file_, page_file_;
  SharedMapping memory_, account_, page_;
  std::mutex arenas_mutex_;
  std::map<uint32_t, std::shared_ptr<SharedMapping>> arenas_;
  uint64_t idle_credit_ = 0;
  uint64_t told_times_[layout::kSpentKinds + 3] = {};
  uint64_t print_tail_ = 0, notify_tail_ = 0;

  std::thread reader_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> sweep_wanted_{false};
  std::atomic<bool> ring_broken_{false};
  std::atomic<uint64_t> host_head_{0};
  uint64_t head_ = 0;  // of the ring: read up to here
  FrameNotes frame_notes_;
  std::vector<Note> notes_;
  std::vector<unsigned char> frames_;
  alignas(64) unsigned char frame_[layout::kLargestFrame];
};

}  // namespace aliquot::vm_stream
