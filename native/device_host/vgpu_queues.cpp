// The command queues of a vGPU's guest processes, as its worker tells them when somebody asks. The
// worker answers when it likes, and whoever asks is told in time that it hasn't.
#include <algorithm>
#include <utility>

#include "device_host/vgpu.h"

namespace aliquot {

namespace {
constexpr uint64_t kPatienceMilliseconds = 200;
constexpr size_t kMostAskers = 64;
}  // namespace

void Vgpu::ask_queues(const Asker& asker) {
  if (queue_askers_.size() >= kMostAskers)
    return events_.settled(asker, {records::ErrorCode::kLimitReached,
                                   "Too many ask for the vGPU's queues at once."});
  queue_askers_.push_back(asker);
  if (!worker_ || !worker_ready_ || worker_->doomed())
    return end_inquiry(records::QueuesAnswer::kNoWorker);
  if (inquiry_.open()) return;  // one answer serves all who ask meanwhile
  worker_->send(make_record(records::Kind::kAskQueues, inquiry_.begin()));
  inquiry_timer_ = context_.loop.schedule(kPatienceMilliseconds, [this] {
    inquiry_timer_ = 0;
    end_inquiry(records::QueuesAnswer::kSilent);
  });
}

void Vgpu::on_queues_told(uint32_t question, const records::QueuesTold& told) {
  switch (inquiry_.take(question, told)) {
    case QueueInquiry::Verdict::kIgnored:  // it came too late, or another device host had asked
    case QueueInquiry::Verdict::kMore:
      return;
    case QueueInquiry::Verdict::kComplete:
      return end_inquiry(records::QueuesAnswer::kTold);
    case QueueInquiry::Verdict::kImpossible:
      worker_->kill("it told of queues in a way that can't be");
      return end_inquiry(records::QueuesAnswer::kNoWorker);
  }
}

void Vgpu::end_inquiry(records::QueuesAnswer answer) {
  inquiry_.end();
  context_.loop.cancel(std::exchange(inquiry_timer_, 0));
  if (queue_askers_.empty()) return;
  const uint64_t now = monotonic_nanoseconds();
  records::Queues told;
  told.vgpu = settings_.id;
  told.at_ns = now;
  told.answer = answer;
  std::vector<records::VgpuQueue> queues;
  if (answer == records::QueuesAnswer::kTold) {
    queues = inquiry_.queues({context_.turns.report(settings_.id).held_ns, now - made_ns_});
    // Of who has left meanwhile nothing is told.
    std::erase_if(queues, [this](const records::VgpuQueue& queue) {
      const auto guest = guests_.find(queue.connection);
      return guest == guests_.end() || guest->second->state != Guest::State::kOpen;
    });
    told.left_out = inquiry_.left_out();
  }
  told.queue_count = static_cast<uint32_t>(queues.size());
  for (const Asker& asker : std::exchange(queue_askers_, {}))
    events_.queues_told(asker, told, queues);
}

}  // namespace aliquot
