// Kernel printf: the worker's bytes go to the program's own stdout, through its own buffer, so
// that they come in the order in which the program prints around its synchronization points.
#include <cstdio>

#include "guest/opencl/event.h"

namespace aliquot::guest::opencl {

void drain_print(Connection& connection) {
  layout::ConnectionMemory& memory = connection.memory();
  layout::Control& control = memory.control;
  if (control.print_tail.load(std::memory_order_acquire) ==
          control.print_head.load(std::memory_order_relaxed) &&
      control.print_dropped.load(std::memory_order_relaxed) == 0) {
    return;
  }
  LockGuard guard(events_of(connection).print_lock);
  uint64_t head = control.print_head.load(std::memory_order_relaxed);
  const uint64_t tail = control.print_tail.load(std::memory_order_acquire);
  if (tail - head > layout::kPrintBytes) head = tail;  // a faulty worker
  while (head != tail) {
    const size_t begin = head % layout::kPrintBytes;
    size_t bytes = tail - head;
    if (bytes > layout::kPrintBytes - begin) bytes = layout::kPrintBytes - begin;
    if (fwrite(memory.print + begin, 1, bytes, stdout) != bytes) {
      head = tail;  // the program has closed its stdout
      break;
    }
    head += bytes;
  }
  control.print_head.store(head, std::memory_order_release);
  const uint64_t dropped = control.print_dropped.exchange(0, std::memory_order_relaxed);
  if (dropped != 0) {
    fprintf(stderr, "aliquot: %llu bytes of kernel printf output were lost\n",
            static_cast<unsigned long long>(dropped));
  }
}

}  // namespace aliquot::guest::opencl
