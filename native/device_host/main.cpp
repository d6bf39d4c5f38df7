// aliquot-device: the device host of one device. See docs/data-plane.md.
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
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  return aliquot::Descriptor(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

int serve(const aliquot::Options& options, aliquot::Descriptor& waiting) {
  std::string problem;
  const aliquot::Descriptor lock = aliquot::lock_device(options);
  if (!lock) {
    // Another one serves this device, which is all that the caller wants.
    const bool serves = aliquot::device_host_listens(options);
    aliquot::report_ready(waiting, serves ? 0 : 1,
                          serves ? "" : "The device's lock can't be taken.");
    return serves ? 0 : 1;
  }
  aliquot::remove_leftovers(options);
  aliquot::WorkerCgroup::remove_leftovers(aliquot::WorkerCgroup::name_prefix(options.uuid));
  aliquot::EventLog log;
  if (options.foreground) {
    log.use_standard_error();
  } else if (!log.open(options.device_dir() + "/log")) {
    aliquot::report_ready(waiting, 1, "The log file can't be opened.");
    return 1;
  }
  // A worker of the same user, where no fence keeps it from /proc, must find nothing to open there.
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  // Children that a dead worker leaves behind come to this process, not to init.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  permit_many_descriptors();
  const aliquot::Descriptor signals = take_over_signals();
  aliquot::EventLoop loop;
  aliquot::DeviceHost host(loop, log, options,
                           [](aliquot::HostContext& context, const aliquot::VgpuSettings& settings,
                              aliquot::WorkerEvents events) -> std::unique_ptr<aliquot::Worker> {
                             return std::make_unique<aliquot::WorkerProcess>(context, settings,
                                                                             std::move(events));
                           });
  if (!signals || !loop.valid() || !host.open(problem)) {
    aliquot::report_ready(waiting, 1, problem.empty() ? "No descriptors are left." : problem);
    return 1;
  }
  loop.watch(signals.get(), EPOLLIN, [&](uint32_t) {
    signalfd_siginfo information;
    while (::read(signals.get(), &information, sizeof(information)) > 0) host.stop();
  });
  aliquot::report_ready(waiting, 0, "");
  host.run();
  aliquot::WorkerCgroup::remove_leftovers(aliquot::WorkerCgroup::name_prefix(options.uuid));
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  aliquot::Options options;
  std::string problem;
  if (!aliquot::parse_options(count, arguments, options, problem)) {
    std::fprintf(stderr, "aliquot-device: %s\n%s", problem.c_str(), aliquot::kUsage);
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
