// A program comes, asks, and goes.
#include "vm_stream/guest/program.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>

#include "vm_stream/wake.h"

namespace aliquot::vm_stream {

namespace {

using records::ErrorCode;
using records::Kind;

Descriptor make_memory_file(const char* name, uint64_t bytes) {
  Descriptor file(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (file && ::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0) file.reset();
  if (file) ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  return file;
}

}  // namespace

void ClockDifference::learn(uint64_t host_ns, uint64_t now_ns) {
  constexpr int64_t kSecond = 1'000'000'000;
  const int64_t sample = static_cast<int64_t>(now_ns - host_ns);
  const int64_t known = ahead_ns_.load(std::memory_order_relaxed);
  // The smallest is the truest; one that is far off tells of a pause of the VM's.
  if (!known_ || sample < known || sample > known + kSecond) ahead_ns_ = sample;
  known_ = true;
}

uint64_t ClockDifference::ours(uint64_t host_ns) const {
  return host_ns == 0 ? 0 : host_ns + static_cast<uint64_t>(ahead_ns_.load(std::memory_order_relaxed));
}

Program::Program(uint32_t channel, Descriptor socket, StreamWriter& writer, int poke)
    : channel_(channel), writer_(writer), poke_(poke), socket_(std::move(socket)),
      since_ns_(monotonic_ns()) {}

Program::~Program() { end(); }

void Program::end() {
  if (state_ == State::kGone) return;
  const bool known = state_ == State::kOpening || state_ == State::kOpen;
  if (state_ == State::kOpen) {
    stop_ = true;
    memory().control.worker_sleeps.store(0);
    wake_all(memory().control.worker_sleeps);
    if (reader_.joinable()) reader_.join();
    tell_times();
    memory().control.worker_closed.store(1);
    memory().control.notify_count.fetch_add(1);
    wake_all(memory().control.notify_count);
    memory().control.space_wanted.store(0);
    wake_all(memory().control.space_wanted);
  }
  state_ = State::kGone;
  socket_.reset();
  if (known) writer_.send(MessageKind::kClose, channel_, 0, {});
}

void Program::refuse(ErrorCode code, const char* text) {
  records::Error error;
  error.code = code;
  copy_text(error.text, sizeof error.text, text);
  send_record(socket_.get(), make_record(Kind::kError, hello_sequence_, error));
  end();
}

// No more at once than so many, or one program could keep all others waiting.
void Program::look() {
  constexpr int kMostRecords = 64;
  records::Record record;
  for (int i = 0; i < kMostRecords && state_ != State::kGone; ++i) {
    DescriptorList none;
    const SocketResult result = receive_record(socket_.get(), record, none);
    if (result == SocketResult::kWouldBlock) return;
    if (result != SocketResult::kOk) return end();
    on_record(record);
  }
}

void Program::on_record(const records::Record& record) {
  if (record.header.version != records::kVersion)
    return refuse(ErrorCode::kVersionMismatch,
                  "The guest driver and aliquot-guest are of different versions.");
  if (state_ == State::kGreeting && record.header.kind == Kind::kGuestHello) {
    hello_sequence_ = record.header.sequence;
    if (payload_of<records::GuestHello>(record).api != 1)
      return refuse(ErrorCode::kBadRecord, "The guest driver asks for an API that isn't known here.");
    state_ = State::kWaiting;
    return;
  }
  if (state_ == State::kOpen && request_ == 0 && record.header.sequence != 0) return on_request(record);
  end();
}

void Program::on_request(const records::Record& record) {
  request_ = record.header.sequence;
  if (record.header.kind == Kind::kCreditRequest) {
    credit_wanted_ = payload_of<records::CreditRequest>(record).bytes;
    asks_arena_ = false;
    credit_refusals_ = 0;
    if (credit_wanted_ == 0) answer_credit(0);
  } else if (record.header.kind == Kind::kArenaRequest) {
    const auto wanted = payload_of<records::ArenaRequest>(record);
    asks_arena_ = true;
    // Pages that hold buffers would have to be shared.
    if (wanted.purpose != records::ArenaPurpose::kStaging) return answer_arena(0, 0);
    writer_.send(MessageKind::kArena, channel_, 0, {as_bytes_of(Amount{wanted.bytes})});
  } else {
    end();
  }
}

void Program::open() {
  state_ = State::kOpening;
  writer_.send(MessageKind::kOpen, channel_, 0, {});
}

bool Program::take(const Header& header, std::span<const unsigned char> payload,
                   const ClockDifference& clock) {
  if (header.kind == MessageKind::kClosed) return end(), true;
  if (header.kind == MessageKind::kRefused) {
    records::Error error;
    if (payload.size() != sizeof error) return false;
    std::memcpy(&error, payload.data(), sizeof error);
    error.text[sizeof error.text - 1] = 0;
    return refuse(error.code, error.text), true;
  }
  if (header.kind == MessageKind::kOpened) {
    Opened opened;
    if (state_ != State::kOpening || payload.size() != sizeof opened) return false;
    std::memcpy(static_cast<void*>(&opened), payload.data(), sizeof opened);
    if (!make_memory(opened.welcome))
      refuse(ErrorCode::kInternal, "No memory or descriptors are left in the guest VM.");
    return true;
  }
  if (state_ != State::kOpen) return false;
  Amount amount;
  switch (header.kind) {
    case MessageKind::kCreditGiven:
    case MessageKind::kArenaGiven:
      if (payload.size() != sizeof amount || request_ == 0) return false;
      std::memcpy(&amount, payload.data(), sizeof amount);
      if (asks_arena_ != (header.kind == MessageKind::kArenaGiven)) return false;
      if (asks_arena_) answer_arena(header.argument, amount.bytes);
      else on_credit(amount.bytes);
      return true;
    case MessageKind::kReply:
      return put_reply(header.argument, payload);
    case MessageKind::kQueues:
      return put_queues(payload, clock);
    case MessageKind::kEvents:
      return put_events(payload, clock);
    case MessageKind::kNotices:
      return put_notices(header.argument != 0, payload);
    case MessageKind::kPrint:
      return put_print(header.argument, payload), true;
    case MessageKind::kSpace:
      return put_space(payload);
    case MessageKind::kPage:
      return put_page(payload, clock);
    default:
      return false;
  }
}

bool Program::make_memory(const records::GuestWelcome& of_host) {
  memory_file_ = make_memory_file("aliquot-connection", layout::kConnectionBytes);
  account_file_ = make_memory_file("aliquot-account", records::kAccountPageSize);
  page_file_ = make_memory_file("aliquot-page", vgpu_page::kPageSize);
  constexpr int kBoth = PROT_READ | PROT_WRITE;
  memory_ = SharedMapping::of(memory_file_, layout::kConnectionBytes, kBoth);
  account_ = SharedMapping::of(account_file_, records::kAccountPageSize, kBoth);
  page_ = SharedMapping::of(page_file_, vgpu_page::kPageSize, kBoth);
  if (!memory_ || !account_ || !page_) return false;
  records::GuestWelcome welcome = of_host;
  welcome.flags |= records::kStaged;
  account_.as<records::AccountPage>()->memory_limit = welcome.memory_limit;
  page_.as<vgpu_page::Page>()->version = vgpu_page::kPageVersion;
  page_.as<vgpu_page::Page>()->memory_limit = welcome.memory_limit;
  const int files[] = {memory_file_.get(), account_file_.get(), page_file_.get()};
  state_ = State::kOpen;
  reader_ = std::thread([this] { read_ring(); });
  if (send_record(socket_.get(), make_record(Kind::kGuestWelcome, hello_sequence_, welcome), files,
                  3) != SocketResult::kOk) {
    end();
  }
  return true;
}

void Program::ask_credit() {
  credit_asked_ = std::exchange(credit_wanted_, 0);
  credit_may_be_asked_ = false;
  writer_.send(MessageKind::kCredit, channel_, 0, {as_bytes_of(Amount{credit_asked_})});
}

// Credit for another program may have been under way when the others were to give back what they had.
void Program::on_credit(uint64_t bytes) {
  if (bytes == 0 && ++credit_refusals_ == 1) credit_wanted_ = credit_asked_;
  else answer_credit(bytes);
}

void Program::answer_credit(uint64_t bytes) {
  __atomic_fetch_add(&account_.as<records::AccountPage>()->credit, bytes, __ATOMIC_ACQ_REL);
  idle_credit_ = 0;
  records::CreditReply reply;
  reply.granted = bytes;
  send_record(socket_.get(), make_record(Kind::kCreditReply, request_, reply));
  request_ = 0;
}

void Program::answer_arena(uint32_t number, uint64_t bytes) {
  records::ArenaReply reply;
  Descriptor file;
  if (number != 0 && bytes != 0) {
    file = make_memory_file("aliquot-arena", bytes);
    auto mapping = std::make_shared<SharedMapping>(
        SharedMapping::of(file, bytes, PROT_READ | PROT_WRITE));
    if (*mapping) {
      const std::lock_guard guard(arenas_mutex_);
      arenas_[number] = std::move(mapping);
      reply.arena = number;
      reply.bytes = bytes;
    }
  }
  const int given = file.get();
  send_record(socket_.get(), make_record(Kind::kArenaReply, request_, reply), &given,
              reply.arena != 0 ? 1 : 0);
  request_ = 0;
}

std::shared_ptr<SharedMapping> Program::arena(uint32_t number) {
  const std::lock_guard guard(arenas_mutex_);
  const auto found = arenas_.find(number);
  return found == arenas_.end() ? nullptr : found->second;
}

void Program::give_credit_back() {
  if (state_ != State::kOpen) return;
  sweep_wanted_ = true;
  std::atomic<uint32_t>& sleeps = memory().control.worker_sleeps;
  sleeps.store(0);
  wake_all(sleeps);
}

void Program::give_idle_credit_back() {
  if (state_ != State::kOpen) return;
  const uint64_t there =
      __atomic_load_n(&account_.as<records::AccountPage>()->credit, __ATOMIC_ACQUIRE);
  if (there != 0 && there == std::exchange(idle_credit_, there) && request_ == 0) give_credit_back();
}

void Program::tell_times() {
  if (state_ != State::kOpen) return;
  uint64_t claims[layout::kSpentKinds + 3];
  static_assert(sizeof claims == sizeof(layout::TimeClaims));
  const layout::TimeClaims& times = memory().times;
  for (size_t i = 0; i < layout::kSpentKinds; ++i)
    claims[i] = times.spent_ns[i].load(std::memory_order_relaxed);
  claims[layout::kSpentKinds] = times.syncs.load(std::memory_order_relaxed);
  claims[layout::kSpentKinds + 1] = times.round_trips.load(std::memory_order_relaxed);
  claims[layout::kSpentKinds + 2] = times.builds.load(std::memory_order_relaxed);
  if (std::memcmp(claims, told_times_, sizeof claims) == 0) return;
  std::memcpy(told_times_, claims, sizeof claims);
  writer_.send(MessageKind::kTimes, channel_, 0, {as_bytes_of(claims)});
}

}  // namespace aliquot::vm_stream
