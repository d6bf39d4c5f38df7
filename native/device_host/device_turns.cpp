#include "device_host/device_turns.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "protocol/socket.h"

namespace aliquot {

namespace {

using arbiter::kNoTime;
using records::Kind;

// A worker that has nothing more to submit may be about to: between two commands of a program that
// waits for each lie some 10 to 100 µs. It pays for the time itself, so whoever is owed much can have
// more of it.
constexpr uint64_t kPatienceNs = 300'000;
constexpr uint64_t kLongPatienceNs = 1'000'000;
// While a vGPU of class `latency` is there, others submit no further ahead.
constexpr uint64_t kShortWindowNs = 1'000'000;
// What a worker may claim beyond what the quickest needs for taking the device over and handing it on.
constexpr uint64_t kHandOverSlackNs = 30'000;
constexpr uint64_t kMostHandOverNs = 500'000;
constexpr uint32_t kHandOversToJudge = 8;
// What a worker sees the end of a long kernel late by.
constexpr uint64_t kMostSeenLateNs = 1'000'000;
// After a turn was seen to be longer than its end and the kernel that may still run.
constexpr uint64_t kOverdueNs = 500'000'000;
// Between two looks whether workers compute outside their turns: one system call for each.
constexpr uint64_t kWatchMilliseconds = 50;
constexpr uint64_t kRestsKeptNs = 10'000'000;

}  // namespace

uint64_t DeviceTurns::now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

DeviceTurns::DeviceTurns(EventLoop& loop, EventLog& log, SupervisorLink& link, StateMemory& state,
                         uint32_t processors)
    : loop_(loop),
      log_(log),
      link_(link),
      state_(state),
      processors_(processors),
      log_of_turns_(now_ns()),
      timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
  timer_token_ = loop_.watch(timer_.get(), EPOLLIN, [this](uint32_t) {
    uint64_t times = 0;
    if (::read(timer_.get(), &times, sizeof times) < 0) return;
    armed_for_ = 0;
    const uint64_t now = now_ns();
    arbiter_.look(now);
    check_overdue(now);
    show_limits();
    arm();
  });
}

DeviceTurns::~DeviceTurns() {
  loop_.unwatch(timer_token_);
  loop_.cancel(watch_timer_);
}

DeviceTurns::Member* DeviceTurns::find(uint64_t vgpu) {
  const auto found = members_.find(vgpu);
  return found == members_.end() ? nullptr : &found->second;
}

DeviceTurns::Known* DeviceTurns::find_known(uint64_t vgpu) {
  const auto found = known_.find(vgpu);
  return found == known_.end() ? nullptr : &found->second;
}

void DeviceTurns::set_policy(const arbiter::Policy& policy) {
  arbiter_.set_policy(policy, now_ns());
  arm();
}

void DeviceTurns::add(uint64_t vgpu, const arbiter::Shares& shares, uint32_t kernel_limit_ms) {
  Known& known = known_[vgpu];
  guaranteed_ += shares.guarantee - known.shares.guarantee;
  known.shares = shares;
  known.kernel_limit_ns = uint64_t{kernel_limit_ms} * 1'000'000;
  inherit(vgpu, known);
}

void DeviceTurns::set_memory(uint64_t vgpu, uint64_t bytes, uint32_t maximum) {
  Known* known = find_known(vgpu);
  if (known == nullptr) return;
  known->maximum = maximum;
  limit_memory(vgpu, bytes);
  if (find(vgpu) == nullptr) return;
  arbiter_.set_maximum(vgpu, maximum, now_ns());
  arm();
}

void DeviceTurns::limit_memory(uint64_t vgpu, uint64_t bytes) {
  if (Known* known = find_known(vgpu)) known->memory_limit = bytes;
  if (Member* member = find(vgpu); member != nullptr && member->page)
    member->page->limit_memory(bytes);
}

void DeviceTurns::set_shares(uint64_t vgpu, const arbiter::Shares& shares) {
  Known* known = find_known(vgpu);
  if (known == nullptr) return;
  guaranteed_ += shares.guarantee - known->shares.guarantee;
  known->shares = shares;
  if (find(vgpu) == nullptr) return;
  arbiter_.set_shares(vgpu, shares, now_ns());
  arm();
}

void DeviceTurns::set_running(uint64_t vgpu, bool running) {
  if (find(vgpu) == nullptr) return;
  arbiter_.set_running(vgpu, running, now_ns());
  arm();
}

void DeviceTurns::remove(uint64_t vgpu) {
  Known* known = find_known(vgpu);
  if (known == nullptr) return;
  guaranteed_ -= known->shares.guarantee;
  state_.erase(known->past_slot);
  leaving_.erase(vgpu);
  if (arbiter_.holder() == vgpu) log_turn(now_ns());
  const bool took_part = members_.erase(vgpu) != 0;
  known_.erase(vgpu);
  if (!took_part) return;
  link_.forget({KeptKind::kTurnPage, 0, vgpu, 0});
  arbiter_.remove(vgpu, now_ns());
  arm();
}

void DeviceTurns::show_on(uint64_t vgpu, VgpuPageMemory& page) {
  Known* known = find_known(vgpu);
  if (known == nullptr) return;
  known->shown = &page;
  if (Member* member = find(vgpu)) return show(vgpu, *member);
  if (remembers_) page.write_turns(vgpu_page::kAway, now_ns(), known->past.account);
}

void DeviceTurns::show(uint64_t vgpu, Member& member) {
  VgpuPageMemory* page = member.known->shown;
  if (page == nullptr || !remembers_) return;  // what the page tells is newer
  vgpu_page::State state = vgpu_page::kAway;
  member.shown_limited = arbiter_.limited(vgpu);
  if (arbiter_.holder() == vgpu) {
    state = vgpu_page::kHolding;
  } else if (member.shown_limited) {
    state = vgpu_page::kLimited;
  } else if (member.wanted_since != 0) {
    state = vgpu_page::kWaiting;
  }
  const uint64_t as_of = arbiter_.as_of();
  page->write_turns(state, as_of, arbiter_.account(vgpu, as_of));
}

// Limits open as time passes, with no call about their vGPU.
void DeviceTurns::show_limits() {
  for (auto& [vgpu, member] : members_)
    if (member.shown_limited) show(vgpu, member);
}

bool DeviceTurns::begin_worker(uint64_t vgpu, TurnPeer peer) {
  Member* member = join(vgpu);
  auto page = std::make_unique<TurnPageMemory>();
  if (member == nullptr || !page->create(link_, {KeptKind::kTurnPage, 0, vgpu, 0})) return false;
  member->peer = std::move(peer);
  member->page = std::move(page);
  member->page->limit_copies(member->known->copy_limit);
  member->page->limit_memory(member->known->memory_limit);
  member->peer.send(make_record(Kind::kTurnPage, 0), {member->page->descriptor()});
  return true;
}

void DeviceTurns::end_worker(uint64_t vgpu) {
  Member* member = find(vgpu);
  if (member == nullptr) return;
  const records::VgpuTurns had = report(vgpu);
  log_.line("vgpu=%llu had %llu turns, %llu ms of the device, waited %llu ms for it; handing it over "
            "took %llu us; the system withheld %llu ms; it computed for %llu ms outside of them",
            static_cast<unsigned long long>(vgpu), static_cast<unsigned long long>(had.turns),
            static_cast<unsigned long long>(had.held_ns / 1'000'000),
            static_cast<unsigned long long>(had.waited_ns / 1'000'000),
            static_cast<unsigned long long>(
                member->hand_over_ns == kUnknown ? 0 : member->hand_over_ns / 1'000),
            static_cast<unsigned long long>(arbiter_.account(vgpu, now_ns()).withheld_ns / 1'000'000),
            static_cast<unsigned long long>(member->witness.outside_ns() / 1'000'000));
  member->page.reset();
  link_.forget({KeptKind::kTurnPage, 0, vgpu, 0});
  member->peer = {};
  member->witness.end();
  member->withheld.end();
  member->copies.worker_ended();
  member->wanted_since = 0;
  const uint64_t now = now_ns();
  if (arbiter_.holder() == vgpu) log_turn(now);
  arbiter_.lost_worker(vgpu, now);
  show(vgpu, *member);
  arm();
}

void DeviceTurns::worker_ready(uint64_t vgpu, pid_t worker) {
  Member* member = find(vgpu);
  if (member == nullptr) return;
  // One that has processors of its own bears no witness by the machine's.
  if (processors_ == 0 || !member->witness.begin(worker, now_ns(), processors_)) return;
  member->withheld.begin(worker, processors_);
  watch_workers();
}

void DeviceTurns::watch_workers() {
  if (watch_timer_ != 0) return;
  watch_timer_ = loop_.schedule(kWatchMilliseconds, [this] {
    watch_timer_ = 0;
    std::vector<uint64_t> watched;  // who is found guilty may leave
    for (const auto& [vgpu, member] : members_)
      if (member.page) watched.push_back(vgpu);
    for (const uint64_t vgpu : watched) judge(vgpu, 0);
    if (!watched.empty()) watch_workers();
  });
}

void DeviceTurns::look_at_worker(uint64_t vgpu, uint64_t children_ns) {
  Member* member = find(vgpu);
  if (member == nullptr || !member->page) return;
  member->withheld.look();
  judge(vgpu, children_ns);
}

void DeviceTurns::judge(uint64_t vgpu, uint64_t children_ns) {
  Member* member = find(vgpu);
  if (member == nullptr || !member->page || !member->peer.answers()) return;
  switch (member->witness.look(now_ns(), children_ns, usual_at_rest(vgpu))) {
    case TurnWitness::Verdict::kNothing:
      return;
    case TurnWitness::Verdict::kAsk:
      return member->peer.send(make_record(Kind::kAskWork, 0), {});
    case TurnWitness::Verdict::kGuilty:
      return member->peer.kill(member->witness.reason());
  }
}

void DeviceTurns::on_work(uint64_t vgpu, const records::Work& work) {
  Member* member = find(vgpu);
  if (member == nullptr || !member->page) return;
  uint64_t charge = 0;
  const TurnWitness::Verdict verdict =
      member->witness.answered(work.host_ns, charge, usual_at_rest(vgpu));
  if (verdict == TurnWitness::Verdict::kGuilty) return member->peer.kill(member->witness.reason());
  if (charge == 0) return;
  arbiter_.charge_outside(vgpu, charge / processors_, now_ns());
  arm();
}

int DeviceTurns::page(uint64_t vgpu) const {
  const auto found = members_.find(vgpu);
  return found == members_.end() || !found->second.page ? -1 : found->second.page->descriptor();
}

void DeviceTurns::on_wanted(uint64_t vgpu) {
  Member* member = find(vgpu);
  // Without a page it would be granted what it can't give back.
  if (member == nullptr || !member->page) return;
  // One that has the device may have asked before it saw that.
  if (member->wanted_since != 0 || arbiter_.holder() == vgpu) return;
  const uint64_t now = now_ns();
  member->wanted_since = now;
  arbiter_.wants(vgpu, now);
  if (arbiter_.holder() != vgpu) show(vgpu, *member);
  arm();
}

void DeviceTurns::on_finished(uint64_t vgpu, const records::TurnFinished& finished, bool repeated) {
  Member* member = find(vgpu);
  if (member == nullptr || !member->page) return;
  if (repeated && !member->page->holds()) {
    if (finished.more != 0) on_wanted(vgpu);
    return;
  }
  if (arbiter_.holder() != vgpu || finished.turn != member->page->turn())
    return member->peer.kill("it gave back a turn that it hasn't");
  const uint64_t now = now_ns();
  const uint64_t turn_ns = now - std::min(now, arbiter_.held_since());
  const uint64_t taken = member->witness.finished(explained(*member, turn_ns, finished));
  const uint64_t withheld =
      member->withheld.finished(turn_ns, std::min(turn_ns, finished.span_ns), taken);
  member->page->take_back();
  member->busy_ns += std::min(finished.busy_ns, turn_ns);
  if (finished.more != 0) member->wanted_since = now;
  const arbiter::Unused unused{spared(*member, turn_ns, finished), withheld};
  log_turn(now, unused);
  arbiter_.finished(vgpu, finished.more != 0, now, unused);
  claim_copies(vgpu, finished.copied_bytes, finished.copy_ns, now);
  if (!arbiter_.holder()) granted_last_ = 0;
  if (arbiter_.holder() != vgpu) show(vgpu, *member);
  arm();
}

void DeviceTurns::log_turn(uint64_t now, const arbiter::Unused& unused) {
  const uint64_t begin = std::min(now, arbiter_.held_since());
  const uint64_t free_ns = std::min(now - begin, unused.handing_over_ns + unused.withheld_ns);
  log_of_turns_.add({*arbiter_.holder(), begin, now, now - begin - free_ns});
}

std::vector<records::Turn> DeviceTurns::log(uint64_t since_ns, records::Turns& answer) const {
  const uint64_t now = now_ns();
  std::vector<records::Turn> turns = log_of_turns_.since(since_ns);
  if (const auto holder = arbiter_.holder()) {
    const uint64_t begin = std::min(now, arbiter_.held_since());
    turns.push_back({*holder, begin, now, now - begin});
  }
  answer = {since_ns, log_of_turns_.known_since_ns(), now, turns.size()};
  return turns;
}

// The most processor time that what the worker says of a turn can have taken. While it waits for more to
// do, and until it has seen the end of the last kernel, threads of some drivers don't rest.
uint64_t DeviceTurns::explained(const Member& member, uint64_t turn_ns,
                                const records::TurnFinished& finished) const {
  const uint64_t span = std::min(turn_ns, finished.span_ns);
  const uint64_t seen_late = std::min(span / 16, kMostSeenLateNs);
  const uint64_t all =
      std::min(turn_ns, finished.around_span_ns) + span + member.patience_ns + seen_late;
  return std::min(turn_ns, all) * processors_;
}

// What the threads of some drivers do after each turn is no tenant's doing: each may do as much as the
// one of the others that does least.
uint64_t DeviceTurns::usual_at_rest(uint64_t vgpu) {
  if (const uint64_t now = now_ns(); now - rests_.seen_at > kRestsKeptNs) look_at_rests(now);
  uint64_t least = rests_.quietest == vgpu ? rests_.second : rests_.least;
  if (least == TurnWitness::kUnknown) least = members_.at(vgpu).witness.at_rest_ns();
  return least == TurnWitness::kUnknown ? 0 : least;
}

// Once for all of a watch: each alone would look at all.
void DeviceTurns::look_at_rests(uint64_t now) {
  rests_ = {.seen_at = now};
  for (const auto& [number, member] : members_) {
    const uint64_t its = member.witness.at_rest_ns();
    if (its < rests_.least) {
      rests_.second = std::exchange(rests_.least, its);
      rests_.quietest = number;
    } else {
      rests_.second = std::min(rests_.second, its);
    }
  }
}

// Of a turn, what it took to hand the device over: no tenant can help that, and those with many short
// turns would pay most. Only the worker knows it, so it is believed as far as the quickest of them
// needs the time, who gains nothing by a lie.
uint64_t DeviceTurns::spared(Member& member, uint64_t turn_ns,
                             const records::TurnFinished& finished) {
  const uint64_t claimed = turn_ns - std::min(turn_ns, finished.span_ns);
  if (finished.more != 0 && finished.kernels != 0) {
    const uint64_t sample = std::min(claimed, kMostHandOverNs);
    member.hand_over_ns = member.hand_over_ns == kUnknown
                              ? sample
                              : member.hand_over_ns - member.hand_over_ns / 16 + sample / 16;
    ++member.hand_overs;
  }
  uint64_t least = kUnknown;
  for (const auto& [vgpu, other] : members_)
    if (other.hand_overs >= kHandOversToJudge) least = std::min(least, other.hand_over_ns);
  return least == kUnknown ? 0 : std::min(claimed, least + kHandOverSlackNs);
}

void DeviceTurns::grant(uint64_t vgpu, uint64_t deadline_ns) {
  Member* member = find(vgpu);
  if (member == nullptr || !member->page) return;
  if (member->wanted_since != 0) {
    const uint64_t now = now_ns();
    member->history.waited(now - std::min(now, member->wanted_since));
  }
  member->wanted_since = 0;
  // Whoever comes back to a device that one other has to itself waits for what is under way.
  const uint64_t turn = deadline_ns == kNoTime ? arbiter_.usual_turn_ns() : arbiter_.turn_ns();
  const uint64_t window = arbiter_.in_haste() ? std::min(kShortWindowNs, turn) : turn;
  member->witness.granted(std::exchange(granted_last_, vgpu) != vgpu);
  member->withheld.granted();
  static_assert(kNoTime == turns::kNoDeadline);
  const bool owed_much = arbiter_.balance(vgpu) > static_cast<int64_t>(arbiter_.turn_ns());
  member->patience_ns = owed_much ? kLongPatienceNs : kPatienceNs;
  member->page->grant(deadline_ns, window, member->patience_ns, deadline_ns != kNoTime);
  show(vgpu, *member);
}

void DeviceTurns::recall(uint64_t vgpu, uint64_t deadline_ns) {
  Member* member = find(vgpu);
  if (member == nullptr || !member->page) return;
  member->page->shorten(deadline_ns);
  member->peer.send(make_record(Kind::kTurnRecall, 0), {});
}

uint64_t DeviceTurns::overdue_from() const {
  const auto holder = arbiter_.holder();
  const auto found = holder ? members_.find(*holder) : members_.end();
  if (found == members_.end() || !found->second.page || !arbiter_.contended()) return 0;
  const uint64_t limit = found->second.known->kernel_limit_ns;
  return limit == 0 || arbiter_.deadline() == kNoTime ? 0 : arbiter_.deadline() + limit;
}

// Without this a worker could keep the device by never saying that it has done. A device host that
// couldn't run itself, say on a machine that was suspended, blames nobody for that time: what was
// to be given back meanwhile may be now.
void DeviceTurns::check_overdue(uint64_t now) {
  const uint64_t from = overdue_from();
  if (from == 0 || now < from) {
    overdue_since_ = 0;
    return;
  }
  const uint64_t holder = *arbiter_.holder();
  Member& member = *find(holder);
  const uint32_t turn = member.page->turn();
  if (overdue_since_ == 0 || overdue_vgpu_ != holder || overdue_turn_ != turn) {
    overdue_since_ = now;
    overdue_vgpu_ = holder;
    overdue_turn_ = turn;
  }
  if (now < overdue_since_ + kOverdueNs) return;
  overdue_since_ = now;  // until it has died nothing is to be seen
  const uint64_t end = from - member.known->kernel_limit_ns;
  member.peer.kill("it kept the device for " + std::to_string((now - end) / 1'000'000) +
                   " ms beyond its turn");
}

void DeviceTurns::arm() {
  remember();
  uint64_t next = arbiter_.next_look();
  if (const uint64_t from = overdue_from(); from != 0)
    next = std::min(next, overdue_since_ != 0 ? overdue_since_ + kOverdueNs : from);
  // A timer that rings too early costs less than setting it at every turn.
  if (next == kNoTime || (armed_for_ != 0 && armed_for_ <= next)) return;
  armed_for_ = next;
  itimerspec when{};
  when.it_value.tv_sec = static_cast<time_t>(next / 1'000'000'000);
  when.it_value.tv_nsec = static_cast<long>(std::max<uint64_t>(next % 1'000'000'000, 1));
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

void DeviceTurns::sample(uint64_t vgpu) {
  Member* member = find(vgpu);
  if (member == nullptr) return;
  const uint64_t now = now_ns();
  const arbiter::Account account = arbiter_.account(vgpu, now);
  member->history.sample(now, account.held_ns - account.spared_ns - account.withheld_ns);
  member->copies.sample(now);
  show_limits();
  let_rest(now);
}

records::VgpuTurns DeviceTurns::report(uint64_t vgpu) const {
  records::VgpuTurns report;
  report.vgpu = vgpu;
  const auto known = known_.find(vgpu);
  if (known == known_.end()) return report;
  const arbiter::Shares& shares = known->second.shares;
  const uint64_t now = now_ns();
  const PastTurns had = past_of(vgpu, now);
  report.shares.guarantee = shares.guarantee;
  report.shares.limit = shares.limit;
  report.shares.weight = shares.weight;
  report.shares.priority = static_cast<uint32_t>(shares.priority);
  report.held_ns = had.account.held_ns - had.account.spared_ns - had.account.withheld_ns;
  report.waited_ns = had.account.waited_ns;
  report.outside_ns = had.account.outside_ns;
  report.overrun_ns = had.account.overrun_ns;
  report.balance_ns = had.account.balance_ns;
  report.turns = had.account.turns;
  report.busy_ns = had.busy_ns;
  report.at_ns = now;
  report.holds = arbiter_.holder() == vgpu ? 1 : 0;
  const auto member = members_.find(vgpu);
  if (member == members_.end()) return report;
  const TurnHistory& history = member->second.history;
  const auto microseconds = [](uint64_t ns) {
    return static_cast<uint32_t>(std::min<uint64_t>(ns / 1000, UINT32_MAX));
  };
  report.wait_p50_us = microseconds(history.wait_percentile(50));
  report.wait_p99_us = microseconds(history.wait_percentile(99));
  constexpr uint64_t kSecond = 1'000'000'000;
  report.share_1s = history.share(kSecond, now, report.held_ns);
  report.share_10s = history.share(10 * kSecond, now, report.held_ns);
  report.share_60s = history.share(60 * kSecond, now, report.held_ns);
  return report;
}

void DeviceTurns::report(uint64_t vgpu, records::Receipt& receipt) const {
  const arbiter::Account account = past_of(vgpu, now_ns()).account;
  receipt.held_ns = account.held_ns;
  receipt.spared_ns = account.spared_ns;
  receipt.withheld_ns = account.withheld_ns;
  receipt.waited_ns = account.waited_ns;
  receipt.limited_ns = account.limited_ns;
  receipt.turns = account.turns;
}

}  // namespace aliquot
