#include "device_host/worker_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "sandbox/steps.h"

namespace aliquot {

namespace {
constexpr uint64_t kDismissalMilliseconds = 100;
// What the cgroup adds to the witness's bound: page tables, kernel memory, cached files.
constexpr uint64_t kCgroupSlack = uint64_t{128} << 20;
}  // namespace

WorkerProcess::WorkerProcess(HostContext& context, const VgpuSettings& settings,
                             WorkerEvents events)
    : context_(context), settings_(settings), events_(std::move(events)) {}

WorkerProcess::~WorkerProcess() {
  forget_descriptors();
  context_.loop.cancel(dismissal_);
  context_.children.abandon(cache_check_);
  if (!running_) return;
  ::syscall(SYS_pidfd_send_signal, launched_.process_descriptor.get(), SIGKILL, nullptr, 0);
  context_.link.remove_worker(launched_.process);
}

// The supervisor lives as long as the workers do.
std::string WorkerProcess::cgroup_name() const {
  return WorkerCgroup::name_prefix(context_.options.uuid) + std::to_string(::getppid()) + "-v" +
         std::to_string(settings_.id);
}

bool WorkerProcess::start(std::string& problem) {
  if (!take_worker_home(context_.options.runtime_dir, context_.options.cache_dir, settings_.owner,
                        home_)) {
    problem = "no user is left for it";
    return false;
  }
  sandbox::Plan plan = make_worker_plan(context_.options, settings_, home_);
  plan.sibling = context_.link.is_open();
  cgroup_limit_ = settings_.memory_bytes + kMostDriverBaseline + kDriverAllowance + kCgroupSlack;
  cgroup_.create(cgroup_name(), cgroup_limit_, kMostWorkerProcesses);

  Descriptor ours, theirs;
  int output[2];
  if (!make_record_socket_pair(ours, theirs) || ::pipe2(output, O_CLOEXEC | O_NONBLOCK) != 0) {
    problem = std::string("no descriptors are left: ") + std::strerror(errno);
    return false;
  }
  output_.reset(output[0]);
  Descriptor their_output(output[1]);
  plan.socket = theirs.get();
  plan.output = their_output.get();
  std::vector<Descriptor> group;
  for (const std::string& path : cgroup_.process_files()) {
    group.emplace_back(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    plan.cgroup_files.push_back(group.back().get());
  }
  if (!cgroup_.birth_folder().empty()) {
    group.emplace_back(::open(cgroup_.birth_folder().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    plan.cgroup_folder = group.back().get();
  }
  if (!sandbox::launch(plan, launched_)) {
    problem = std::string("no process could be made: ") + std::strerror(errno);
    return false;
  }
  context_.link.add_worker(launched_.process, [this](int status) { on_ended(status); });
  keep_descriptors(ours.get());
  listen(std::move(ours));
  return true;
}

void WorkerProcess::listen(Descriptor socket) {
  running_ = kept_ = true;
  channel_ = std::make_unique<RecordChannel>(
      context_.loop, std::move(socket), kMostQueuedToWorker,
      [this](const records::Record& record) {
        // It speaks, so its program runs: what was reported of its fences comes before.
        if (report_token_ != 0) on_report();
        events_.record(record);
      },
      [this](const char* reason) { kill(std::string("it ") + reason); },
      Keeping{&context_.link, &context_.state, key(KeptKind::kWorkerChannel)});
  if (!started_)
    report_token_ =
        context_.loop.watch(launched_.report.get(), EPOLLIN, [this](uint32_t) { on_report(); });
  output_token_ = context_.loop.watch(output_.get(), EPOLLIN, [this](uint32_t) { on_output(); });
}

void WorkerProcess::send(const records::Record& record, const std::vector<int>& descriptors) {
  if (channel_) channel_->send(record, descriptors);
}

void WorkerProcess::check_cache() {
  if (!running_ || home_.cache_directory.empty() || cache_check_ != 0) return;
  const char* const folder = home_.cache_directory.c_str();
  if (!room_.shrank(folder, monotonic_milliseconds())) return;
  const auto check = [folder] {
    const uint64_t bytes =
        sandbox::folder_bytes(folder, kMostCacheEntries, sandbox::Haste::kInPassing);
    return bytes > 2 * kMostCacheBytes ? 1 : 0;
  };
  cache_check_ = context_.children.run_helper(check, [this](int too_large) {
    cache_check_ = 0;
    if (too_large == 1)
      kill("its cache of compiled kernels holds more than " +
           std::to_string(2 * kMostCacheBytes >> 20) + " MiB, or too many files");
  });
}

void WorkerProcess::limit_cgroup(uint64_t common_bytes) {
  const uint64_t limit =
      settings_.memory_bytes + kMostDriverBaseline + kDriverAllowance + kCgroupSlack + common_bytes;
  if (limit != std::exchange(cgroup_limit_, limit)) cgroup_.set_memory_limit(limit);
}

void WorkerProcess::kill(const std::string& why) {
  if (!running_) return;
  const bool first = why_killed_.empty();
  if (first) why_killed_ = why;
  // Its process namespace, and with it every child, dies with it.
  ::syscall(SYS_pidfd_send_signal, launched_.process_descriptor.get(), SIGKILL, nullptr, 0);
  if (first) events_.doomed();
}

void WorkerProcess::dismiss(const std::string& why) {
  if (!running_ || dismissal_ != 0) return;
  if (why_killed_.empty()) why_killed_ = why;
  channel_->close();
  dismissal_ = context_.loop.schedule(kDismissalMilliseconds, [this] {
    dismissal_ = 0;
    kill(why_killed_);
  });
}

void WorkerProcess::on_report() {
  sandbox::Report report;
  for (;;) {
    const ssize_t length = ::read(launched_.report.get(), &report, sizeof(report));
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (length != static_cast<ssize_t>(sizeof(report))) break;
    reported_ = true;
    protections_ |= report.protections;
    events_.changed();
    if (report.error != 0)
      kill(std::string(report.step, ::strnlen(report.step, sizeof(report.step))) + ": " +
           std::strerror(report.error));
  }
  // The end of the stream: the program took the child's place, or the child died.
  context_.loop.unwatch(report_token_);
  report_token_ = 0;
  if (!reported_) kill("its sandbox could not be built");
  if (cgroup_.limits_memory() && (protections_ & records::kMemoryCgroup) == 0)
    context_.log.line("vgpu=%llu worker=%d could not be put into its cgroup",
                      static_cast<unsigned long long>(settings_.id), launched_.process);
  if (!why_killed_.empty()) return;
  started_ = true;
  events_.started();
  context_.link.forget(key(KeptKind::kWorkerReport));  // only now is it noted that there's no need
}

void WorkerProcess::on_output() {
  char text[512];
  const ssize_t length = ::read(output_.get(), text, sizeof(text));
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (length <= 0) {
    context_.loop.unwatch(output_token_);
    output_token_ = 0;
    return;
  }
  for (const char* at = text; at < text + length; ++at) {
    if (*at != '\n') unfinished_line_ += *at;
    if (*at == '\n' || unfinished_line_.size() >= sizeof(text)) {
      log_line(unfinished_line_);
      unfinished_line_.clear();
    }
  }
}

void WorkerProcess::log_line(const std::string& line) {
  if (line.empty() || lines_left_ == 0) return;
  --lines_left_;
  context_.log.line("vgpu=%llu worker=%d says: %s%s", static_cast<unsigned long long>(settings_.id),
                    launched_.process, line.c_str(),
                    lines_left_ == 0 ? " (what follows is not logged)" : "");
}

void WorkerProcess::on_ended(int status) {
  // The last words come before the news of its death.
  if (report_token_ != 0) on_report();
  channel_->drain();
  for (int round = 0; round < 256 && output_token_ != 0; ++round) on_output();
  log_line(unfinished_line_);
  running_ = false;
  if ((protections_ & records::kProcessNamespace) == 0) context_.children.kill_orphans();
  std::string how;
  if (cgroup_.kills() > 0) how = "its memory cgroup's limit was reached";
  if (how.empty() && WIFSIGNALED(status))
    how = std::string("ended by signal ") + std::to_string(WTERMSIG(status));
  if (how.empty()) how = "ended with status " + std::to_string(WEXITSTATUS(status));
  if (!why_killed_.empty() && why_killed_ != "it hung up") how = why_killed_;
  forget_descriptors();
  channel_->close();
  if (!cgroup_.remove()) {
    // Children of a worker without a process namespace may take a moment to die.
    context_.log.line("vgpu=%llu worker=%d left its cgroup busy",
                      static_cast<unsigned long long>(settings_.id), launched_.process);
  }
  give_back_home();
  events_.ended(how);
}

// The next worker may have its user and its cache at once, while a helper still counts the latter. It is
// noted here, between two requests: a helper that held the lock could be in the next worker's way.
void WorkerProcess::give_back_home() {
  const uint64_t taken = home_.cache_lock ? times_taken(home_.cache_lock.get()) : 0;
  const std::string cache = home_.cache_directory;
  home_.unlock();
  home_ = WorkerHome();
  if (cache.empty()) return;
  const auto count = [&cache] { return cache_holds_too_much(cache) ? 1 : 0; };
  context_.children.run_helper(count, [&children = context_.children, cache, taken](int too_much) {
    if (too_much == 0) note_counted(cache, taken);
    if (too_much != 1) return;  // it was killed
    const auto empty = [&cache, taken] {
      empty_cache(cache, taken);
      return 0;
    };
    children.run_helper(empty, nullptr);
  });
}

void WorkerProcess::forget_descriptors() {
  for (uint64_t* token : {&report_token_, &output_token_}) {
    context_.loop.unwatch(*token);
    *token = 0;
  }
  if (!std::exchange(kept_, false)) return;
  for (const KeptKind kind :
       {KeptKind::kWorkerProcess, KeptKind::kWorkerReport, KeptKind::kWorkerOutput,
        KeptKind::kWorkerUser, KeptKind::kWorkerCache})
    context_.link.forget(key(kind));
}

}  // namespace aliquot
