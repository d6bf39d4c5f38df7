#include "test_host.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace aliquot::test {

namespace {

[[noreturn]] void give_up(const char* text) {
  std::fprintf(stderr, "test host: %s\n", text);
  std::exit(1);
}

}  // namespace

SharedPages::SharedPages(size_t bytes) : bytes_(bytes) {
  descriptor_.reset(memfd_create("aliquot-test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!descriptor_ || ftruncate(descriptor_.get(), static_cast<off_t>(bytes)) != 0 ||
      fcntl(descriptor_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    give_up("no shared memory");
  }
  void* data =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_.get(), 0);
  if (data == MAP_FAILED) give_up("no mapping");
  data_ = static_cast<unsigned char*>(data);
}

SharedPages::~SharedPages() { munmap(data_, bytes_); }

TestHost::TestHost(const WorkerSettings& settings) : settings_(settings) {
  Descriptor theirs;
  if (!make_record_socket_pair(socket_, theirs)) give_up("no socket pair");
  const std::vector<std::string> words = {
      settings.program,    "serve",
      "--driver",          settings.driver,
      "--memory-limit",    std::to_string(settings.memory_limit),
      "--kernel-limit-ms", std::to_string(settings.kernel_limit_ms),
      "--flags",           std::to_string(settings.flags),
      "--socket-fd",       "3"};
  std::vector<char*> pointers;
  for (const auto& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  process_ = fork();
  if (process_ < 0) give_up("no process");
  if (process_ == 0) {
    if (theirs.get() != 3) {
      if (dup2(theirs.get(), 3) < 0) _exit(127);
    } else {
      fcntl(3, F_SETFD, 0);
    }
    execv(pointers[0], pointers.data());
    _exit(127);
  }
  if (settings.turns != WorkerSettings::Turns::kNone) {
    turn_page_ = std::make_unique<SharedPages>(turns::kTurnPageSize);
    send(make_record(records::Kind::kTurnPage, 0), turn_page_->descriptor());
  }
  records::Record record;
  if (!expect(records::Kind::kWorkerReady, record)) give_up("the worker did not get ready");
  shared_pages_ = payload_of<records::WorkerReady>(record).shared_pages != 0;
  if (settings.turns != WorkerSettings::Turns::kShared) return;
  keeper_ = std::thread([this] { keep_turns(); });
}

TestHost::~TestHost() { finish(); }

int TestHost::finish() {
  stop_keeping_.store(true);
  if (keeper_.joinable()) keeper_.join();
  socket_.reset();
  int status = 0;
  if (process_ > 0) waitpid(process_, &status, 0);
  process_ = -1;
  return status;
}

void TestHost::kill_worker() {
  kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
  process_ = -1;
}

void TestHost::send(const records::Record& record, int descriptor) {
  for (int i = 0; i < 1000; ++i) {
    const auto result = send_record(socket_.get(), record, &descriptor, descriptor >= 0 ? 1 : 0);
    if (result != SocketResult::kWouldBlock) return;
    pollfd wait{socket_.get(), POLLOUT, 0};
    poll(&wait, 1, 10);
  }
}

bool TestHost::receive(int milliseconds) {
  if (!wait_readable(socket_.get(), milliseconds)) return false;
  records::Record record;
  DescriptorList descriptors;
  if (receive_record(socket_.get(), record, descriptors) != SocketResult::kOk) return false;
  const std::lock_guard guard(mutex_);
  if (settings_.turns == WorkerSettings::Turns::kShared) note_turn(record);
  received_.push_back(record);
  return true;
}

void TestHost::note_turn(const records::Record& record) {
  if (record.header.kind == records::Kind::kTurnWanted) wants_turn_ = true;
  if (record.header.kind != records::Kind::kTurnFinished) return;
  const auto finished = payload_of<records::TurnFinished>(record);
  if (!in_turn_ || finished.turn != turns_given_) give_up("a turn was given back twice");
  in_turn_ = false;
  wants_turn_ = finished.more != 0;
}

// Turns of 2 ms, and others between them of half a millisecond.
void TestHost::keep_turns() {
  const timespec others{0, 500'000};
  while (!stop_keeping_.load()) {
    bool due = false;
    {
      const std::lock_guard guard(mutex_);
      due = wants_turn_ && !in_turn_;
    }
    if (!due) {
      receive(1);
      continue;
    }
    nanosleep(&others, nullptr);
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    const std::lock_guard guard(mutex_);
    in_turn_ = true;
    turns_given_ = turns().grant(static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u +
                                 static_cast<uint64_t>(now.tv_nsec) + 2'000'000);
  }
}

bool TestHost::expect(records::Kind kind, records::Record& record, int milliseconds) {
  // The keeper of turns may receive what is expected here.
  constexpr int kSliceMs = 10;
  for (int quiet_ms = 0;; quiet_ms += kSliceMs) {
    {
      const std::lock_guard guard(mutex_);
      for (auto place = received_.begin(); place != received_.end(); ++place) {
        if (place->header.kind != kind) continue;
        record = *place;
        received_.erase(place);
        return true;
      }
    }
    if (quiet_ms >= milliseconds) return false;
    if (receive(std::min(kSliceMs, milliseconds))) quiet_ms = -kSliceMs;
  }
}

bool TestHost::seen(records::Kind kind) {
  while (receive(0)) {
  }
  const std::lock_guard guard(mutex_);
  for (const auto& record : received_) {
    if (record.header.kind == kind) return true;
  }
  return false;
}

uint64_t TestHost::cpu_ticks() const {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%d/stat", static_cast<int>(process_));
  FILE* file = std::fopen(path, "r");
  if (file == nullptr) return 0;
  unsigned long user = 0;
  unsigned long system = 0;
  const int found = std::fscanf(
      file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
  std::fclose(file);
  return found == 2 ? user + system : 0;
}

}  // namespace aliquot::test
