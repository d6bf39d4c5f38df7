#include "simulator.h"

#include <algorithm>
#include <utility>

namespace aliquot::arbiter {
namespace {

constexpr uint64_t kSlot = 100 * kMicrosecond;

}  // namespace

void Simulator::add(uint64_t vgpu, const Shares& shares, const Load& load) {
  Worker& worker = workers_[vgpu];
  worker.load = load;
  tell([&](Arbiter& arbiter, uint64_t now) { arbiter.add(vgpu, shares, now); });
  start(vgpu);
}

void Simulator::remove(uint64_t vgpu) {
  workers_.erase(vgpu);
  tell([&](Arbiter& arbiter, uint64_t now) { arbiter.remove(vgpu, now); });
}

void Simulator::start(uint64_t vgpu) {
  Worker& one = worker(vgpu);
  if (std::exchange(one.started, true)) return;
  if (one.life == 0) one.life = ++lives_;
  ++one.load_number;
  begin_load(vgpu, one);
  pump(vgpu, one);
}

void Simulator::stop(uint64_t vgpu) {
  Worker& one = worker(vgpu);
  one.started = false;
  one.waiting.clear();
  pump(vgpu, one);
}

void Simulator::lose_worker(uint64_t vgpu) {
  Worker& one = worker(vgpu);
  one.life = ++lives_;
  one.wants = one.has_turn = one.is_idle = false;
  one.busy_until_ns = 0;
  one.waiting.clear();
  one.under_way.clear();
  tell([&](Arbiter& arbiter, uint64_t now) { arbiter.lost_worker(vgpu, now); });
  if (std::exchange(one.started, false)) start(vgpu);
}

void Simulator::tell(const std::function<void(Arbiter&, uint64_t)>& what) {
  what(arbiter_, now_);
  told();
}

void Simulator::run_until(uint64_t end) {
  while (!events_.empty() && events_.top().when <= end) {
    const Event event = events_.top();
    events_.pop();
    now_ = event.when;
    ++events;
    event.what();
    if (watch) watch();
  }
  now_ = end;
}

uint64_t Simulator::work(uint64_t vgpu, uint64_t from, uint64_t until) const {
  const auto& slots = workers_.at(vgpu).work_ns;
  uint64_t sum = 0;
  for (uint64_t slot = from / kSlot; slot < std::min(until / kSlot, slots.size()); ++slot)
    sum += slots[slot];
  return sum;
}

std::vector<uint64_t> Simulator::latencies(uint64_t vgpu) {
  return std::exchange(worker(vgpu).latencies, {});
}

void Simulator::grant(uint64_t vgpu, uint64_t deadline_ns) {
  for (const auto& [other, worker] : workers_)
    if (other != vgpu && worker.has_turn) ++false_grants;
  const auto found = workers_.find(vgpu);
  if (found == workers_.end() || !found->second.wants) {
    ++false_grants;
    return;
  }
  found->second.deadline_ns = deadline_ns;
  at_of(vgpu, now_ + costs_.grant_ns, [this, vgpu](Worker& worker) {
    worker.has_turn = true;
    worker.wants = false;
    pump(vgpu, worker);
  });
}

void Simulator::recall(uint64_t vgpu, uint64_t deadline_ns) {
  at_of(vgpu, now_ + costs_.grant_ns, [this, vgpu, deadline_ns](Worker& worker) {
    worker.deadline_ns = std::min(worker.deadline_ns, deadline_ns);
    pump(vgpu, worker);
  });
}

void Simulator::at(uint64_t when, std::function<void()> what) {
  events_.push({when, ++number_, std::move(what)});
}

// Of a worker: void when that is another by then.
void Simulator::at_of(uint64_t vgpu, uint64_t when, std::function<void(Worker&)> what) {
  at(when, [this, vgpu, life = worker(vgpu).life, what = std::move(what)] {
    const auto found = workers_.find(vgpu);
    if (found != workers_.end() && found->second.life == life) what(found->second);
  });
}

void Simulator::submit(uint64_t vgpu, Worker& worker) {
  const auto& load = worker.load;
  uint64_t length = load.shortest_ns + random_() % (load.longest_ns - load.shortest_ns + 1);
  if (load.one_in > 0 && random_() % load.one_in == 0) length = load.rare_ns;
  worker.waiting.push_back({now_, length, worker.load_number});
  if (worker.has_turn || std::exchange(worker.wants, true)) return;
  at_of(vgpu, now_ + costs_.give_back_ns, [this, vgpu](Worker&) {
    arbiter_.wants(vgpu, now_);
    told();
  });
}

void Simulator::begin_load(uint64_t vgpu, Worker& worker) {
  switch (worker.load.kind) {
    case Load::Kind::kSaturating:
      return submit(vgpu, worker);
    case Load::Kind::kSynchronous:
      for (uint32_t i = 0; i < worker.load.count; ++i) submit(vgpu, worker);
      return;
    case Load::Kind::kPeriodic:
      return periodic(vgpu, worker, worker.load_number);
  }
}

void Simulator::periodic(uint64_t vgpu, Worker& worker, uint64_t load) {
  if (!worker.started || worker.load_number != load) return;
  for (uint32_t i = 0; i < worker.load.count; ++i) submit(vgpu, worker);
  pump(vgpu, worker);
  at_of(vgpu, now_ + worker.load.gap_ns,
        [this, vgpu, load](Worker& worker) { periodic(vgpu, worker, load); });
}

// Submits what the turn lets it, or gives the turn back.
void Simulator::pump(uint64_t vgpu, Worker& worker) {
  if (!worker.has_turn) return;
  for (;;) {
    const bool nothing_under_way = worker.under_way.empty();
    const uint64_t free_at = std::max(now_, worker.busy_until_ns);
    if (nothing_under_way ? now_ >= worker.deadline_ns
                          : free_at > worker.deadline_ns || free_at - now_ >= costs_.window_ns)
      break;
    if (worker.waiting.empty()) {
      if (worker.load.kind != Load::Kind::kSaturating || !worker.started) break;
      submit(vgpu, worker);
    }
    Kernel kernel = worker.waiting.front();
    worker.waiting.pop_front();
    worker.is_idle = false;
    kernel.end_ns = worker.busy_until_ns = free_at + kernel.length_ns;
    worker.under_way.push_back(kernel);
    at_of(vgpu, kernel.end_ns, [this, vgpu](Worker& worker) { ended(vgpu, worker); });
  }
  if (!worker.under_way.empty()) return;
  const bool more =
      !worker.waiting.empty() || (worker.load.kind == Load::Kind::kSaturating && worker.started);
  if (now_ >= worker.deadline_ns) return give_back(vgpu, worker, more);
  if (!std::exchange(worker.is_idle, true)) worker.idle_since_ns = now_;
  if (!arbiter_.contended()) return;
  const uint64_t patience_ends = worker.idle_since_ns + costs_.patience_ns;
  if (now_ >= patience_ends) return give_back(vgpu, worker, false);
  at_of(vgpu, patience_ends, [this, vgpu](Worker& worker) {
    if (worker.is_idle) pump(vgpu, worker);
  });
}

void Simulator::ended(uint64_t vgpu, Worker& worker) {
  const Kernel kernel = worker.under_way.front();
  worker.under_way.pop_front();
  worker.work_ns.resize(kernel.end_ns / kSlot + 1);
  for (uint64_t from = kernel.end_ns - kernel.length_ns; from < kernel.end_ns;) {
    const uint64_t until = std::min((from / kSlot + 1) * kSlot, kernel.end_ns);
    worker.work_ns[from / kSlot] += static_cast<uint32_t>(until - from);
    from = until;
  }
  worker.latencies.push_back(now_ - kernel.submitted_ns);
  if (worker.load.kind == Load::Kind::kSynchronous)
    at_of(vgpu, now_ + worker.load.gap_ns, [this, vgpu, load = kernel.load](Worker& worker) {
      if (!worker.started || worker.load_number != load) return;
      submit(vgpu, worker);
      pump(vgpu, worker);
    });
  pump(vgpu, worker);
}

void Simulator::give_back(uint64_t vgpu, Worker& worker, bool more) {
  worker.has_turn = worker.is_idle = false;
  worker.wants = more;
  if (more && worker.waiting.empty()) submit(vgpu, worker);
  at_of(vgpu, now_ + costs_.give_back_ns, [this, vgpu, more](Worker&) {
    arbiter_.finished(vgpu, more, now_);
    told();
  });
}

void Simulator::told() {
  const uint64_t look = arbiter_.next_look();
  if (look != kNoTime && look != next_look_)
    at(look, [this, look] {
      if (arbiter_.next_look() == look) {
        arbiter_.look(now_);
        told();
      }
    });
  next_look_ = look;
  if (arbiter_.contended() == std::exchange(contended_, arbiter_.contended())) return;
  // The holder's page says so now.
  if (const auto holder = arbiter_.holder())
    if (const auto found = workers_.find(*holder); found != workers_.end())
      pump(*holder, found->second);
}

}  // namespace aliquot::arbiter
