// What a channel and a listener do where a peer or the machine gives them nothing.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "check.h"
#include "device_host/record_channel.h"
#include "device_host/record_listener.h"
#include "short_of_descriptors.h"

using namespace aliquot;  // NOLINT: a test program

namespace {

const records::Record kRecord = make_record(records::Kind::kDone, 1);

}  // namespace

// A peer that doesn't read is given up; it never makes the sender wait.
void test_channel_bounds() {
  EventLoop loop;
  Descriptor ours, theirs;
  CHECK(make_record_socket_pair(ours, theirs));
  std::string reason;
  RecordChannel channel(
      loop, std::move(ours), 8, [](const records::Record&) {},
      [&](const char* why) { reason = why; });
  const records::Record record = make_record(records::Kind::kDone, 1);
  for (int index = 0; index < 100000 && channel.open(); ++index) channel.send(record);
  CHECK(!channel.open());
  CHECK(reason == "doesn't read its socket");

  // What was queued arrives in order once the peer reads.
  CHECK(make_record_socket_pair(ours, theirs));
  RecordChannel patient(
      loop, std::move(ours), 100000, [](const records::Record&) {}, [&](const char*) {});
  constexpr uint32_t kCount = 2000;
  for (uint32_t index = 0; index < kCount; ++index)
    patient.send(make_record(records::Kind::kDone, index));
  uint32_t next = 0;
  for (int round = 0; round < 100000 && next < kCount; ++round) {
    records::Record received;
    DescriptorList descriptors;
    if (receive_record(theirs.get(), received, descriptors) == SocketResult::kOk) {
      CHECK(received.header.sequence == next);
      ++next;
    } else {
      loop.run_once();
    }
  }
  CHECK(next == kCount);
}

// A record that must wait goes with its descriptor or not at all.
void test_channel_without_descriptors() {
  in_a_child([] {
    EventLoop loop;
    Descriptor ours, theirs;
    CHECK(make_record_socket_pair(ours, theirs));
    fill(ours.get());
    std::string reason;
    RecordChannel channel(
        loop, std::move(ours), 8, [](const records::Record&) {},
        [&](const char* why) { reason = why; });
    const int next = ::fcntl(theirs.get(), F_DUPFD_CLOEXEC, 3);
    ::close(next);
    permit_descriptors(static_cast<rlim_t>(next));
    channel.send(kRecord, {theirs.get()});
    CHECK(!channel.open());
    CHECK(reason.find("none is left") != std::string::npos);
  });
}

// The kernel bounds the descriptors that are under way to a user, and says of no socket when there
// are few again.
void test_channel_waits_for_others() {
  in_a_child([] {
    constexpr rlim_t kMost = 32;
    // The kernel counts for a user, and doesn't count for root.
    if (::geteuid() == 0) CHECK(::setresuid(61000, 61000, 61000) == 0);
    EventLoop loop;
    Descriptor ours, theirs, others, keeper;
    CHECK(make_record_socket_pair(ours, theirs) && make_record_socket_pair(others, keeper));
    RecordChannel channel(
        loop, std::move(ours), 8, [](const records::Record&) {}, [](const char*) {});
    permit_descriptors(kMost);
    int sent = 0;
    while (send_record(others.get(), kRecord, &sent, 1) == SocketResult::kOk) {
    }
    channel.send(kRecord, {theirs.get()});
    // Each round waits for its turn: this takes a while, in which a loop that can't rest would have
    // run thousands of rounds.
    const uint64_t before = monotonic_milliseconds();
    for (int round = 0; round < 40; ++round) loop.run_once();
    CHECK(monotonic_milliseconds() - before >= 100);
    CHECK(channel.open());
    keeper.reset();
    records::Record record;
    DescriptorList descriptors;
    for (int round = 0; round < 1000 && descriptors.count == 0; ++round) {
      loop.run_once();
      receive_record(theirs.get(), record, descriptors);
    }
    CHECK(descriptors.count == 1);
  });
}

// Where no descriptor is left for whoever connects, the listener rests; later it serves again.
void test_listener_rests() {
  in_a_child([] {
    char folder[] = "/tmp/aliquot-test-XXXXXX";
    CHECK(::mkdtemp(folder) != nullptr);
    const std::string path = std::string(folder) + "/socket";
    EventLoop loop;
    int peers = 0;
    SupervisorLink nobody(loop);
    RecordListener listener(loop, nobody, {}, [&](Descriptor, const PeerIdentity& peer) {
      ++peers;
      CHECK(peer.process == ::getpid());
    });
    CHECK(listener.open(path, 4));
    const Descriptor client = connect_record_socket(path.c_str());
    const int next = ::fcntl(client.get(), F_DUPFD_CLOEXEC, 3);
    ::close(next);
    rlimit limit{};
    CHECK(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    permit_descriptors(static_cast<rlim_t>(next));
    const uint64_t before = monotonic_milliseconds();
    for (int round = 0; round < 6; ++round) loop.run_once();
    CHECK(monotonic_milliseconds() - before >= 200);
    CHECK(peers == 0);
    permit_descriptors(limit.rlim_cur);
    for (int round = 0; round < 3 && peers == 0; ++round) loop.run_once();
    CHECK(peers == 1);
    listener.close();
    ::rmdir(folder);
  });
}
