#include "device_host/device_host.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "device_host/supervisor.h"

namespace aliquot {

namespace {
constexpr uint64_t kIdleMilliseconds = 1000;
// Whoever started the device host needs a moment to connect, on a busy machine a long one.
constexpr uint64_t kFirstIdleMilliseconds = 10000;
}  // namespace

DeviceHost::DeviceHost(EventLoop& loop, EventLog& log, const Options& options,
                       WorkerFactory make_worker)
    : log_(log),
      options_(options),
      ledger_(options.memory),
      link_(loop),
      children_(loop, link_),
      turns_(loop, log, link_, state_, options.processors),
      context_{
          loop, log, ledger_, children_, turns_, link_, state_, options_, std::move(make_worker)},
      control_path_(options.device_dir() + "/control.sock"),
      listener_(loop, link_, {KeptKind::kControlListener, 0, 0, 0},
                [this](Descriptor socket, const PeerIdentity& peer) {
                  accept_control(std::move(socket), peer);
                }) {}

bool DeviceHost::be_supervised(Heritage& heritage) {
  link_.open(std::move(heritage.link));
  return state_.map(heritage.state.get());
}

bool DeviceHost::open(std::string& problem) {
  if (!listener_.open(control_path_, 64)) {
    problem = "The socket " + control_path_ + " can't be made: " + std::strerror(errno) + ".";
    return false;
  }
  idle_since_ = monotonic_milliseconds() + kFirstIdleMilliseconds - kIdleMilliseconds;
  idle_timer_ = context_.loop.schedule(kFirstIdleMilliseconds, [this] { idle_timer_ = 0; });
  log_.line("device host %d begins: device %s, %llu MiB, driver %s", ::getpid(),
            options_.uuid.c_str(), static_cast<unsigned long long>(options_.memory >> 20),
            options_.driver.c_str());
  return true;
}

void DeviceHost::run() {
  while (run_once()) {
  }
  log_.line("device host %d ends", ::getpid());
}

bool DeviceHost::run_once() {
  context_.loop.run_once();
  sweep();
  if (stopping_) return !vgpus_.empty();
  return !leave_if_idle();
}

void DeviceHost::stop() {
  if (std::exchange(stopping_, true)) return;
  log_.line("device host %d was told to stop", ::getpid());
  listener_.close();
  for (auto& [id, control] : controls_) {
    control->channel->close();
    control->gone = true;
  }
  for (auto& [id, known] : vgpus_) known.vgpu->close();
}

bool DeviceHost::is_idle() const { return vgpus_.empty() && controls_.empty() && moves_.empty(); }

bool DeviceHost::leave_if_idle() {
  const uint64_t now = monotonic_milliseconds();
  if (!is_idle()) {
    idle_since_ = 0;
    return false;
  }
  if (idle_since_ == 0) {
    idle_since_ = now;
    context_.loop.cancel(idle_timer_);
    idle_timer_ = context_.loop.schedule(kIdleMilliseconds, [this] { idle_timer_ = 0; });
  }
  if (now < idle_since_ + kIdleMilliseconds) return false;
  // Nobody finds the socket from here on; who connected just before is still served.
  listener_.hide();
  listener_.accept_waiting();
  if (is_idle()) return true;
  std::string problem;
  if (!open(problem)) log_.line("%s", problem.c_str());
  return false;
}

void DeviceHost::sweep() {
  bool freed = false;
  for (const uint64_t id : std::exchange(unswept_, {})) {
    const auto entry = vgpus_.find(id);
    if (entry == vgpus_.end()) continue;
    entry->second.vgpu->sweep();
    if (!entry->second.gone) continue;
    ledger_.release(id);
    log_.line("vgpu=%llu gone", static_cast<unsigned long long>(id));
    vgpus_.erase(entry);
    freed = true;
  }
  for (auto& [id, control] : controls_)
    if (control->gone) state_.erase(control->slot);
  for (auto entry = controls_.begin(); entry != controls_.end();)
    entry = entry->second->gone ? controls_.erase(entry) : std::next(entry);
  moves_.remove_if([](const Move& move) { return move.gone; });
  if (freed) retry_waiting_creates();
}

void DeviceHost::on_vgpu_gone(uint64_t vgpu) {
  const auto found = vgpus_.find(vgpu);
  if (found == vgpus_.end()) return;
  found->second.gone = true;
  unswept_.insert(vgpu);
}

bool DeviceHost::closes_for(uid_t owner, bool anybody) const {
  return std::any_of(vgpus_.begin(), vgpus_.end(), [&](const auto& entry) {
    const Vgpu& vgpu = *entry.second.vgpu;
    return vgpu.closing() && (anybody || vgpu.settings().owner == owner);
  });
}

size_t DeviceHost::living_vgpus() const {
  return static_cast<size_t>(std::count_if(vgpus_.begin(), vgpus_.end(), [](const auto& entry) {
    return !entry.second.vgpu->closing();
  }));
}

}  // namespace aliquot
