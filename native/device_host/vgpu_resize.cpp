// Another size for a vGPU in use. Up: the ledger reserves, then all are told. Down: nobody gets
// more than the new size from the first moment on, neither credit nor, from the worker, memory; but
// what is reserved stays so until the worker holds no more than that, since a buffer that its program
// has released may be in use by a kernel. Then the rest is there for others. A suspended vGPU may have
// any size, and is resumed when that is enough for what its programs hold.
#include <algorithm>

#include "device_host/vgpu.h"

namespace aliquot {

using records::ErrorCode;
using records::Kind;

Vgpu::Attempt Vgpu::try_memory(uint64_t bytes, bool last_try, Refusal& refusal) {
  // Of a suspended one nothing is on the device: it may give up more than it is to have again.
  const bool off_device = standstill_.step == Standstill::Step::kSuspended;
  if (bytes < settings_.memory_bytes && !off_device) return try_shrink(bytes, last_try, refusal);
  if (off_device ? context_.ledger.shelve(settings_.id, bytes)
                 : context_.ledger.resize(settings_.id, bytes)) {
    set_memory(bytes);
    return Attempt::kDone;
  }
  refusal = {ErrorCode::kMemoryUnavailable,
             "Wanted are " + std::to_string(bytes) + " bytes; the vGPU has " +
                 std::to_string(settings_.memory_bytes) + ", and of the device's " +
                 std::to_string(context_.ledger.device_memory()) + " bytes " +
                 std::to_string(context_.ledger.unreserved()) + " are unreserved."};
  return Attempt::kRefused;
}

Vgpu::Attempt Vgpu::try_shrink(uint64_t bytes, bool last_try, Refusal& refusal) {
  std::string obstacle;
  if (begin_shrink(bytes, obstacle) && !worker_holds_more(bytes, obstacle)) {
    context_.ledger.resize(settings_.id, bytes);
    set_memory(bytes);
    return Attempt::kDone;
  }
  const bool hopeless = !shrink_.begun && !somebody_departs();
  if (!hopeless && !last_try) return Attempt::kWaits;
  stop_shrinking();
  refusal = {ErrorCode::kMemoryInUse,
             "Of " + std::to_string(settings_.memory_bytes) + " bytes " + obstacle + ", so " +
                 std::to_string(bytes) + " are too few."};
  return Attempt::kRefused;
}

// From here on no more than `bytes` are lent, or made by the worker.
bool Vgpu::begin_shrink(uint64_t bytes, std::string& obstacle) {
  if (shrink_.begun && context_.ledger.limit(settings_.id) == bytes) return true;
  settle();
  take_back_unspent();
  if (!context_.ledger.lower_limit(settings_.id, bytes)) {
    obstacle = std::to_string(context_.ledger.lent(settings_.id)) + " are in use";
    return false;
  }
  context_.turns.limit_memory(settings_.id, bytes);
  shrink_ = {true, shrink_.question, false, {}};
  if (worker_) ask_for_memory();
  return true;
}

void Vgpu::ask_for_memory() {
  shrink_.asked = true;
  worker_->send(make_record(Kind::kAskMemory, ++shrink_.question));
}

void Vgpu::on_memory_told(uint32_t question, const records::Memory& memory) {
  if (!shrink_.begun || question != shrink_.question) return;
  shrink_.asked = false;
  shrink_.used = memory.used;
}

bool Vgpu::worker_holds_more(uint64_t bytes, std::string& obstacle) {
  if (!worker_ || !worker_->running()) return false;
  if (worker_->doomed()) {
    obstacle = std::to_string(context_.ledger.lent(settings_.id)) +
               " were in use by a worker that has yet to end";
    return true;
  }
  if (!worker_ready_) return false;  // nobody is connected yet
  if (!shrink_.used || *shrink_.used > bytes) {
    obstacle = shrink_.used ? std::to_string(*shrink_.used) + " are in use"
                            : "all may be in use, as its worker hasn't told what it holds";
    if (!shrink_.asked) ask_for_memory();
    return true;
  }
  Sighting now;
  if (!witness_.look(true, now)) return false;
  sighting_ = now;
  const uint64_t held = held_bytes(), beside = explained_bytes(0);
  if (held <= beside + bytes) return false;
  obstacle = "the worker holds " + std::to_string(held - beside);
  return true;
}

void Vgpu::stop_shrinking() {
  if (!shrink_.begun) return;
  shrink_.begun = false;
  context_.ledger.resize(settings_.id, settings_.memory_bytes);
  context_.turns.limit_memory(settings_.id, settings_.memory_bytes);
  retry_waiting();
}

// What the ledger has already.
void Vgpu::set_memory(uint64_t bytes) {
  context_.log.line("vgpu=%llu has %llu bytes instead of %llu",
                    static_cast<unsigned long long>(settings_.id),
                    static_cast<unsigned long long>(bytes),
                    static_cast<unsigned long long>(settings_.memory_bytes));
  settings_.memory_bytes = bytes;
  shrink_.begun = false;
  save();
  tell_size();
  update_cgroup();
  // What is less than they have they needn't know: they stand still until it is more again.
  for (auto& [connection, guest] : guests_)
    if (guest->account.descriptor() >= 0 && !context_.ledger.shelved(settings_.id))
      guest->account.set_memory_limit(bytes);
  write_page();
  retry_waiting();
}

void Vgpu::take_back_unspent() {
  for (auto& [connection, guest] : guests_) {
    if (guest->state != Guest::State::kOpen) continue;
    context_.ledger.take_back(settings_.id, connection, guest->account.take_credit());
    save(*guest);
  }
}

}  // namespace aliquot
