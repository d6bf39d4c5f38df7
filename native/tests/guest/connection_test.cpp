// The connection: greeting, ring, requests, replies, fork, and the peer's end.
#include "guest/connection.h"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "check.h"
#include "fake_peer.h"
#include "generated/opencl_codec.h"
#include "guest/reply_wait.h"
#include "guest/ring_producer.h"
#include "protocol/socket.h"

using namespace aliquot;
using namespace aliquot::guest;
using guest_test::FakePeer;

namespace {

bool attach_nothing(Connection&) { return true; }

// Frames of all sizes from several threads, many times around the ring: each arrives whole, and in
// the order of its thread. The reader is now faster, now slower than the writers.
void test_ring(Connection& connection, FakePeer& peer) {
  constexpr uint32_t kThreads = 3;
  constexpr uint32_t kFrames = 2'000;
  layout::ConnectionMemory& memory = *peer.memory(0);
  std::vector<std::thread> writers;
  for (uint32_t thread = 0; thread < kThreads; ++thread) {
    writers.emplace_back([&connection, thread] {
      std::vector<uint8_t> bytes(32'000, static_cast<uint8_t>(thread));
      for (uint32_t number = 1; number <= kFrames; ++number) {
        opencl::LaunchCommand command;
        command.queue = thread + 1;
        command.kernel = number;
        command.arguments = {bytes.data(), (number * 7919u + thread) % bytes.size()};
        LockGuard guard(connection.lock());
        CHECK(put_command(connection, command));
      }
    });
  }
  const std::atomic<bool> never{false};
  uint32_t seen[kThreads] = {};
  for (uint32_t i = 0; i < kThreads * kFrames; ++i) {
    const std::vector<unsigned char> frame = peer.next_frame(memory, never);
    opencl::LaunchCommand command;
    CHECK(decode(std::span<const unsigned char>(frame), command));
    CHECK(command.queue >= 1 && command.queue <= kThreads);
    const uint32_t thread = (command.queue - 1) % kThreads;
    CHECK(command.kernel == ++seen[thread]);
    CHECK(command.arguments.size() == (command.kernel * 7919u + thread) % 32'000);
    for (const uint8_t byte : command.arguments) CHECK(byte == thread);
    if (i % 500 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(3));
  }
  for (std::thread& writer : writers) writer.join();
  CHECK(memory.control.command_tail.load() == memory.control.command_head.load());
}

// A sleeping worker is woken: the word is cleared.
void test_wake(Connection& connection, FakePeer& peer) {
  layout::ConnectionMemory& memory = *peer.memory(0);
  memory.control.worker_sleeps.store(1);
  {
    LockGuard guard(connection.lock());
    CHECK(put_command(connection, opencl::FlushCommand{}));
  }
  CHECK(memory.control.worker_sleeps.load() == 0);
  const std::atomic<bool> never{false};
  CHECK(peer.next_frame(memory, never).size() == 16);
}

void test_requests(Connection& connection) {
  records::CreditRequest wanted;
  wanted.bytes = 12345;
  records::Record answer;
  CHECK(connection.request(make_record(records::Kind::kCreditRequest, 0, wanted),
                           records::Kind::kCreditReply, &answer, nullptr));
  CHECK(payload_of<records::CreditReply>(answer).granted == 12345);
  int descriptor = 7;
  CHECK(!connection.request(make_record(records::Kind::kArenaRequest, 0),
                            records::Kind::kArenaReply, &answer, &descriptor));
  CHECK(descriptor == -1);
  CHECK(!connection.dead());
}

// More threads wait for answers than there are slots; a faulty worker's lengths are clamped.
void test_replies(Connection& connection, FakePeer& peer) {
  layout::ConnectionMemory& memory = *peer.memory(0);
  std::atomic<bool> stop{false};
  std::thread worker([&] {
    while (true) {
      const std::vector<unsigned char> frame = peer.next_frame(memory, stop);
      if (frame.empty()) return;
      opencl::ProgramInfoCommand command;
      CHECK(decode(std::span<const unsigned char>(frame), command));
      layout::ReplySlot& slot = memory.replies[command.reply.slot % layout::kReplySlots];
      slot.status = static_cast<int32_t>(command.program);
      slot.inline_bytes = 0xffff'ffffu;
      slot.total_bytes = command.parameter;
      if (slot.state.exchange(layout::kReplyReady) == layout::kReplyWaited) {
        futex_wake(slot.state, 1);
      }
    }
  });
  std::vector<std::thread> askers;
  for (uint32_t thread = 0; thread < 80; ++thread) {
    askers.emplace_back([&connection, thread] {
      for (uint32_t round = 0; round < 20; ++round) {
        ReplyWait reply(connection);
        CHECK(reply.usable());
        opencl::ProgramInfoCommand command;
        command.program = thread;
        command.parameter = round;
        command.reply = reply.fields<opencl::ReplyTarget>();
        {
          LockGuard guard(connection.lock());
          CHECK(put_command(connection, command));
        }
        CHECK(reply.wait());
        CHECK(reply.status() == static_cast<int32_t>(thread));
        CHECK(reply.total_bytes() == round);
        CHECK(reply.bytes() == sizeof(layout::ReplySlot::data));
      }
    });
  }
  for (std::thread& asker : askers) asker.join();
  stop = true;
  worker.join();
}

// The child's copy is dead, a new one is made on demand, and the parent's goes on.
void test_fork(Connection& connection, FakePeer& peer) {
  const size_t before = peer.welcomed();
  const pid_t child = ::fork();
  if (child == 0) {
    const bool old_dead = connection.dead() && connection.forked();
    const bool forgotten = Connection::get() == nullptr;
    Connection* fresh = Connection::get(&attach_nothing);
    const bool new_one = fresh != nullptr && fresh != &connection && !fresh->dead();
    bool sent = false;
    if (new_one) {
      LockGuard guard(fresh->lock());
      sent = put_command(*fresh, opencl::FlushCommand{});
    }
    ::_exit((old_dead ? 0 : 1) + (forgotten ? 0 : 2) + (new_one ? 0 : 4) + (sent ? 0 : 8));
  }
  int status = -1;
  CHECK(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CHECK(peer.welcomed() == before + 1);
  CHECK(!connection.dead() && connection.check_alive());
  CHECK(Connection::get() == &connection);
}

// Whoever waits when the peer goes is let go: for an answer, for room in the ring.
void test_end(Connection& connection, FakePeer& peer) {
  std::atomic<int> released{0};
  std::atomic<bool> asked{false};  // before the ring is full: who waits for room keeps the lock
  std::thread asks([&] {
    ReplyWait reply(connection);
    opencl::ProgramInfoCommand command;
    command.reply = reply.fields<opencl::ReplyTarget>();
    {
      LockGuard guard(connection.lock());
      CHECK(put_command(connection, command));
    }
    asked = true;
    CHECK(!reply.wait());
    ++released;
  });
  std::thread writes([&] {
    std::vector<uint8_t> bytes(30'000);
    opencl::LaunchCommand command;
    command.arguments = bytes;
    while (!asked) std::this_thread::yield();
    bool alive = true;
    while (alive) {  // nobody reads: the ring fills up
      LockGuard guard(connection.lock());
      alive = put_command(connection, command);
    }
    ++released;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(released == 0);
  peer.hang_up();
  asks.join();
  writes.join();
  CHECK(connection.dead());
  CHECK(!connection.check_alive());
  records::Record answer;
  CHECK(!connection.request(make_record(records::Kind::kCreditRequest, 0),
                            records::Kind::kCreditReply, &answer, nullptr));
  CHECK(Connection::get(&attach_nothing) == &connection);  // no second chance in this process
  ReplyWait reply(connection);
  CHECK(reply.usable());
}

}  // namespace

void test_connection() {
  ::unsetenv("ALIQUOT_VGPU_SOCKET");
  FakePeer peer;
  Connection* connection = Connection::get(&attach_nothing);
  CHECK(connection != nullptr);
  if (connection == nullptr) return;
  CHECK(connection->welcome().memory_limit == 1 << 20);
  CHECK(!connection->strict() && !connection->staged());
  test_ring(*connection, peer);
  test_wake(*connection, peer);
  test_requests(*connection);
  test_replies(*connection, peer);
  test_fork(*connection, peer);
  test_end(*connection, peer);
}
