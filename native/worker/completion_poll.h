// What the guest process waits for at this moment, looked at by the decode thread while it spins for
// the next command anyway. The driver would say so as well, but by a callback on a thread that must
// wake up first, which takes longer than a short kernel runs.
#pragma once

#include <memory>

#include "worker/driver.h"

namespace aliquot::worker {

class EventWatch;
class QueueProgress;

/// Of the decode thread alone. Only a shortcut: the driver's callback still comes, and finds that
/// all was published.
class CompletionPoll {
 public:
  explicit CompletionPoll(const cl_icd_dispatch& calls) : calls_(calls) {}
  ~CompletionPoll() { forget(); }
  CompletionPoll(const CompletionPoll&) = delete;
  CompletionPoll& operator=(const CompletionPoll&) = delete;

  /// The guest process waits until the queue has come to `sequence`, with command `number`, whose
  /// event this is. Takes the place of what was awaited before.
  void expect(cl_event event, std::shared_ptr<QueueProgress> progress, uint64_t number,
              uint64_t sequence);
  /// The guest process waits for this event.
  void expect(cl_event event, std::shared_ptr<EventWatch> watch);
  /// True when what is awaited has come just now; it was published.
  bool look();
  /// Leaves the rest to the driver's callback; nothing of the driver is held any longer.
  void forget();

 private:
  void hold(cl_event event);

  const cl_icd_dispatch& calls_;
  cl_event event_ = nullptr;
  std::shared_ptr<QueueProgress> progress_;
  std::shared_ptr<EventWatch> watch_;
  uint64_t number_ = 0;
  uint64_t sequence_ = 0;
};

}  // namespace aliquot::worker
