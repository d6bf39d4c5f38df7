#include "vm_stream/guest/guest_end.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/random.h>

#include <cstdio>
#include <cstring>
#include <vector>

#include "vm_stream/guest/plane_device.h"
#include "vm_stream/guest/port.h"
#include "vm_stream/wake.h"

namespace aliquot::vm_stream {

namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kTryNs = 300 * kMs;       // between two attempts to open the port
constexpr uint64_t kHailNs = 2'000 * kMs;    // between two hellos that nobody has answered
constexpr uint64_t kTickNs = 100 * kMs;
constexpr uint64_t kPatienceNs = 15'000 * kMs;  // of a program, for the host

void say(const char* what) { std::fprintf(stderr, "aliquot-guest: %s\n", what); }

}  // namespace

GuestEnd::GuestEnd(Descriptor listener, std::string port, std::string plane)
    : listener_(std::move(listener)), port_(std::move(port)), plane_file_(std::move(plane)),
      poke_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void GuestEnd::run(int stop) {
  for (;;) {
    if (!stream_) open_stream();
    if (stream_ && !welcomed_ && monotonic_ns() - hailed_ns_ >= kHailNs) hail();
    wait(stop);
    pollfd stopped{stop, POLLIN, 0};
    if (::poll(&stopped, 1, 0) > 0) break;
    if (stream_ && !read_stream()) lose_stream("the stream to the host has ended");
    take_in();
    see_to_programs();
    tick();
  }
  writer_.give_up();
  programs_.clear();
}

void GuestEnd::wait(int stop) {
  std::vector<pollfd> watched = {{stop, POLLIN, 0}, {listener_.get(), POLLIN, 0},
                                 {poke_.get(), POLLIN, 0}};
  // A port without a host at its other end is always ready, to say so.
  pollfd stream{stream_.get(), POLLIN, 0};
  const bool hung_up = stream_ && ::poll(&stream, 1, 0) > 0 && (stream.revents & POLLHUP) != 0 &&
                       (stream.revents & POLLIN) == 0;
  if (stream_ && !hung_up) watched.push_back({stream_.get(), POLLIN, 0});
  for (const auto& [channel, program] : programs_)
    if (program->socket() >= 0) watched.push_back({program->socket(), POLLIN, 0});
  const bool idle = welcomed_ && !hung_up && programs_.empty();
  ::poll(watched.data(), watched.size(), idle ? -1 : static_cast<int>(kTickNs / kMs));
  uint64_t pokes = 0;
  [[maybe_unused]] const ssize_t got = ::read(poke_.get(), &pokes, sizeof pokes);
}

void GuestEnd::open_stream() {
  if (monotonic_ns() - tried_ns_ < kTryNs) return;
  tried_ns_ = monotonic_ns();
  stream_ = open_port(port_);
  if (!stream_) {
    if (!std::exchange(complained_, true)) {
      const std::string line = "the port " + port_ + " can't be opened: " + std::strerror(errno);
      say(line.c_str());
    }
    return;
  }
  writer_.use(stream_.get());
  hail();
}

// From here on all that the host sends is of the stream that now begins, once it has answered.
void GuestEnd::hail() {
  hailed_ns_ = monotonic_ns();
  reader_.seek();
  if (::getrandom(hello_.random, sizeof hello_.random, 0) != sizeof hello_.random) return;
  writer_.begin(hello_);
}

void GuestEnd::lose_stream(const char* why) {
  if (welcomed_) say(why);
  writer_.give_up();
  for (auto& [channel, program] : programs_) {
    const auto state = program->state();
    if (state == Program::State::kOpen || state == Program::State::kOpening) program->end();
  }
  writer_.use(-1);
  plane_.reset();
  stream_.reset();
  welcomed_ = false;
  hailed_ns_ = 0;
}

bool GuestEnd::read_stream() {
  for (int i = 0; i < 8; ++i) {
    const auto room = reader_.room();
    const ssize_t got = ::read(stream_.get(), room.data(), room.size());
    if (got == 0) return false;  // nobody is at the other end
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    reader_.filled(static_cast<size_t>(got));
    Header header;
    std::span<const unsigned char> payload;
    for (;;) {
      const auto next = reader_.next(header, payload);
      if (next == MessageReader::Next::kMore) break;
      if (next == MessageReader::Next::kMessage) {
        if (handle(header, payload)) continue;
        if (welcomed_) return false;
        reader_.seek();  // what was left of an earlier stream
      } else if (welcomed_) {
        return false;
      }
    }
  }
  return true;
}

bool GuestEnd::handle(const Header& header, std::span<const unsigned char> payload) {
  if (!welcomed_) {
    Welcome answer;
    if (header.kind != MessageKind::kWelcome || payload.size() != sizeof answer) return false;
    std::memcpy(&answer, payload.data(), sizeof answer);
    if (std::memcmp(answer.random, hello_.random, sizeof answer.random) != 0) return false;
    welcome(answer);
    return true;
  }
  if (header.kind == MessageKind::kPage && payload.size() == sizeof(PageState)) {
    PageState page;
    std::memcpy(&page, payload.data(), sizeof page);
    clock_.learn(page.now_ns, monotonic_ns());
  }
  if (header.kind == MessageKind::kPlane) return find_plane(payload);
  if (header.kind == MessageKind::kBytes) return put_bytes(header, payload);
  const auto program = programs_.find(header.channel);
  if (program == programs_.end() || program->second->state() == Program::State::kGone) return true;
  return program->second->take(header, payload, clock_);
}

void GuestEnd::welcome(const Welcome& answer) {
  if (answer.version != kVersion || answer.records != records::kVersion) {
    if (!std::exchange(complained_, true))
      say("the host's programs are of another release than this one; install theirs");
    reader_.seek();
    return;
  }
  welcomed_ = true;
  complained_ = false;
  clock_.learn(answer.now_ns, monotonic_ns());
  say("the host is there");
}

// Without it all goes through the stream, so nothing is wrong where it isn't found.
bool GuestEnd::find_plane(std::span<const unsigned char> payload) {
  PlaneOffer offer;
  if (plane_ != nullptr || payload.size() != sizeof offer) return false;
  std::memcpy(&offer, payload.data(), sizeof offer);
  std::string problem;
  plane_ = vm_stream::find_plane(offer, plane_file_, problem);
  if (plane_ == nullptr) {
    say(("the plane that the host offers is not used (" + problem + ")").c_str());
    return true;
  }
  plane_->begin();
  if (writer_.send(MessageKind::kPlaneFound, 0, 0, {})) writer_.use_plane(plane_->writer());
  say("bulk data goes through the plane");
  return true;
}

// Read also for a program that has gone: the next bytes in the plane are behind these.
bool GuestEnd::put_bytes(const Header& header, std::span<const unsigned char> payload) {
  Bulk bulk;
  if (!read_bulk(header, payload, plane_.get(), bulk)) return false;
  const auto program = programs_.find(header.channel);
  const bool wanted =
      program != programs_.end() && program->second->state() != Program::State::kGone;
  const bool sound = !wanted || program->second->put_bytes(bulk);
  if (plane_ != nullptr) plane_->reader().done();
  return sound;
}

void GuestEnd::take_in() {
  for (;;) {
    Descriptor socket = accept_record_socket(listener_.get());
    if (!socket) return;
    const uint32_t channel = ++last_channel_;
    programs_[channel] =
        std::make_unique<Program>(channel, std::move(socket), writer_, poke_.get());
    if (programs_.size() > kMostChannels)
      programs_[channel]->refuse(records::ErrorCode::kLimitReached,
                                 "Too many programs of this guest VM use the vGPU.");
  }
}

void GuestEnd::see_to_programs() {
  const uint64_t now = monotonic_ns();
  for (auto entry = programs_.begin(); entry != programs_.end();) {
    Program& program = *entry->second;
    program.look();
    see_to_credit(program);
    if (program.ring_is_broken()) program.end();
    if (program.state() == Program::State::kWaiting && welcomed_) program.open();
    const bool waits = program.state() == Program::State::kGreeting ||
                       program.state() == Program::State::kWaiting;
    if (waits && now - program.since_ns() > kPatienceNs)
      program.refuse(records::ErrorCode::kNoSuchVgpu,
                     "The host doesn't answer on the guest VM's port.");
    if (program.state() == Program::State::kGone) entry = programs_.erase(entry);
    else ++entry;
  }
}

void GuestEnd::see_to_credit(Program& program) {
  if (!program.wants_credit()) return;
  const bool first = !program.credit_may_be_asked();
  bool swept = true;
  for (auto& [channel, other] : programs_) {
    if (other.get() == &program) continue;
    if (first) other->give_credit_back();
    swept = swept && !other->gives_credit_back();
  }
  program.let_credit_be_asked();
  if (swept) program.ask_credit();
}

void GuestEnd::tick() {
  const uint64_t now = monotonic_ns();
  if (now - ticked_ns_ < kTickNs) return;
  ticked_ns_ = now;
  for (auto& [channel, program] : programs_) {
    program->give_idle_credit_back();
    program->tell_times();
  }
}

}  // namespace aliquot::vm_stream
