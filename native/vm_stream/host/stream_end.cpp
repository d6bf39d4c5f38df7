#include "vm_stream/host/stream_end.h"

#include <algorithm>
#include <cerrno>

#include "vm_stream/wake.h"

namespace aliquot::vm_stream {

namespace {

// While something is awaited from a worker: an eighth of the time that it has lasted, in these bounds.
constexpr uint64_t kShortestWaitNs = 10'000, kLongestWaitNs = 2'000'000;
constexpr uint64_t kGreetingWaitNs = 20'000'000;
constexpr uint64_t kPageNs = 200'000'000;
constexpr uint64_t kForeverNs = 60'000'000'000;
constexpr size_t kReadsARound = 8;

}  // namespace

bool StreamEnd::round(int wake) {
  wait(wake);
  if (readable_ && !read_stream()) return false;
  for (auto client = channels_.begin(); client != channels_.end();) {
    see_to(client->first, *client->second);
    if (is_over(*client->second)) {
      records::Error why;
      if (client->second->channel == nullptr) why = client->second->link.refusal();
      ended_.emplace_back(client->first, why);
      client = channels_.erase(client);
    } else {
      ++client;
    }
  }
  more_ = !tell_all();
  return write_stream();
}

bool StreamEnd::is_over(Client& client) {
  if (client.link.state() == DeviceHostLink::State::kLost) return true;
  return client.channel != nullptr && client.link.memory().control.worker_closed.load() != 0;
}

uint64_t StreamEnd::longest_wait_ns() const {
  uint64_t longest = kForeverNs;
  if (more_ && out_.empty()) return 0;
  const uint64_t since = monotonic_ns() - moved_ns_;
  for (const auto& [number, client] : channels_) {
    if (client->channel == nullptr) {
      longest = std::min(longest, kGreetingWaitNs);
    } else if (client->channel->awaits()) {
      return std::clamp(since / 8, kShortestWaitNs, kLongestWaitNs);
    } else if (since < 2 * kPageNs) {
      longest = std::min(longest, kPageNs);
    }
  }
  return longest;
}

void StreamEnd::wait(int wake) {
  std::vector<pollfd> watched;
  watched.push_back({stream_.get(), static_cast<short>(out_.empty() ? POLLIN : POLLIN | POLLOUT), 0});
  watched.push_back({wake, POLLIN, 0});
  for (const auto& [number, client] : channels_)
    watched.push_back({client->link.socket(), POLLIN, 0});  // ignored where it is -1
  const uint64_t longest = longest_wait_ns();
  const timespec most = {static_cast<time_t>(longest / 1'000'000'000u),
                         static_cast<long>(longest % 1'000'000'000u)};
  const bool any = ::ppoll(watched.data(), watched.size(), &most, nullptr) > 0;
  readable_ = any && (watched[0].revents & ~POLLOUT) != 0;
  woken_ = any && watched[1].revents != 0;
  size_t place = 2;
  for (const auto& [number, client] : channels_) client->readable = any && watched[place++].revents != 0;
}

bool StreamEnd::read_stream() {
  for (size_t i = 0; i < kReadsARound; ++i) {
    const auto room = reader_.room();
    const ssize_t got = ::read(stream_.get(), room.data(), room.size());
    if (got == 0) return false;
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    moved_ns_ = monotonic_ns();
    reader_.filled(static_cast<size_t>(got));
    Header header;
    std::span<const unsigned char> payload;
    for (;;) {
      const auto next = reader_.next(header, payload);
      if (next == MessageReader::Next::kMore) break;
      if (next == MessageReader::Next::kMalformed) broken("a message that can't be");
      else if (next == MessageReader::Next::kBeginning) end_channels();
      else handle(header, payload);
    }
  }
  return true;
}

bool StreamEnd::write_stream() {
  while (!out_.empty()) {
    const auto waiting = out_.waiting();
    const ssize_t sent = ::write(stream_.get(), waiting.data(), waiting.size());
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    out_.sent(static_cast<size_t>(sent));
    moved_ns_ = monotonic_ns();
  }
  return true;
}

void StreamEnd::broken(const char* why) {
  std::string line = "the guest VM broke the protocol (";
  say_((line + why + "); its programs lose the vGPU, until it begins anew").c_str());
  end_channels();
  reader_.seek();
}

void StreamEnd::end_channels() {
  channels_.clear();
  ended_.clear();
  began_ = has_plane_ = false;
  out_.use(nullptr);
}

void StreamEnd::handle(const Header& header, std::span<const unsigned char> payload) {
  if (const char* wrong = take(header, payload)) broken(wrong);
}

const char* StreamEnd::take(const Header& header, std::span<const unsigned char> payload) {
  if (!began_) {
    Hello hello;
    if (header.kind != MessageKind::kHello || !value_of(payload, hello)) return "no hello at its beginning";
    begin(hello);
    return nullptr;
  }
  if (header.kind == MessageKind::kPlaneFound) return take_plane();
  if (header.channel == 0) return "a channel that can't be";
  if (header.kind == MessageKind::kFill) return take_fill(header, payload);
  const auto found = channels_.find(header.channel);
  if (header.kind == MessageKind::kOpen) {
    if (found != channels_.end()) return "a channel that is open already";
    if (ended_.size() >= kMostChannels) return "channels without end";
    if (channels_.size() >= kMostChannels) {
      records::Error why;
      why.code = records::ErrorCode::kLimitReached;
      copy_text(why.text, sizeof why.text, "Too many programs of this guest VM use the vGPU.");
      ended_.emplace_back(header.channel, why);
      return nullptr;
    }
    channels_[header.channel] = std::make_unique<Client>(vgpu_.c_str());
    return nullptr;
  }
  // What was sent before the VM heard that a channel is over.
  if (found == channels_.end()) return nullptr;
  if (header.kind == MessageKind::kClose) {
    channels_.erase(found);
    return nullptr;
  }
  return take_for(*found->second, header, payload);
}

const char* StreamEnd::take_plane() {
  if (plane_ == nullptr || has_plane_) return "a plane that was not offered";
  has_plane_ = true;
  out_.use(&plane_->writer());
  return nullptr;
}

// Read also for a channel that is over: the next bytes in the plane are behind these.
const char* StreamEnd::take_fill(const Header& header, std::span<const unsigned char> payload) {
  Bulk bulk;
  Plane* const plane = has_plane_ ? plane_ : nullptr;
  if (!read_bulk(header, payload, plane, bulk)) return "bytes that can't be";
  const auto found = channels_.find(header.channel);
  const char* wrong = nullptr;
  if (found != channels_.end()) {
    const auto& channel = found->second->channel;
    wrong = channel == nullptr ? "bytes for a channel that isn't open yet" : channel->fill(bulk);
  }
  if (plane != nullptr) plane->reader().done();
  return wrong;
}

const char* StreamEnd::take_for(Client& client, const Header& header,
                                std::span<const unsigned char> payload) {
  if (client.channel == nullptr) return "something for a channel that isn't open yet";
  Amount amount;
  switch (header.kind) {
    case MessageKind::kCredit:
      if (!value_of(payload, amount)) return "an amount of another length";
      return client.link.ask_credit(amount.bytes) ? nullptr : "two requests at once";
    case MessageKind::kArena:
      if (!value_of(payload, amount)) return "an amount of another length";
      return client.link.ask_arena(amount.bytes) ? nullptr : "two requests at once";
    case MessageKind::kCreditBack:
      if (!value_of(payload, amount)) return "an amount of another length";
      client.link.give_back(amount.bytes);
      return nullptr;
    default:
      return client.channel->take(header, payload);
  }
}

void StreamEnd::begin(const Hello& hello) {
  was_hailed_ = true;
  out_.clear();
  out_.put_run(4 * kShortestRun);
  Welcome welcome;
  welcome.random[0] = hello.random[0];
  welcome.random[1] = hello.random[1];
  welcome.now_ns = monotonic_ns();
  out_.put({0, MessageKind::kWelcome, 0, 0, 0}, {bytes_of(welcome)});
  began_ = hello.version == kVersion && hello.records == records::kVersion;
  if (began_) return offer_plane();
  say_("the guest VM's aliquot-guest is of another version than this host's programs");
  reader_.seek();
}

void StreamEnd::offer_plane() {
  if (plane_ == nullptr) return;
  plane_->begin();
  out_.put({0, MessageKind::kPlane, 0, 0, 0}, {bytes_of(plane_->offer())});
}

void StreamEnd::see_to(uint32_t number, Client& client) {
  const bool greets = client.link.state() == DeviceHostLink::State::kGreeting;
  if (client.readable || greets) client.link.look();
  if (client.link.state() != DeviceHostLink::State::kOpen || client.channel != nullptr) return;
  client.channel = std::make_unique<Channel>(number, client.link.memory());
  moved_ns_ = monotonic_ns();
}

bool StreamEnd::tell_answers(uint32_t number, Client& client) {
  if (!out_.fits(sizeof(Opened) + 4 * sizeof(Header))) return false;
  if (!client.opened) {
    out_.put({0, MessageKind::kOpened, 0, number, 0}, {bytes_of(Opened{client.link.welcome()})});
    client.opened = true;
  }
  if (const auto credit = client.link.take_credit())
    out_.put({0, MessageKind::kCreditGiven, 0, number, 0}, {bytes_of(Amount{*credit})});
  if (auto arena = client.link.take_arena()) {
    const Amount amount{arena->number != 0 ? arena->memory.bytes() : 0};
    out_.put({0, MessageKind::kArenaGiven, 0, number, arena->number}, {bytes_of(amount)});
    if (arena->number != 0) client.channel->add_arena(arena->number, std::move(arena->memory));
  }
  return true;
}

bool StreamEnd::tell_page(uint32_t number, Client& client, uint64_t now) {
  if (now - client.page_told_ns < kPageNs) return true;
  const vgpu_page::Page& page = client.link.page();
  PageState state;
  for (int attempt = 0; attempt < 64; ++attempt) {
    const uint32_t before = page.sequence.load(std::memory_order_acquire);
    state = {now,
             page.at_ns.load(std::memory_order_relaxed),
             page.waited_ns.load(std::memory_order_relaxed),
             page.limited_ns.load(std::memory_order_relaxed),
             __atomic_load_n(&client.link.account().memory_limit, __ATOMIC_RELAXED),
             page.state.load(std::memory_order_relaxed),
             page.gone.load(std::memory_order_relaxed)};
    std::atomic_thread_fence(std::memory_order_acquire);
    if (before % 2 == 0 && page.sequence.load(std::memory_order_relaxed) == before) break;
  }
  client.page_told_ns = now;
  const PageState& told = client.page_told;
  if (state.at_ns == told.at_ns && state.memory_limit == told.memory_limit && state.gone == told.gone)
    return true;
  if (!out_.fits(sizeof state)) return false;
  client.page_told = state;
  out_.put({0, MessageKind::kPage, 0, number, 0}, {bytes_of(state)});
  return true;
}

// True when nothing more is to be told. Every time another channel comes first.
bool StreamEnd::tell_all() {
  if (!began_) return true;
  while (!ended_.empty()) {
    const auto& [number, why] = ended_.back();
    if (!out_.fits(sizeof why)) return false;
    const bool refused = why.code != records::ErrorCode::kNone;
    if (refused) out_.put({0, MessageKind::kRefused, 0, number, 0}, {bytes_of(why)});
    else out_.put({0, MessageKind::kClosed, 0, number, 0}, {});
    ended_.pop_back();
  }
  const uint64_t now = monotonic_ns();
  bool all = true;
  auto client = channels_.upper_bound(first_);
  for (size_t i = 0; i < channels_.size(); ++i, ++client) {
    if (client == channels_.end()) client = channels_.begin();
    if (i == 0) first_ = client->first;
    if (client->second->channel == nullptr) continue;
    all = tell_answers(client->first, *client->second) &&
          tell_page(client->first, *client->second, now) &&
          client->second->channel->tell(out_) && all;
  }
  return all;
}

}  // namespace aliquot::vm_stream
