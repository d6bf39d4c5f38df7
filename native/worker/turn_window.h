// The device commands that were submitted and have not ended, by their expected time. Everything
// here is guarded by the turn gate's mutex; nothing here waits.
#pragma once

#include <CL/cl_icd.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "worker/unsplit_kernels.h"
#include "worker/work_cost.h"

namespace aliquot::worker {

class TurnWindow {
 public:
  /// One command with an event, and the launches without that came right before it in its queue.
  struct Flight {
    cl_event event = nullptr;
    Work work;
    uint64_t expected_ns = 0;  // with the hidden ones
    uint32_t kernels = 0;
  };
  /// The commands of one queue.
  struct Lane {
    cl_command_queue queue = nullptr;
    bool in_order = true;
    std::deque<Flight> flights;
    uint64_t expected_ns = 0;  // of all flights and of what is hidden
    // Launches that no event covers yet.
    uint64_t hidden_ns = 0;
    uint32_t hidden = 0;
    Work last_hidden;
    uint64_t last_end_ns = 0;  // when the last one that was measured ended, by the device's clock
    bool flushed = true;
    bool held_up = false;  // something in it has waited for a user event; it may do so again
    bool closed = false;
    std::atomic<uint64_t> took_ns{0};  // what has ended; for anybody to read
  };
  /// What has ended since it was taken last.
  struct Tally {
    uint64_t busy_ns = 0;
    uint64_t kernels = 0;
    // Of what was measured, by the device's clock; 0: nothing was.
    uint64_t first_start_ns = 0;
    uint64_t last_end_ns = 0;
    bool unmeasured = false;  // of some it can't be told when they began, or ended
  };

  /// What was copied since the beginning, and how long it took.
  struct Copies {
    uint64_t bytes = 0;
    uint64_t ns = 0;
  };

  explicit TurnWindow(const cl_icd_dispatch& calls) : calls_(calls) {}
  ~TurnWindow();

  void open(const std::shared_ptr<Lane>& lane) { lanes_.push_back(lane); }
  /// The queue goes: all in it has ended.
  void close(const std::shared_ptr<Lane>& lane);
  /// Nothing where the queue is gone: what a user event sets off there has failed before.
  void add(Lane& lane, cl_event event, const Work& work);
  /// A launch without an event.
  void hide(Lane& lane, const Work& work);
  /// `event` comes after all that is hidden in the queue.
  void cover(Lane& lane, cl_event event);
  /// Puts markers behind launches that no event covers.
  void cover_all();
  /// Lets go of what has ended, and learns how long it took.
  void retire();
  bool empty() const { return expected_ns_ == 0; }
  uint64_t expected_ns() const { return expected_ns_; }
  /// The one after whose end no more than `most_ns` are likely to be left; null: none has an event.
  Flight* next_to_end(uint64_t most_ns);
  /// The in-order queue in which all lies that has not ended; null: there are several, or it may be
  /// held up.
  Lane* only_lane();
  /// Queues that may not have begun with what they were given. The caller releases them.
  std::vector<cl_command_queue> take_unflushed();
  Tally take_tally();
  const Copies& copies() const { return copies_; }
  UnsplitKernels& unsplit_kernels() { return unsplit_kernels_; }

 private:
  bool ended(cl_event event) const;
  bool time_of(cl_event event, cl_profiling_info what, uint64_t& time) const;
  void retire(Lane& lane);
  void measure(Lane& lane, std::deque<Flight>::iterator first, std::deque<Flight>::iterator last);
  /// It took `ns`, as far as that can be told.
  void count(const Flight& flight, uint64_t ns);
  void drop(Lane& lane, Flight& flight);
  void note_busy(Lane& lane, uint64_t ns);

  const cl_icd_dispatch& calls_;
  std::vector<std::shared_ptr<Lane>> lanes_;
  uint64_t expected_ns_ = 0;
  Tally tally_;
  Copies copies_;
  UnsplitKernels unsplit_kernels_;
};

}  // namespace aliquot::worker
