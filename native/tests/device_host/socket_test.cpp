#include "protocol/socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "check.h"

using namespace aliquot;  // NOLINT: a test program

namespace {

bool is_open(int descriptor) { return ::fcntl(descriptor, F_GETFD) >= 0; }

int count_open_descriptors() {
  int count = 0;
  for (int number = 0; number < 256; ++number) count += is_open(number) ? 1 : 0;
  return count;
}

void test_round_trip() {
  Descriptor one, other;
  CHECK(make_record_socket_pair(one, other));
  records::Record record;
  DescriptorList descriptors;
  CHECK(receive_record(other.get(), record, descriptors) == SocketResult::kWouldBlock);

  int pipe_ends[2];
  CHECK(::pipe(pipe_ends) == 0);
  records::CreditRequest request;
  request.bytes = 0x1122334455667788;
  CHECK(send_record(one.get(), make_record(records::Kind::kCreditRequest, 42, request), pipe_ends,
                    2) == SocketResult::kOk);
  CHECK(wait_readable(other.get(), 1000));
  CHECK(receive_record(other.get(), record, descriptors) == SocketResult::kOk);
  CHECK(record.header.kind == records::Kind::kCreditRequest && record.header.sequence == 42);
  CHECK(payload_of<records::CreditRequest>(record).bytes == request.bytes);
  CHECK(descriptors.count == 2);
  CHECK((::fcntl(descriptors.items[0].get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(::write(descriptors.items[1].get(), "x", 1) == 1);
  char byte = 0;
  CHECK(::read(pipe_ends[0], &byte, 1) == 1 && byte == 'x');
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);

  CHECK(!peer_hung_up(other.get()));
  one.reset();
  CHECK(peer_hung_up(other.get()));
  CHECK(receive_record(other.get(), record, descriptors) == SocketResult::kClosed);
  CHECK(send_record(other.get(), record) == SocketResult::kClosed);
}

// The end of a peer that had not read all it was sent doesn't swallow what it said before.
void test_last_words() {
  Descriptor one, other;
  CHECK(make_record_socket_pair(one, other));
  CHECK(send_record(other.get(), make_record(records::Kind::kPing, 1)) == SocketResult::kOk);
  CHECK(send_record(one.get(), make_record(records::Kind::kPong, 2)) == SocketResult::kOk);
  CHECK(send_record(one.get(), make_record(records::Kind::kPong, 3)) == SocketResult::kOk);
  one.reset();
  records::Record record;
  DescriptorList descriptors;
  for (const uint64_t sequence : {uint64_t{2}, uint64_t{3}}) {
    CHECK(receive_record(other.get(), record, descriptors) == SocketResult::kOk);
    CHECK(record.header.kind == records::Kind::kPong && record.header.sequence == sequence);
  }
  CHECK(receive_record(other.get(), record, descriptors) == SocketResult::kClosed);
}

// Whatever a hostile peer sends, no descriptor of it stays open here.
void test_malformed() {
  Descriptor one, other;
  CHECK(make_record_socket_pair(one, other));
  const int before = count_open_descriptors();
  records::Record record = make_record(records::Kind::kDone, 1);
  record.header.magic ^= 1;
  DescriptorList descriptors;
  int sent[kMostDescriptors] = {0, 0, 0, 0};
  CHECK(send_record(one.get(), record, sent, 3) == SocketResult::kOk);
  CHECK(receive_record(other.get(), record, descriptors) == SocketResult::kMalformed);
  unsigned char bytes[300] = {};
  std::memcpy(bytes, &records::kMagic, sizeof(records::kMagic));
  for (const size_t size : {size_t{1}, size_t{16}, size_t{255}, size_t{257}, size_t{300}}) {
    CHECK(::send(one.get(), bytes, size, 0) == static_cast<ssize_t>(size));
    CHECK(receive_record(other.get(), record, descriptors) == SocketResult::kMalformed);
  }
  // More descriptors than a record may have beside it.
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 32)] = {};
  iovec data{&record, sizeof(record)};
  record = make_record(records::Kind::kDone, 1);
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof(int) * 32);
  for (int index = 0; index < 32; ++index) {
    const int number = 0;
    std::memcpy(CMSG_DATA(part) + index * sizeof(int), &number, sizeof(int));
  }
  CHECK(::sendmsg(one.get(), &message, 0) == static_cast<ssize_t>(sizeof(record)));
  CHECK(receive_record(other.get(), record, descriptors) == SocketResult::kMalformed);
  CHECK(descriptors.count == 0);
  CHECK(count_open_descriptors() == before);
}

void test_full_socket() {
  Descriptor one, other;
  CHECK(make_record_socket_pair(one, other));
  const records::Record record = make_record(records::Kind::kDone, 1);
  int sent = 0;
  while (send_record(one.get(), record) == SocketResult::kOk && sent < 100000) ++sent;
  CHECK(sent > 0 && sent < 100000);
  CHECK(send_record(one.get(), record) == SocketResult::kWouldBlock);
}

void test_paths() {
  char folder[] = "/tmp/aliquot-test-XXXXXX";
  CHECK(::mkdtemp(folder) != nullptr);
  const std::string path = std::string(folder) + "/socket";
  CHECK(!connect_record_socket(path.c_str()));
  {
    const Descriptor listener = listen_record_socket(path.c_str(), 4);
    CHECK(static_cast<bool>(listener));
    CHECK(!accept_record_socket(listener.get()));
    const Descriptor client = connect_record_socket(path.c_str());
    CHECK(static_cast<bool>(client));
    const Descriptor served = accept_record_socket(listener.get());
    PeerIdentity peer;
    CHECK(identify_peer(served.get(), peer));
    CHECK(peer.user == ::geteuid() && peer.process == ::getpid());
  }
  CHECK(!connect_record_socket(path.c_str()));  // nobody listens at the file that stayed
  CHECK(static_cast<bool>(listen_record_socket(path.c_str(), 4)));  // and it is replaced
  ::unlink(path.c_str());
  ::rmdir(folder);
  CHECK(!connect_record_socket(std::string(200, 'x').c_str()));
  CHECK(!connect_record_socket(""));
}

}  // namespace

void test_sockets() {
  test_round_trip();
  test_last_words();
  test_malformed();
  test_full_socket();
  test_paths();
  char field[4];
  copy_text(field, sizeof(field), "abcdef");
  CHECK(std::strcmp(field, "abc") == 0);
}
