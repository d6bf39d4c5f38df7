// A device, its workers and their programs, as far as the arbiter has to do with them, on a clock
// that goes from event to event. The arbiter is the real one. So hours of a device pass in seconds,
// and the same seed gives the same history.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <queue>
#include <random>
#include <vector>

#include "device_host/arbiter/arbiter.h"

namespace aliquot::arbiter {

constexpr uint64_t kMicrosecond = 1'000;
constexpr uint64_t kMillisecond = 1'000'000;
constexpr uint64_t kSecond = 1'000'000'000;

/// What the programs on a vGPU do.
struct Load {
  enum class Kind {
    kSaturating,   // there is always another kernel
    kSynchronous,  // each process waits for its kernel, then `gap_ns` later has another
    kPeriodic,     // `count` kernels every `gap_ns`
  };
  Kind kind = Kind::kSaturating;
  uint64_t shortest_ns = kMillisecond, longest_ns = kMillisecond;  // kernels, evenly distributed
  uint64_t gap_ns = 0;
  uint32_t count = 1;    // of processes, or of kernels at once
  uint64_t rare_ns = 0;  // one in `one_in` kernels takes so long, by chance
  uint32_t one_in = 0;
};

/// What handing the device over costs, and how workers use their turns.
struct Costs {
  uint64_t grant_ns = 60 * kMicrosecond;  // from the arbiter's word to the worker's first kernel
  uint64_t give_back_ns = 60 * kMicrosecond;  // from the last kernel's end to the arbiter's knowing
  uint64_t window_ns = kMillisecond;          // so much work lies submitted at once
  uint64_t patience_ns = 300 * kMicrosecond;  // so long a worker keeps a turn that it does not use
};

class Simulator : private Doer {
 public:
  explicit Simulator(uint64_t seed = 1, const Costs& costs = {}) : costs_(costs), random_(seed) {}

  void add(uint64_t vgpu, const Shares& shares, const Load& load);
  void remove(uint64_t vgpu);
  /// Its programs have no more work, until they start again.
  void stop(uint64_t vgpu);
  void start(uint64_t vgpu);
  /// From its next start on.
  void set_load(uint64_t vgpu, const Load& load) { worker(vgpu).load = load; }
  /// The worker dies with all that it had to do. Another takes over at once.
  void lose_worker(uint64_t vgpu);
  /// Whatever else is to be said to the arbiter.
  void tell(const std::function<void(Arbiter&, uint64_t now)>& what);

  void run_until(uint64_t end);
  void run_for(uint64_t ns) { run_until(now_ + ns); }

  uint64_t now() const { return now_; }
  const Arbiter& arbiter() const { return arbiter_; }
  /// Device time in which the vGPU's kernels ran, between two moments that are past (whole tenths
  /// of milliseconds).
  uint64_t work(uint64_t vgpu, uint64_t from, uint64_t until) const;
  /// From submission to completion, of every kernel that ended since the last call.
  std::vector<uint64_t> latencies(uint64_t vgpu);

  /// Called after everything that happens.
  std::function<void()> watch;
  uint64_t events = 0;
  uint64_t false_grants = 0;  // to a vGPU that is not there, that wants nothing, or beside another

 private:
  struct Kernel {
    uint64_t submitted_ns, length_ns;
    uint64_t load;  // of which load
    uint64_t end_ns = 0;
  };
  struct Worker {
    Load load;
    uint64_t life = 0, load_number = 0;  // events of an earlier worker or load are void
    bool wants = false, has_turn = false, is_idle = false;
    uint64_t deadline_ns = 0, busy_until_ns = 0, idle_since_ns = 0;
    bool started = false;
    std::deque<Kernel> waiting, under_way;
    std::vector<uint32_t> work_ns;  // in each tenth of a millisecond
    std::vector<uint64_t> latencies;
  };

  void grant(uint64_t vgpu, uint64_t deadline_ns) override;
  void recall(uint64_t vgpu, uint64_t deadline_ns) override;

  Worker& worker(uint64_t vgpu) { return workers_.at(vgpu); }
  void at(uint64_t when, std::function<void()> what);
  void at_of(uint64_t vgpu, uint64_t when, std::function<void(Worker&)> what);
  void submit(uint64_t vgpu, Worker& worker);
  void begin_load(uint64_t vgpu, Worker& worker);
  void periodic(uint64_t vgpu, Worker& worker, uint64_t load);
  void pump(uint64_t vgpu, Worker& worker);
  void ended(uint64_t vgpu, Worker& worker);
  void give_back(uint64_t vgpu, Worker& worker, bool more);
  void told();  // after every call of the arbiter

  struct Event {
    uint64_t when, number;
    std::function<void()> what;
    bool operator<(const Event& other) const {
      return when != other.when ? when > other.when : number > other.number;
    }
  };

  Costs costs_;
  std::mt19937_64 random_;
  Arbiter arbiter_{*this};
  std::map<uint64_t, Worker> workers_;
  std::priority_queue<Event> events_;
  uint64_t now_ = 0, number_ = 0, lives_ = 0, next_look_ = kNoTime;
  bool contended_ = false;
};

}  // namespace aliquot::arbiter
