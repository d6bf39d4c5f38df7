#include "worker/crash_report.h"

#include <execinfo.h>
#include <signal.h>
#include <unistd.h>

#include <cstring>

namespace aliquot::worker {

namespace {

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
constexpr int kMostCalls = 24;

// Nothing here may allocate: the crash may have been in the allocator.
void report(int number) {
  char text[] = "crashed by signal 00; on the stack, as far as it can be read:\n";
  char* digits = std::strchr(text, '0');
  digits[0] = static_cast<char>('0' + number / 10);
  digits[1] = static_cast<char>('0' + number % 10);
  if (write(STDERR_FILENO, text, sizeof text - 1) < 0) return;
  void* calls[kMostCalls];
  backtrace_symbols_fd(calls, backtrace(calls, kMostCalls), STDERR_FILENO);
}

void on_crash(int number) {
  report(number);
  raise(number);  // it comes once this has returned, and nobody handles it any more
}

}  // namespace

void report_crashes() {
  // The first use loads the unwinder, which allocates.
  void* call = nullptr;
  backtrace(&call, 1);
  struct sigaction action {};
  action.sa_handler = on_crash;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  for (const int number : kSignals) sigaction(number, &action, nullptr);
}

}  // namespace aliquot::worker
