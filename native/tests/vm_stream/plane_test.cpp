// Both ends of a plane: what comes through it, when it is full, and what a peer can do that lies.
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "vm_stream/guest/plane_device.h"
#include "vm_stream/guest/stream_writer.h"
#include "vm_stream/host/out_buffer.h"
#include "vm_stream/host/plane_file.h"

using namespace aliquot;
using namespace aliquot::vm_stream;

namespace {

using Bytes = std::vector<unsigned char>;
using Span = std::span<const unsigned char>;

constexpr size_t kRing = (kLeastPlane - kPlaneHeadBytes) / 2;
constexpr size_t kSize = 100'000;

/// The smallest plane, as host and guest VM see it.
struct Bench {
  Descriptor file{::memfd_create("test", MFD_CLOEXEC)};
  PlaneOffer offer{{1, 2}, kLeastPlane};
  SharedMapping raw = map();
  Plane host{map(), offer, PlaneEnd::kHost};
  Plane guest{map(), offer, PlaneEnd::kGuest};

  Bench() {
    host.begin();
    guest.begin();
  }
  SharedMapping map() {
    CHECK(::ftruncate(file.get(), kLeastPlane) == 0);
    return SharedMapping::of(file, kLeastPlane, PROT_READ | PROT_WRITE);
  }
  PlaneHead& head() { return *raw.as<PlaneHead>(); }
};

bool comes_through(PlaneWriter& writer, PlaneReader& reader, Span data) {
  const size_t put = writer.put(data);
  Span found;
  const bool same = put != 0 && reader.next(put, found) && found.size() == put &&
                    std::memcmp(found.data(), data.data(), put) == 0;
  reader.done();
  return same;
}

Bytes numbers(size_t count, unsigned seed) {
  Bytes bytes(count);
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<unsigned char>((i * 31 + seed) >> 3);
  return bytes;
}

void test_both_ways_and_around() {
  Bench bench;
  CHECK(bench.guest.is_offered());
  for (unsigned i = 0; i < 200; ++i) {  // some twenty times around
    const Bytes data = numbers(kLeastInPlane + i * 997 % 110'000, i);
    CHECK(comes_through(bench.host.writer(), bench.guest.reader(), data));
    CHECK(comes_through(bench.guest.writer(), bench.host.reader(), data));
  }
  const Bytes large = numbers(kLeastPlane, 1);
  CHECK(bench.guest.writer().put(large) == kRing / 4);
  CHECK(bench.guest.writer().put(Span(large).first(kLeastInPlane - 1)) == 0);
  // A stream that begins anew.
  bench.host.begin();
  bench.guest.begin();
  CHECK(comes_through(bench.guest.writer(), bench.host.reader(), large));
  bench.head().random[1] = 3;
  CHECK(!bench.guest.is_offered());
  bench.host.begin();
  CHECK(bench.guest.is_offered());
  bench.host.wipe();
  CHECK(bench.guest.is_offered() && bench.raw.base()[kPlaneHeadBytes] == 0);
}

void test_a_full_one_is_refused() {
  Bench bench;
  const Bytes data = numbers(kSize, 5);
  size_t put = 0;
  while (bench.host.writer().put(data) != 0) ++put;
  CHECK(put == kRing / kSize);
  Span found;
  CHECK(bench.guest.reader().next(kSize, found));
  CHECK(bench.host.writer().put(data) == 0);  // read, but not given back
  bench.guest.reader().done();
  CHECK(bench.host.writer().put(data) == kSize);
  CHECK(bench.host.writer().put(data) == 0);
  for (size_t i = 0; i < put; ++i)
    CHECK(bench.guest.reader().next(kSize, found) && std::equal(found.begin(), found.end(), data.begin()));
}

// Whatever a peer says, what is written and read lies in its ring: the sanitizer's build sees it.
void test_a_peer_that_lies() {
  Bench bench;
  const Bytes data = numbers(kSize, 7);
  for (uint64_t lie : {uint64_t{1}, uint64_t{kSize}, uint64_t{kRing}, ~uint64_t{0}, uint64_t{1} << 63}) {
    bench.head().guest_read.bytes = lie;
    CHECK(bench.host.writer().put(data) == 0);
  }
  bench.head().guest_read.bytes = 0;
  CHECK(bench.host.writer().put(data) == kSize);
  for (uint64_t i = 0; i < 100; ++i) {  // "read" at once what was put, and what was not
    bench.head().guest_read.bytes = i * 7919;
    bench.host.writer().put(data);
  }
  Span found;
  for (size_t wrong : {kRing + 1, size_t{UINT32_MAX}}) CHECK(!bench.host.reader().next(wrong, found));
  for (size_t most : {kRing, kRing, size_t{1}, kRing, kRing - 1}) {
    CHECK(bench.host.reader().next(most, found) && found.size() == most);
    CHECK(found.data() + found.size() <= found.data() + kLeastPlane);
    bench.host.reader().done();
  }
}

Header header_of(size_t payload, uint32_t in_plane) {
  return {static_cast<uint32_t>(payload), MessageKind::kFill, 0, 7, in_plane};
}

void test_what_a_message_can_be_about() {
  Bench bench;
  const Place place{8, 1, 0};
  Bytes payload(sizeof place + 5, 9);
  std::memcpy(payload.data(), &place, sizeof place);
  const Span bare = Span(payload).first(sizeof place);
  Bulk bulk;
  CHECK(!read_bulk(header_of(3, 0), Span(payload).first(3), &bench.host, bulk));
  CHECK(read_bulk(header_of(payload.size(), 0), payload, nullptr, bulk));
  CHECK(bulk.place.offset == 8 && bulk.place.arena == 1 && bulk.data.size() == 5);
  CHECK(!read_bulk(header_of(bare.size(), 64), bare, nullptr, bulk));
  CHECK(!read_bulk(header_of(payload.size(), 64), payload, &bench.host, bulk));
  CHECK(!read_bulk(header_of(bare.size(), UINT32_MAX), bare, &bench.host, bulk));
  CHECK(read_bulk(header_of(bare.size(), 64), bare, &bench.host, bulk) && bulk.data.size() == 64);
}

/// What the next message of `stream` is about, taken off it.
Bulk next_bulk(Bytes& stream, Bytes& payload, Plane& plane) {
  Header header;
  Bulk bulk;
  CHECK(stream.size() >= sizeof header);
  if (stream.size() < sizeof header) return bulk;
  std::memcpy(&header, stream.data(), sizeof header);
  const auto begin = stream.begin() + sizeof header;
  CHECK(stream.size() >= sizeof header + header.bytes);
  payload.assign(begin, begin + header.bytes);
  stream.erase(stream.begin(), begin + header.bytes);
  CHECK(read_bulk(header, payload, &plane, bulk));
  return bulk;
}

// Both writers: the plane while it has room, else the stream, and all of it in order.
void test_full_planes_fall_back() {
  const Bytes data = numbers(3 * kLeastPlane, 11);
  Bench bench;
  OutBuffer out;
  out.use(&bench.host.writer());
  Bytes told, payload, got;
  bool through_both[2] = {false, false};
  for (size_t done = 0; done < data.size();) {
    if (const size_t put = out.put_bulk(header_of(0, 0), {{done, 1, 0}, Span(data).subspan(done)})) {
      done += put;
      if (done < data.size()) continue;
    }
    told.assign(out.waiting().begin(), out.waiting().end());
    out.sent(told.size());
    while (!told.empty()) {
      const Bulk bulk = next_bulk(told, payload, bench.guest);
      CHECK(bulk.place.offset == got.size());
      through_both[bulk.data.data() == payload.data() + sizeof(Place) ? 0 : 1] = true;
      got.insert(got.end(), bulk.data.begin(), bulk.data.end());
      bench.guest.reader().done();
    }
  }
  CHECK(got == data && through_both[0] && through_both[1]);

  int ends[2];
  CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  const Descriptor ours(ends[0]), theirs(ends[1]);
  StreamWriter writer;
  writer.use(ours.get());
  writer.use_plane(bench.guest.writer());
  got.clear();
  Bytes buffer(size_t{1} << 20);
  for (size_t done = 0; done < data.size();) {
    const size_t sent = writer.fill(7, {{done, 1, 0}, Span(data).subspan(done)});
    CHECK(sent != 0 && sent <= kPlanePiece);
    if (sent == 0) break;
    done += sent;
    const ssize_t read = ::recv(theirs.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    CHECK(read > 0);
    told.assign(buffer.begin(), buffer.begin() + read);
    const Bulk bulk = next_bulk(told, payload, bench.host);
    got.insert(got.end(), bulk.data.begin(), bulk.data.end());
    if (done > data.size() / 2) bench.host.reader().done();
  }
  CHECK(got == data);
  writer.use(-1);
  CHECK(writer.fill(7, {{0, 1, 0}, data}) == 0);
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

void test_the_file() {
  char name[] = "/tmp/aliquot-test-XXXXXX";
  CHECK(::mkdtemp(name) != nullptr);
  const std::string folder = name, path = folder + "/plane";
  std::string problem;
  auto plane = make_plane(path, kLeastPlane, problem);
  CHECK(plane != nullptr && problem.empty());
  struct stat facts {};
  CHECK(::stat(path.c_str(), &facts) == 0 && facts.st_mode == (S_IFREG | 0600));
  CHECK(static_cast<uint64_t>(facts.st_size) == kLeastPlane);
  CHECK(static_cast<uint64_t>(facts.st_blocks) * 512 >= kLeastPlane);
  const auto found = find_plane(plane->offer(), path, problem);
  CHECK(found != nullptr && comes_through(plane->writer(), found->reader(), numbers(kSize, 3)));
  // Another size, another number.
  PlaneOffer other = plane->offer();
  other.bytes *= 2;
  CHECK(find_plane(other, path, problem) == nullptr && !problem.empty());
  other = plane->offer();
  other.random[0] ^= 1;
  CHECK(find_plane(other, path, problem) == nullptr);
  other.bytes = 5000;
  CHECK(find_plane(other, path, problem) == nullptr);
  CHECK(find_plane(plane->offer(), folder + "/none", problem) == nullptr);
  // What an earlier one left is replaced; another file, and whatever a link leads to, isn't.
  const auto next = make_plane(path, kLeastPlane, problem);
  CHECK(next != nullptr && find_plane(plane->offer(), path, problem) == nullptr);
  CHECK(std::rename(path.c_str(), (folder + "/kept").c_str()) == 0);
  CHECK(::symlink("kept", path.c_str()) == 0);
  CHECK(make_plane(path, kLeastPlane, problem) == nullptr && exists(path));
  ::unlink(path.c_str());
  std::fclose(std::fopen(path.c_str(), "w"));
  CHECK(make_plane(path, kLeastPlane, problem) == nullptr && exists(path));
  ::unlink(path.c_str());
  // No room.
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{kLeastPlane / 2, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  CHECK(make_plane(path, kLeastPlane, problem) == nullptr && !exists(path));
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::unlink((folder + "/kept").c_str());
  CHECK(::rmdir(name) == 0);
}

}  // namespace

void test_plane() {
  CHECK(is_plane_size(kLeastPlane) && is_plane_size(kMostPlane));
  for (const uint64_t size : {uint64_t{0}, kLeastPlane / 2, kLeastPlane * 3, kMostPlane * 2})
    CHECK(!is_plane_size(size));
  test_both_ways_and_around();
  test_a_full_one_is_refused();
  test_a_peer_that_lies();
  test_what_a_message_can_be_about();
  test_full_planes_fall_back();
  test_the_file();
}
