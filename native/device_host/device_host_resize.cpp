// What a vGPU was promised, changed: shares, the limit of copies, memory. All of it or nothing.
#include <algorithm>
#include <set>
#include <utility>

#include "device_host/device_host.h"
#include "device_host/share_records.h"

namespace aliquot {

using records::ErrorCode;
using records::Kind;

namespace {
constexpr uint64_t kAgainMilliseconds = 10;
constexpr uint64_t kPatienceMilliseconds = 2000;
constexpr size_t kMostWaitingResizes = 256;
}  // namespace

void DeviceHost::on_resize(Control& control, const records::Record& record) {
  const auto vgpu = payload_of<records::VgpuResize>(record).vgpu;
  // One at a time of each vGPU, in the order in which they came.
  const bool others_wait = std::any_of(
      waiting_resizes_.begin(), waiting_resizes_.end(), [&](const WaitingResize& waiting) {
        return payload_of<records::VgpuResize>(waiting.record).vgpu == vgpu;
      });
  if (!others_wait && try_resize(control, record, false)) return;
  if (waiting_resizes_.size() >= kMostWaitingResizes)
    return answer_error(control, record.header.sequence, ErrorCode::kLimitReached,
                        "Too many vGPUs are being resized.");
  waiting_resizes_.push_back({control.id, record, 0, 0});
  state_.save(waiting_resizes_.back().slot,
              WaitingEntry{{KeptKind::kControl, 0, 0, control.id}, record, 0});
  schedule_resizes();
}

void DeviceHost::schedule_resizes() {
  if (resize_timer_ != 0 || waiting_resizes_.empty()) return;
  resize_timer_ = context_.loop.schedule(kAgainMilliseconds, [this] {
    resize_timer_ = 0;
    retry_resizes();
    schedule_resizes();
  });
}

void DeviceHost::retry_resizes() {
  const uint64_t now = monotonic_milliseconds();
  std::set<uint64_t> tried;
  // An answer may be the one too many for a peer that doesn't read, whose requests then go.
  std::list<WaitingResize> left;
  left.swap(waiting_resizes_);
  while (!left.empty()) {
    WaitingResize& first = left.front();
    Control* control = find_control(first.control);
    const uint64_t vgpu = payload_of<records::VgpuResize>(first.record).vgpu;
    const bool is_first = tried.insert(vgpu).second;
    if (is_first && first.give_up_at == 0) first.give_up_at = now + kPatienceMilliseconds;
    if (control == nullptr) {
      if (Vgpu* begun = is_first ? open_vgpu(vgpu) : nullptr) begun->stop_shrinking();
    } else if (!is_first || !try_resize(*control, first.record, now >= first.give_up_at)) {
      waiting_resizes_.splice(waiting_resizes_.end(), left, left.begin());
      continue;
    }
    state_.erase(first.slot);
    left.pop_front();
  }
}

bool DeviceHost::try_resize(Control& control, const records::Record& record, bool last_try) {
  const auto request = payload_of<records::VgpuResize>(record);
  const uint32_t sequence = record.header.sequence;
  Vgpu* vgpu = own_vgpu(control, sequence, request.vgpu);
  if (vgpu == nullptr) return true;
  const auto refuse = [&](ErrorCode code, const std::string& text) {
    vgpu->stop_shrinking();
    answer_error(control, sequence, code, text);
    return true;
  };
  // What it has here is told to the other device host already.
  if (vgpu->moves())
    return last_try && refuse(ErrorCode::kNotStopped, "The vGPU is being moved.");
  arbiter::Shares shares;
  if (const std::string wrong = read_shares(request.shares, shares); !wrong.empty())
    return refuse(ErrorCode::kBadShare, wrong);
  if (const std::string wrong = read_copy_limit(request.copy_limit); !wrong.empty())
    return refuse(ErrorCode::kBadShare, wrong);
  const uint32_t others = turns_.guaranteed() - vgpu->settings().shares.guarantee;
  if (others + shares.guarantee > arbiter::kWhole)
    return refuse(ErrorCode::kShareUnavailable, share_unavailable(shares.guarantee, others));
  if (request.memory_bytes != 0 && request.memory_bytes != vgpu->settings().memory_bytes) {
    Vgpu::Refusal refusal;
    const Vgpu::Attempt attempt = vgpu->try_memory(request.memory_bytes, last_try, refusal);
    if (attempt == Vgpu::Attempt::kWaits) return false;
    if (attempt == Vgpu::Attempt::kRefused) {
      // A vGPU on its way out still holds its memory, for a moment.
      const bool may_come = refusal.code == ErrorCode::kMemoryUnavailable && closes_for(0, true);
      if (may_come && !last_try) return false;
      return refuse(refusal.code, refusal.text);
    }
  }
  vgpu->set_shares(shares);
  vgpu->set_copy_limit(request.copy_limit);
  log_.line("vgpu=%llu resized: %llu bytes, guarantee %s, limit %s, weight %u, priority %u, "
            "copies %llu B/s",
            static_cast<unsigned long long>(request.vgpu),
            static_cast<unsigned long long>(vgpu->settings().memory_bytes),
            text_of_share(shares.guarantee).c_str(), text_of_share(shares.limit).c_str(),
            shares.weight, static_cast<unsigned>(shares.priority),
            static_cast<unsigned long long>(request.copy_limit));
  control.channel->send(make_record(Kind::kDone, sequence));
  return true;
}

}  // namespace aliquot
