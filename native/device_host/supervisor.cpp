#include "device_host/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "device_host/daemonize.h"
#include "device_host/event_log.h"
#include "device_host/event_loop.h"
#include "device_host/state_memory.h"
#include "device_host/supervisor_orders.h"
#include "device_host/worker_family.h"
#include "protocol/socket.h"
#include "protocol/turn_page.h"
#include "protocol/vgpu_page.h"

namespace aliquot {

namespace {
constexpr size_t kLongestList = 16 << 20;
constexpr size_t kMostStrangers = 64;
constexpr uint64_t kLastMilliseconds = 10000;  // for the end of all that was killed
constexpr size_t kPageBytes = 4096;            // of all that is mapped
static_assert(turns::kTurnPageSize == kPageBytes && vgpu_page::kPageSize == kPageBytes);
constexpr int kAgainMilliseconds = 10;         // what couldn't be told is tried again
}  // namespace

bool Supervisor::prepare() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGCHLD}) ::sigaddset(&signals, number);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  signals_.reset(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  // Children that a dead worker leaves behind, or a device host, come to this process, not to init.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  state_ = StateMemory::make();
  return signals_ && state_;
}

Supervisor::Role Supervisor::run(Descriptor& waiting) {
  if (!prepare()) {
    report_ready(waiting, 1, "No descriptors or memory are left.");
    return Role::kSupervisor;
  }
  do {
    if (!start_device_host()) {
      report_ready(waiting, 1, "No process or descriptors are left.");
      break;
    }
    if (device_host_ == 0) return Role::kDeviceHost;
    waiting.reset();
    watch();
  } while (!is_over(device_host_status_));
  end_all();
  return Role::kSupervisor;
}

bool Supervisor::start_device_host() {
  if (!make_record_socket_pair(link_, their_link_)) return false;
  const pid_t supervisor = ::getpid();
  device_host_ = ::fork();
  if (device_host_ < 0) return false;
  if (device_host_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (::getppid() != supervisor) ::_exit(1);  // died before that line
    signals_.reset();
    link_.reset();
    return true;
  }
  their_link_.reset();
  device_host_ended_ = false;
  for (auto& [process, worker] : workers_) worker.told = false;
  return true;
}

Heritage Supervisor::take_heritage() {
  return {reborn_, orphaned_since_, std::move(their_link_), std::move(state_), &store_};
}

// Until the device host has ended and all that it said has been read.
void Supervisor::watch() {
  while (!device_host_ended_) {
    bool untold = false;
    for (const auto& [process, worker] : workers_) untold |= worker.ended && !worker.told;
    pollfd waits[] = {{signals_.get(), POLLIN, 0}, {link_.get(), POLLIN, 0}};
    ::poll(waits, link_ ? 2 : 1, untold ? kAgainMilliseconds : -1);
    read_link();
    on_signals();
    tell_ends();
  }
  orphaned_since_ = monotonic_milliseconds();
  read_link();
  link_.reset();
}

void Supervisor::on_signals() {
  signalfd_siginfo information;
  while (::read(signals_.get(), &information, sizeof information) > 0) {
    if (information.ssi_signo == SIGCHLD) continue;
    stopping_ = true;
    if (device_host_ > 0 && !device_host_ended_)
      ::kill(device_host_, static_cast<int>(information.ssi_signo));
  }
  reap();
}

void Supervisor::reap() {
  int status = 0;
  for (pid_t child = ::waitpid(-1, &status, WNOHANG); child > 0;
       child = ::waitpid(-1, &status, WNOHANG)) {
    if (child == device_host_) {
      device_host_ended_ = true;
      device_host_status_ = status;
    }
    const auto worker = workers_.find(child);
    if (worker != workers_.end()) {
      worker->second.ended = true;
      worker->second.status = status;
    } else {  // it may be a worker that we have yet to hear of
      strangers_.emplace_back(child, status);
      if (strangers_.size() > kMostStrangers) strangers_.pop_front();
    }
  }
}

void Supervisor::add_worker(pid_t process) {
  Child& worker = workers_[process];
  if (worker.ended || ::waitpid(process, &worker.status, WNOHANG) == 0) return;
  worker.ended = true;
  for (const auto& [stranger, status] : strangers_) {
    if (stranger == process) worker.status = status;
  }
}

void Supervisor::read_link() {
  while (link_) {
    records::Record record;
    DescriptorList descriptors;
    switch (receive_record(link_.get(), record, descriptors)) {
      case SocketResult::kOk:
        on_record(record, std::move(descriptors.items[0]));
        break;
      case SocketResult::kMalformed:
        break;  // a descriptor that there was no room for: what it was for can't be kept
      case SocketResult::kWouldBlock:
        return;
      case SocketResult::kClosed:
        link_.reset();
    }
  }
}

void Supervisor::on_record(const records::Record& record, Descriptor descriptor) {
  const auto keep = payload_of<orders::Keep>(record);
  const auto worker = payload_of<orders::Worker>(record);
  switch (orders::order_of(record)) {
    case orders::kKeep:
      if (descriptor) store_.keep(keep.key, std::move(descriptor), keep.note);
      return;
    case orders::kKeepPage:
      return answer(record, descriptor && store_.keep_page(keep.key, std::move(descriptor),
                                                           kPageBytes));
    case orders::kForget:
      return store_.forget(keep.key);
    case orders::kRename: {
      const auto rename = payload_of<orders::Rename>(record);
      return store_.rename(rename.from, rename.to);
    }
    case orders::kWorker:
      return add_worker(worker.process);
    case orders::kReleased:
      workers_.erase(worker.process);
      return;
    case orders::kKill: {
      const auto found = workers_.find(worker.process);
      if (found != workers_.end() && !found->second.ended) ::kill(worker.process, SIGKILL);
      return;
    }
    case orders::kKillOrphans:
      return answer(record, kill_orphans());
    default:
      return;
  }
}

void Supervisor::answer(const records::Record& question, bool done) {
  // There is room: the device host waits for it, and has asked for nothing else meanwhile.
  send_record(link_.get(), make_record(orders::kind_of(orders::kAnswer), question.header.sequence,
                                       orders::Answer{done ? 1u : 0u}));
}

void Supervisor::tell_ends() {
  for (auto& [process, worker] : workers_) {
    if (!worker.ended || worker.told || !link_) continue;
    const orders::Worker payload{process, worker.status};
    worker.told = send_record(link_.get(), make_record(orders::kind_of(orders::kEnded), 0,
                                                       payload)) == SocketResult::kOk;
  }
}

bool Supervisor::kill_orphans() {
  reap();
  // This process has one thread.
  const std::string path = "/proc/self/task/" + std::to_string(::getpid()) + "/children";
  std::string text;
  if (!read_whole(path, kLongestList, text)) return false;
  bool any = false;
  char* rest = text.data();
  for (long child = std::strtol(rest, &rest, 10); child > 0; child = std::strtol(rest, &rest, 10)) {
    const auto process = static_cast<pid_t>(child);
    if (process == device_host_ || workers_.count(process) != 0) continue;
    any = true;
    ::kill(process, SIGKILL);
  }
  return any;
}

// After the end of a device host: whether no other follows.
bool Supervisor::is_over(int status) {
  device_host_ = 0;
  // What it had begun and told nobody of: helpers, a worker that was just born.
  kill_orphans();
  if (WIFEXITED(status)) {
    status_ = WEXITSTATUS(status);
    return true;
  }
  log("the device host was killed by signal " + std::to_string(WTERMSIG(status)));
  const uint64_t now = monotonic_milliseconds();
  deaths_.push_back(now);
  while (deaths_.front() + kDeathsMilliseconds < now) deaths_.pop_front();
  reborn_ = true;
  if (deaths_.size() > kMostDeaths)
    log("it died " + std::to_string(deaths_.size()) + " times in " +
        std::to_string(kDeathsMilliseconds / 1000) + " s and is given up: all vGPUs end");
  return stopping_ || deaths_.size() > kMostDeaths;
}

void Supervisor::end_all() {
  // Whoever is left dies with this process, too; but the device is free only when they are gone.
  for (const auto& [process, worker] : workers_)
    if (!worker.ended) ::kill(process, SIGKILL);
  workers_.clear();
  // Each death may bring others' children here.
  const uint64_t end = monotonic_milliseconds() + kLastMilliseconds;
  for (bool alone = false; !alone && monotonic_milliseconds() < end;) {
    kill_orphans();
    const pid_t child = ::waitpid(-1, nullptr, WNOHANG);
    alone = child < 0;
    if (child == 0) ::usleep(1000);
  }
  remove_leftovers(options_);
}

void Supervisor::log(const std::string& text) const {
  EventLog log;
  if (options_.foreground) log.use_standard_error();
  // Opened for each line: the device host begins a new file now and then.
  if (!options_.foreground && !log.open(options_.device_dir() + "/log")) return;
  log.line("%s", text.c_str());
}

}  // namespace aliquot
