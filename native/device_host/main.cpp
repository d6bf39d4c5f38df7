// aliquot-device: the device host of one device, and its supervisor. See docs/data-plane.md.
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <utility>

#include "device_host/cgroup.h"
#include "device_host/daemonize.h"
#include "device_host/device_host.h"
#include "device_host/supervisor.h"
#include "device_host/worker_process.h"

namespace {

// Connections and arenas are descriptors.
void permit_many_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

aliquot::Descriptor take_over_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  return aliquot::Descriptor(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

int serve_device(const aliquot::Options& options, aliquot::Supervisor& supervisor,
                 aliquot::Descriptor& waiting) {
  std::string problem;
  aliquot::EventLog log;
  if (options.foreground) {
    log.use_standard_error();
  } else if (!log.open(options.device_dir() + "/log")) {
    aliquot::report_ready(waiting, 1, "The log file can't be opened.");
    return 1;
  }
  const aliquot::Descriptor signals = take_over_signals();
  aliquot::EventLoop loop;
  aliquot::DeviceHost host(loop, log, options,
                           [](aliquot::HostContext& context, const aliquot::VgpuSettings& settings,
                              aliquot::WorkerEvents events) -> std::unique_ptr<aliquot::Worker> {
                             return std::make_unique<aliquot::WorkerProcess>(context, settings,
                                                                             std::move(events));
                           });
  aliquot::Heritage heritage = supervisor.take_heritage();
  if (!signals || !loop.valid() || !host.be_supervised(heritage) ||
      !(heritage.reborn ? host.reopen(heritage, problem) : host.open(problem))) {
    aliquot::report_ready(waiting, 1, problem.empty() ? "No descriptors are left." : problem);
    return 1;
  }
  loop.watch(signals.get(), EPOLLIN, [&](uint32_t) {
    signalfd_siginfo information;
    while (::read(signals.get(), &information, sizeof(information)) > 0) host.stop();
  });
  aliquot::report_ready(waiting, 0, "");
  host.run();
  return 0;
}

int serve(const aliquot::Options& options, aliquot::Descriptor& waiting) {
  const aliquot::Descriptor lock = aliquot::lock_device(options);
  if (!lock) {
    // Another one serves this device, which is all that the caller wants.
    const bool serves = aliquot::device_host_listens(options);
    aliquot::report_ready(waiting, serves ? 0 : 1,
                          serves ? "" : "The device's lock can't be taken.");
    return serves ? 0 : 1;
  }
  const std::string prefix = aliquot::WorkerCgroup::name_prefix(options.uuid);
  aliquot::remove_leftovers(options);
  aliquot::WorkerCgroup::remove_leftovers(prefix);
  // A worker of the same user, where no fence keeps it from /proc, must find nothing to open there.
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  ::signal(SIGPIPE, SIG_IGN);
  permit_many_descriptors();
  aliquot::Supervisor supervisor(options);
  if (supervisor.run(waiting) == aliquot::Supervisor::Role::kDeviceHost)
    return serve_device(options, supervisor, waiting);
  aliquot::WorkerCgroup::remove_leftovers(prefix);
  return supervisor.status();
}

}  // namespace

int main(int count, char** arguments) {
  aliquot::Options options;
  std::string problem;
  if (!aliquot::parse_options(count, arguments, options, problem)) {
    // One line, which is what who started it tells.
    std::fprintf(stderr, "aliquot-device: %s\n", problem.c_str());
    return 2;
  }
  if (!aliquot::prepare_folders(options, problem)) {
    std::fprintf(stderr, "aliquot-device: %s\n", problem.c_str());
    return 1;
  }
  aliquot::Descriptor waiting;
  if (!options.foreground) waiting = aliquot::go_to_background();
  return serve(options, waiting);
}
