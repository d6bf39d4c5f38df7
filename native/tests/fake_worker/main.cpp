// A worker that obeys a script. Orders are words, one or more a line, read from the file after
// --driver; or given as arguments themselves, to try the same things outside a sandbox:
//
//   ready                 say kWorkerReady
//   fail TEXT             say kWorkerFailed
//   burn                  compute from now on, on a thread of its own
//   compute HONESTY       serve, and compute in turns; see tenant.h
//   serve                 answer kDisconnect with kGone and kPing with kPong until the device host
//                         hangs up
//   serve-silently        read records, answer none
//   await-connect         read records until a guest process is connected
//   sleep MS   exit N   crash
//   violation TEXT   overrun NAME   false-gone N   status N   garbage   odd-record
//   false-pong            answer a kPing that never came
//   drop-arenas           claim kArenaDropped for every arena that came
//   used BYTES            claim from now on to hold so much of the vGPU's memory; it holds none
//   queues TALE           tell of queues, when asked from now on; see queue_tales.h. Else it doesn't
//   hoard-arenas          the same for every arena that comes from now on, but keep it, full
//   allocate BYTES and its kin, answering meanwhile, and every trial of trials.h
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "protocol/socket.h"
#include "queue_tales.h"
#include "tenant.h"
#include "trials.h"

namespace {

using namespace aliquot;  // NOLINT: a test program
using records::Kind;

constexpr int kSocket = 3;
uint32_t g_connection = 0;
std::vector<records::Arena> g_arenas;
bool g_hoards = false;
bool g_burns = false;
uint64_t g_claimed_ns = 0;
uint64_t g_claimed_memory = 0;
std::string g_queue_tale;

template <class Payload>
void say(Kind kind, const Payload& payload) {
  while (send_record(kSocket, make_record(kind, 0, payload)) == SocketResult::kWouldBlock)
    ::usleep(1000);
}

void announce(Kind kind) {
  while (send_record(kSocket, make_record(kind, 0)) == SocketResult::kWouldBlock) ::usleep(1000);
}

void pong(uint32_t sequence) {
  while (send_record(kSocket, make_record(Kind::kPong, sequence)) == SocketResult::kWouldBlock)
    ::usleep(1000);
}

/// `answering`: as a worker ought to.
void react(const records::Record& record, const DescriptorList& descriptors, bool answering) {
  if (record.header.kind == Kind::kConnect)
    g_connection = payload_of<records::Connect>(record).connection;
  if (record.header.kind == Kind::kArena) {
    g_arenas.push_back(payload_of<records::Arena>(record));
    if (g_hoards) {
      say(Kind::kArenaDropped, g_arenas.back());
      ::usleep(100000);  // so that it is believed by then
      fake_worker::hoard(descriptors.items[0].get(), g_arenas.back().bytes);
    }
  }
  if (record.header.kind == Kind::kDisconnect && answering)
    say(Kind::kGone, payload_of<records::ConnectionReference>(record));
  if (record.header.kind == Kind::kPing && answering) pong(record.header.sequence);
  if (record.header.kind == Kind::kAskMemory && answering)
    send_record(kSocket, make_record(Kind::kMemory, record.header.sequence,
                                     records::Memory{g_claimed_memory}));
  if (record.header.kind == Kind::kAskQueues && !g_queue_tale.empty())
    for (const auto& told : fake_worker::tell_queues(g_queue_tale, g_connection))
      send_record(kSocket, make_record(Kind::kQueuesTold, record.header.sequence, told));
  // What its trials take is no work for a device; what it burns it doesn't own up to.
  if (record.header.kind == Kind::kAskWork) {
    if (!g_burns) g_claimed_ns += 1'000'000'000'000;
    say(Kind::kWork, records::Work{g_claimed_ns});
  }
}

/// Reads until a record of this kind came; false at the end of the stream.
bool read_until(Kind kind, bool answering) {
  for (;;) {
    if (!wait_readable(kSocket, 1000)) continue;
    records::Record record;
    DescriptorList descriptors;
    const SocketResult result = receive_record(kSocket, record, descriptors);
    if (result == SocketResult::kWouldBlock) continue;
    if (result != SocketResult::kOk) return false;
    react(record, descriptors, answering);
    if (record.header.kind == kind) return true;
  }
}

/// What has come by now, answered as a worker ought to: who fills its memory silently is ended for that.
void answer_what_came() {
  records::Record record;
  DescriptorList descriptors;
  while (receive_record(kSocket, record, descriptors) == SocketResult::kOk)
    react(record, descriptors, true);
}

/// Uses the device until the end of the stream; pieces of its work are told as kernels.
void compute(const std::string& honesty) {
  constexpr uint64_t kStatusPieces = 1'000;
  g_burns = true;
  fake_worker::Tenant& tenant = *new fake_worker::Tenant(honesty);
  for (uint64_t told = 0;;) {
    records::Record record;
    DescriptorList descriptors;
    const SocketResult result = receive_record(kSocket, record, descriptors);
    if (result == SocketResult::kOk) {
      if (record.header.kind == Kind::kTurnPage) tenant.take_page(descriptors.items[0].get());
      react(record, descriptors, true);
      continue;
    }
    if (result != SocketResult::kWouldBlock) return;
    if (tenant.wants_turn()) announce(Kind::kTurnWanted);
    if (const auto finished = tenant.step()) say(Kind::kTurnFinished, *finished);
    if (const uint64_t work = tenant.work(); work >= told + kStatusPieces) {
      say(Kind::kWorkerStatus, records::WorkerStatus{work, 0, 0});
      told = work;
    }
  }
}

std::vector<std::string> read_words(const char* path) {
  std::vector<std::string> words;
  std::FILE* file = std::fopen(path, "r");
  if (file == nullptr) return words;
  char word[512];
  while (std::fscanf(file, "%511s", word) == 1) words.emplace_back(word);
  std::fclose(file);
  return words;
}

bool obey_protocol_order(const std::string& order, const std::string& argument, bool& used) {
  used = true;
  if (order == "fail") {
    records::Error error;
    error.code = records::ErrorCode::kWorkerStart;
    copy_text(error.text, sizeof(error.text), argument.c_str());
    say(Kind::kWorkerFailed, error);
  } else if (order == "violation") {
    records::Violation violation;
    violation.connection = g_connection;
    copy_text(violation.text, sizeof(violation.text), argument.c_str());
    say(Kind::kViolation, violation);
  } else if (order == "overrun") {
    records::KernelOverrun overrun;
    overrun.connection = g_connection;
    overrun.milliseconds = 2500;
    copy_text(overrun.kernel, sizeof(overrun.kernel), argument.c_str());
    say(Kind::kKernelOverrun, overrun);
  } else if (order == "false-gone") {
    say(Kind::kGone,
        records::ConnectionReference{static_cast<uint32_t>(std::atoi(argument.c_str()))});
  } else if (order == "compute") {
    compute(argument);
  } else if (order == "used") {
    g_claimed_memory = std::strtoull(argument.c_str(), nullptr, 10);
  } else if (order == "queues") {
    g_queue_tale = argument;
  } else if (order == "status") {
    say(Kind::kWorkerStatus,
        records::WorkerStatus{std::strtoull(argument.c_str(), nullptr, 10), 7});
  } else {
    used = false;
    if (order == "ready") {
      say(Kind::kWorkerReady, records::WorkerReady{1});
    } else if (order == "serve") {
      read_until(static_cast<Kind>(0), true);
    } else if (order == "serve-silently") {
      read_until(static_cast<Kind>(0), false);
    } else if (order == "await-connect") {
      read_until(Kind::kConnect, true);
    } else if (order == "drop-arenas") {
      for (const records::Arena& arena : g_arenas) say(Kind::kArenaDropped, arena);
    } else if (order == "hoard-arenas") {
      g_hoards = true;
    } else if (order == "burn") {
    g_burns = true;
    std::thread([] {
      for (;;) ::getppid();
    }).detach();
  } else if (order == "false-pong") {
      pong(4711);
    } else if (order == "garbage") {
      [[maybe_unused]] const ssize_t sent = ::send(kSocket, "garbage", 7, MSG_NOSIGNAL);
    } else if (order == "odd-record") {
      say(Kind::kVgpuCreate, records::VgpuCreate{});
    } else if (order == "crash") {
      ::signal(SIGSEGV, SIG_DFL);
      volatile int* nowhere = nullptr;
      *nowhere = 1;
    } else {
      return false;
    }
  }
  return true;
}

bool obey_memory_order(const std::string& order, const std::string& argument) {
  const unsigned long long bytes = std::strtoull(argument.c_str(), nullptr, 10);
  if (order == "allocate") return fake_worker::allocate(bytes, answer_what_came), true;
  if (order == "fork-allocate") return fake_worker::allocate_in_child(bytes), true;
  if (order == "orphan-allocate") return fake_worker::allocate_in_orphan(bytes), true;
  if (order == "thread-allocate")
    return fake_worker::allocate_in_last_thread(bytes, answer_what_came), true;
  if (order == "allocate-memory-file") return fake_worker::allocate_memory_file(bytes), true;
  if (order == "allocate-in-scratch") return fake_worker::allocate_in_scratch(bytes), true;
  if (order == "allocate-shared") return fake_worker::allocate_shared(bytes), true;
  return false;
}

void obey(const std::vector<std::string>& words) {
  for (size_t index = 0; index < words.size(); ++index) {
    const std::string& order = words[index];
    const std::string argument = index + 1 < words.size() ? words[index + 1] : "";
    bool used = false;
    if (obey_protocol_order(order, argument, used)) {
      index += used ? 1 : 0;
    } else if (obey_memory_order(order, argument) || fake_worker::run_trial(order, argument)) {
      ++index;
    } else if (order == "sleep") {
      ::usleep(static_cast<useconds_t>(std::atoi(argument.c_str())) * 1000);
      ++index;
    } else if (order == "exit") {
      std::exit(std::atoi(argument.c_str()));
    } else {
      std::fprintf(stderr, "fake worker: no such order: %s\n", order.c_str());
      std::exit(2);
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count > 1 && std::strcmp(arguments[1], "serve") == 0) {
    for (int index = 2; index + 1 < count; index += 2)
      if (std::strcmp(arguments[index], "--driver") == 0) obey(read_words(arguments[index + 1]));
    return 0;
  }
  obey(std::vector<std::string>(arguments + 1, arguments + count));
  return 0;
}
