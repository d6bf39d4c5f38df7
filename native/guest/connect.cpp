// Making the connection: finding the socket, the handshake, mapping what came along; and what
// happens to it at fork().
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <new>

#include "guest/connection.h"
#include "guest/process_lock.h"
#include "protocol/socket.h"

namespace aliquot::guest {

namespace {

// A device host that dies just then is in the way for a moment only.
constexpr int kMostGreetings = 5;
constexpr useconds_t kGreetingPauseUs = 50'000;
constexpr int kWelcomeMs = 60'000;  // a driver that loads slowly keeps nobody waiting longer
// In a guest VM nothing of ours starts programs; aliquot-guest listens there.
constexpr const char* kGuestVmSocket = "/run/aliquot-guest/vgpu.sock";

constinit ProcessLock g_lock;  // guards the making of the connection
constinit std::atomic<Connection*> g_connection{nullptr};
constinit bool g_refused = false;  // said so once; not tried again
constinit bool g_fork_handlers = false;

/// One line on stderr, as every Aliquot error: code, what happened, what to do.
void complain(const char* code, const char* what, const char* remedy) {
  fprintf(stderr, "aliquot: %s: %s; %s\n", code, what, remedy);
}

/// Where the vGPU is to be reached; null: there is none.
const char* socket_path() {
  // secure_getenv: a set-uid program does not let its caller choose the driver's peer.
  const char* named = secure_getenv("ALIQUOT_VGPU_SOCKET");
  if (named != nullptr) return *named != 0 ? named : nullptr;
  return access(kGuestVmSocket, F_OK) == 0 ? kGuestVmSocket : nullptr;
}

void* map_descriptor(const Descriptor& descriptor, size_t bytes,
                     int protection = PROT_READ | PROT_WRITE) {
  struct stat facts;
  if (fstat(descriptor.get(), &facts) != 0 || facts.st_size < 0 ||
      static_cast<size_t>(facts.st_size) != bytes) {
    return nullptr;
  }
  void* memory = mmap(nullptr, bytes, protection, MAP_SHARED, descriptor.get(), 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

}  // namespace

/// The steps of a handshake; has access to the connection's private parts.
struct ConnectionMaker {
  static Connection* connect(bool (*attach_api)(Connection&));
  static Descriptor open_socket(const char* path);
  static bool greet(Connection& connection, const char* path, DescriptorList& descriptors);
  static bool shake_hands(Connection& connection, const char* path);
  /// `hung_up`: it did, without a word.
  static bool receive_welcome(Connection& connection, DescriptorList& descriptors, bool& hung_up);
  static void abandon(Connection* connection);

  static void before_fork() { g_lock.lock(); }
  static void after_fork_in_parent() { g_lock.unlock(); }
  static void after_fork_in_child();
};

bool ConnectionMaker::receive_welcome(Connection& connection, DescriptorList& descriptors,
                                      bool& hung_up) {
  records::Record answer;
  for (int waited = 0;; waited += kSliceMs) {
    const SocketResult result = receive_record(connection.socket_, answer, descriptors);
    if (result == SocketResult::kOk) break;
    if (result == SocketResult::kMalformed) {
      complain("ALQ-E101", "the device host answered with something that is no record",
               "use a guest driver and a device host of the same release");
      return false;
    }
    if (result == SocketResult::kClosed) {
      hung_up = true;
      return false;
    }
    if (waited >= kWelcomeMs) {
      complain("ALQ-E107", "the vGPU did not answer within a minute",
               "see the device host's log (`aliquot doctor` tells where)");
      return false;
    }
    wait_readable(connection.socket_, kSliceMs);
  }
  if (answer.header.version != records::kVersion) {
    complain("ALQ-E101", "the device host speaks another version of the protocol",
             "use a guest driver and a device host of the same release");
    return false;
  }
  if (answer.header.kind == records::Kind::kError) {
    records::Error error = payload_of<records::Error>(answer);
    error.text[sizeof error.text - 1] = 0;
    char code[16];
    const unsigned number = static_cast<unsigned>(error.code);
    snprintf(code, sizeof code, "ALQ-E%u", number == 0 || number > 99 ? 109 : 100 + number);
    complain(code, error.text, "the vGPU was not made available to this process");
    return false;
  }
  if (answer.header.kind != records::Kind::kGuestWelcome || descriptors.count != 3) {
    complain("ALQ-E101", "the device host answered the greeting with another record",
             "use a guest driver and a device host of the same release");
    return false;
  }
  connection.welcome_ = payload_of<records::GuestWelcome>(answer);
  return true;
}

Descriptor ConnectionMaker::open_socket(const char* path) {
  Descriptor socket;
  // A burst of processes may fill the listener's backlog for a moment.
  for (int attempt = 0; attempt < 50; ++attempt) {
    socket = connect_record_socket(path);
    if (socket || errno != EAGAIN) break;
    usleep(20'000);
  }
  if (!socket) {
    char what[256];
    snprintf(what, sizeof what, "no vGPU answers at %s (%s)", path, strerror(errno));
    complain("ALQ-E106", what, "start the program with `aliquot run` or `aliquot exec`");
  }
  return socket;
}

bool ConnectionMaker::greet(Connection& connection, const char* path, DescriptorList& descriptors) {
  records::GuestHello hello;
  hello.process_id = static_cast<uint32_t>(getpid());
  for (int attempt = 0; attempt < kMostGreetings; ++attempt) {
    if (attempt != 0) usleep(kGreetingPauseUs);
    if (connection.socket_ >= 0) close(connection.socket_);
    connection.socket_ = open_socket(path).release();
    if (connection.socket_ < 0) return false;
    bool hung_up = false;
    if (send_record(connection.socket_, make_record(records::Kind::kGuestHello, 0, hello)) ==
        SocketResult::kOk) {
      if (receive_welcome(connection, descriptors, hung_up)) return true;
      if (!hung_up) return false;
    }
  }
  complain("ALQ-E107", "the vGPU ended before it accepted this process",
           "see the device host's log (`aliquot doctor` tells where)");
  return false;
}

bool ConnectionMaker::shake_hands(Connection& connection, const char* path) {
  DescriptorList descriptors;
  if (!greet(connection, path, descriptors)) return false;
  void* memory = map_descriptor(descriptors.items[0], layout::kConnectionBytes);
  void* account = map_descriptor(descriptors.items[1], records::kAccountPageSize);
  connection.memory_ = static_cast<layout::ConnectionMemory*>(memory);
  connection.account_ = static_cast<records::AccountPage*>(account);
  connection.page_ = static_cast<const vgpu_page::Page*>(
      map_descriptor(descriptors.items[2], vgpu_page::kPageSize, PROT_READ));
  if (memory == nullptr || account == nullptr || connection.page_ == nullptr) {
    complain("ALQ-E101", "the memory that the device host sent can't be mapped",
             "use a guest driver and a device host of the same release, and look at `ulimit -v`");
    return false;
  }
  return true;
}

void ConnectionMaker::abandon(Connection* connection) {
  if (connection->memory_ != nullptr) munmap(connection->memory_, layout::kConnectionBytes);
  if (connection->account_ != nullptr) munmap(connection->account_, records::kAccountPageSize);
  if (connection->page_ != nullptr) {
    munmap(const_cast<vgpu_page::Page*>(connection->page_), vgpu_page::kPageSize);
  }
  if (connection->socket_ >= 0) close(connection->socket_);
  free(connection->scratch_);
  free(connection);
}

Connection* ConnectionMaker::connect(bool (*attach_api)(Connection&)) {
  const char* path = socket_path();
  if (path == nullptr) return nullptr;
  const uint64_t begin = now_ns();
  void* memory = malloc(sizeof(Connection));
  if (memory == nullptr) return nullptr;
  Connection* connection = new (memory) Connection;
  connection->scratch_ = static_cast<unsigned char*>(malloc(layout::kLargestFrame));
  for (IdPool& pool : connection->ids) pool.set_limit(1u << 20);
  if (connection->scratch_ == nullptr || !shake_hands(*connection, path) ||
      !attach_arenas(*connection) || !attach_credit(*connection) || !attach_api(*connection)) {
    abandon(connection);
    return nullptr;
  }
  connection->times.open(*connection->page_, connection->memory_->times);
  connection->times.started(now_ns() - begin);
  return connection;
}

void ConnectionMaker::after_fork_in_child() {
  g_lock.unlock();
  Connection* old = g_connection.load(std::memory_order_relaxed);
  g_connection.store(nullptr, std::memory_order_relaxed);
  g_refused = false;
  if (old == nullptr) return;
  old->forked_.store(true, std::memory_order_relaxed);
  old->dead_.store(true, std::memory_order_relaxed);
  old->times.close();
  // The device host sees the parent's end only when no copy of its socket is open any more.
  if (old->socket_ >= 0) close(old->socket_);
  old->socket_ = -1;
}

Connection* Connection::get() { return g_connection.load(std::memory_order_acquire); }

Connection* Connection::get(bool (*attach_api)(Connection& connection)) {
  Connection* known = g_connection.load(std::memory_order_acquire);
  if (known != nullptr) return known;
  ProcessLockGuard guard(g_lock);
  known = g_connection.load(std::memory_order_acquire);
  if (known != nullptr || g_refused) return known;
  if (!g_fork_handlers) {
    g_fork_handlers = pthread_atfork(&ConnectionMaker::before_fork,
                                     &ConnectionMaker::after_fork_in_parent,
                                     &ConnectionMaker::after_fork_in_child) == 0;
    if (!g_fork_handlers) return nullptr;
  }
  known = ConnectionMaker::connect(attach_api);
  if (known == nullptr) g_refused = true;
  g_connection.store(known, std::memory_order_release);
  return known;
}

}  // namespace aliquot::guest
