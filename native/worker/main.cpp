// aliquot-worker: executes one vGPU's calls on the real driver (`serve`), or says what a driver has
// (`probe`).
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <string>

#include "worker/compute_threads.h"
#include "worker/crash_report.h"
#include "worker/device_report.h"
#include "worker/driver.h"
#include "worker/options.h"
#include "worker/print_capture.h"
#include "worker/probe.h"
#include "worker/server.h"

namespace aliquot::worker {

namespace {

constexpr int kUsageStatus = 2;

bool write_all(int descriptor, const std::string& text) {
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = write(descriptor, text.data() + done, text.size() - done);
    if (count <= 0) return false;
    done += static_cast<size_t>(count);
  }
  return true;
}

int probe(const Options& options) {
  // Drivers print remarks; standard output is for the answer alone.
  const int answer = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  if (answer < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) return 1;
  return write_all(answer, probe_driver(options.driver.c_str()) + "\n") ? 0 : 1;
}

int fail(const Options& options, const std::string& reason) {
  SocketHostLink(options.socket).failed(reason.c_str());
  std::fprintf(stderr, "aliquot-worker: %s\n", reason.c_str());
  return 1;
}

// The device that the options name; null, and why.
Driver* open_driver(const Options& options, std::string& problem) {
  ask_for_all_threads(options.driver);
  std::vector<Platform> platforms;
  problem = load_platforms(options.driver.c_str(), platforms);
  if (!problem.empty()) return nullptr;
  if (options.platform_index >= platforms.size()) {
    problem = "The driver has no platform with this index.";
    return nullptr;
  }
  const Platform& platform = platforms[options.platform_index];
  const auto devices = list_devices(platform);
  if (options.device_index >= devices.size()) {
    problem = "The platform has no device with this index.";
    return nullptr;
  }
  // Never destroyed: threads of the driver may run until the process ends.
  auto* driver = new Driver(platform.calls, platform_version(platform.calls, platform.id),
                            platform.id, devices[options.device_index]);
  driver->spare_units = spare_units(
      device_number<cl_uint>(driver->calls, driver->device, CL_DEVICE_MAX_COMPUTE_UNITS, 0));
  return driver;
}

// What the device is as a vGPU that has all of its memory.
int report(const Options& options) {
  const int answer = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  if (answer < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) return 1;
  std::string problem;
  const Driver* driver = open_driver(options, problem);
  if (driver == nullptr) {
    std::fprintf(stderr, "aliquot-worker: %s\n", problem.c_str());
    return 1;
  }
  ReplyBytes bytes;
  write_device_report(*driver, driver->device, {INT64_MAX, 0}, bytes);
  return write_all(answer, {bytes.bytes().begin(), bytes.bytes().end()}) ? 0 : 1;
}

int serve(const Options& options) {
  fcntl(options.socket, F_SETFD, FD_CLOEXEC);
  // Never destroyed: threads of the driver may run until the process ends.
  auto& prints = *new PrintCapture;
  const bool captured = prints.start();
  std::string problem;
  const Driver* driver = open_driver(options, problem);
  if (driver == nullptr) return fail(options, problem);
  report_crashes();
  auto& server = *new Server(options, *driver, captured ? &prints : nullptr);
  return server.serve();
}

int run(int count, const char* const* words) {
  Options options;
  const std::string problem = read_options(count, words, options);
  if (!problem.empty()) {
    std::fprintf(stderr, "aliquot-worker: %s\n%s", problem.c_str(), kUsage);
    return kUsageStatus;
  }
  signal(SIGPIPE, SIG_IGN);
  switch (options.action) {
    case Options::Action::kProbe:
      return probe(options);
    case Options::Action::kReport:
      return report(options);
    case Options::Action::kServe:
      break;
  }
  return serve(options);
}

}  // namespace

}  // namespace aliquot::worker

int main(int count, char** words) {
  const int status = aliquot::worker::run(count, words);
  // Without the destructors of a driver that may still be at work.
  _exit(status);
}
