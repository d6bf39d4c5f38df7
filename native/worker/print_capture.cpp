#include "worker/print_capture.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "worker/completion.h"

namespace aliquot::worker {

namespace {
constexpr size_t kPipeBytes = 64 << 10;
}  // namespace

bool PrintCapture::start() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  read_end_.reset(ends[0]);
  Descriptor write_end(ends[1]);
  // The reader must not wait; the writers are drivers, which expect a blocking output.
  fcntl(read_end_.get(), F_SETFL, O_NONBLOCK);
  wake_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_ || dup2(write_end.get(), STDOUT_FILENO) < 0) return false;
  return thread_.start(run, this, "prints");
}

PrintCapture::~PrintCapture() {
  if (!thread_.started()) return;
  stop_.store(true);
  const uint64_t one = 1;
  if (write(wake_.get(), &one, sizeof one) < 0) return;
  thread_.join();
}

void PrintCapture::expect(const std::shared_ptr<Publisher>& publisher) {
  if (latest_.load(std::memory_order_relaxed) == publisher.get()) return;
  const std::lock_guard guard(mutex_);
  target_ = publisher;
  latest_.store(publisher.get(), std::memory_order_relaxed);
  expected_.store(true, std::memory_order_release);
}

void PrintCapture::forget(const Publisher* publisher) {
  const std::lock_guard guard(mutex_);
  if (latest_.load(std::memory_order_relaxed) != publisher) return;
  latest_.store(nullptr, std::memory_order_relaxed);
  target_.reset();
}

void PrintCapture::drain() {
  if (!expected_.load(std::memory_order_acquire) || !read_end_) return;
  std::fflush(stdout);
  const std::lock_guard guard(mutex_);
  const auto target = target_.lock();
  unsigned char bytes[4096];
  // No more than the pipe holds: what is written meanwhile is a later drain's.
  for (size_t drained = 0; drained < kPipeBytes;) {
    const ssize_t count = read(read_end_.get(), bytes, sizeof bytes);
    if (count <= 0) {
      if (count < 0 && errno == EINTR) continue;
      return;
    }
    drained += static_cast<size_t>(count);
    if (target) target->print({bytes, static_cast<size_t>(count)});
  }
}

// Keeps the pipe from filling up: a driver that waits to write would keep its kernel waiting.
void* PrintCapture::run(void* argument) {
  auto* self = static_cast<PrintCapture*>(argument);
  while (!self->stop_.load()) {
    pollfd waits[2] = {{self->read_end_.get(), POLLIN, 0}, {self->wake_.get(), POLLIN, 0}};
    if (poll(waits, 2, -1) < 0 && errno != EINTR) break;
    if ((waits[0].revents & POLLIN) == 0) continue;
    // What comes without any printing kernel (a driver's own remarks) is thrown away.
    self->expected_.store(true, std::memory_order_release);
    self->drain();
  }
  return nullptr;
}

}  // namespace aliquot::worker
