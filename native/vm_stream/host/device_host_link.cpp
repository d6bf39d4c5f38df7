#include "vm_stream/host/device_host_link.h"

#include <algorithm>
#include <cerrno>

#include "vm_stream/wake.h"

namespace aliquot::vm_stream {

namespace {

// As for a guest driver: a device host that dies just then, or a full backlog, is in the way for a moment.
constexpr int kMostGreetings = 50;
constexpr uint64_t kPauseNs = 50'000'000;
constexpr int kMostCreditRequests = 16;  // for one allocation, while others' needs take it away
constexpr uint64_t kAheadBytes = uint64_t{1} << 20;  // of credit, beyond what is lacking

using records::ErrorCode;
using records::Kind;

}  // namespace

void DeviceHostLink::refuse(ErrorCode code, const char* text) {
  state_ = State::kLost;
  refusal_.code = code;
  copy_text(refusal_.text, sizeof refusal_.text, text);
  socket_.reset();
}

void DeviceHostLink::greeting_failed() {
  socket_.reset();
  if (greetings_ >= kMostGreetings) return refuse(ErrorCode::kNoSuchVgpu, "The vGPU doesn't answer.");
  greet_at_ns_ = monotonic_ns() + kPauseNs;
}

void DeviceHostLink::greet() {
  ++greetings_;
  greet_at_ns_ = 0;
  socket_ = connect_record_socket(path_.c_str());
  if (!socket_ && errno != EAGAIN && errno != ECONNREFUSED)
    return refuse(ErrorCode::kNoSuchVgpu, "No vGPU answers at its socket on the host.");
  records::GuestHello hello;
  hello.process_id = static_cast<uint32_t>(::getpid());
  if (!socket_ || send_record(socket_.get(), make_record(Kind::kGuestHello, 0, hello)) !=
                      SocketResult::kOk) {
    greeting_failed();
  }
}

void DeviceHostLink::look() {
  if (state_ == State::kGreeting && greet_at_ns_ != 0) {
    if (monotonic_ns() >= greet_at_ns_) greet();
    return;
  }
  while (state_ != State::kLost && socket_) {
    records::Record record;
    DescriptorList descriptors;
    const SocketResult result = receive_record(socket_.get(), record, descriptors);
    if (result == SocketResult::kWouldBlock) return;
    if (result == SocketResult::kClosed && state_ == State::kGreeting) return greeting_failed();
    if (result != SocketResult::kOk) return refuse(ErrorCode::kInternal, "The vGPU hung up.");
    if (state_ == State::kGreeting) on_welcome(record, descriptors);
    else on_answer(record, descriptors);
  }
}

void DeviceHostLink::on_welcome(const records::Record& record, DescriptorList& descriptors) {
  if (record.header.version != records::kVersion)
    return refuse(ErrorCode::kVersionMismatch,
                  "The VM stream and the device host are of different versions.");
  if (record.header.kind == Kind::kError) {
    const auto error = payload_of<records::Error>(record);
    refuse(error.code, "");
    std::copy(std::begin(error.text), std::end(error.text), std::begin(refusal_.text));
    refusal_.text[sizeof refusal_.text - 1] = 0;
    return;
  }
  if (record.header.kind != Kind::kGuestWelcome || descriptors.count != 3)
    return refuse(ErrorCode::kBadRecord, "The device host answered with another record.");
  welcome_ = payload_of<records::GuestWelcome>(record);
  memory_ = SharedMapping::of(descriptors.items[0], layout::kConnectionBytes, PROT_READ | PROT_WRITE);
  account_ = SharedMapping::of(descriptors.items[1], records::kAccountPageSize,
                               PROT_READ | PROT_WRITE);
  page_ = SharedMapping::of(descriptors.items[2], vgpu_page::kPageSize, PROT_READ);
  if (!memory_ || !account_ || !page_)
    return refuse(ErrorCode::kInternal, "The connection's memory can't be mapped on the host.");
  state_ = State::kOpen;
}

void DeviceHostLink::on_answer(const records::Record& record, DescriptorList& descriptors) {
  if (record.header.sequence != sequence_ || answered_) return;  // told twice, or late
  if (asked_ == Asked::kCredit && record.header.kind == Kind::kCreditReply) {
    granted_ = payload_of<records::CreditReply>(record).granted;
    answered_ = true;
  } else if (asked_ == Asked::kArena && record.header.kind == Kind::kArenaReply) {
    const auto reply = payload_of<records::ArenaReply>(record);
    arena_ = Arena();
    if (reply.arena != 0 && descriptors.count > 0) {
      arena_.memory = SharedMapping::of(descriptors.items[0], reply.bytes, PROT_READ | PROT_WRITE);
      if (arena_.memory) arena_.number = reply.arena;
    }
    answered_ = true;
  } else if (record.header.kind == Kind::kError) {
    refuse(payload_of<records::Error>(record).code, "");
  }
}

bool DeviceHostLink::ask(Asked what, const records::Record& record) {
  asked_ = what;
  answered_ = false;
  const SocketResult sent = send_record(socket_.get(), record);
  // It reads at once; one request at a time always fits the socket.
  if (sent != SocketResult::kOk) refuse(ErrorCode::kInternal, "The vGPU hung up.");
  return true;
}

void DeviceHostLink::ask_for_credit() {
  ++credit_requests_;
  const uint64_t there = __atomic_load_n(&account().credit, __ATOMIC_ACQUIRE);
  if (there >= wanted_) {
    asked_ = Asked::kCredit;
    granted_ = wanted_;
    answered_ = true;
    return;
  }
  records::CreditRequest request;
  request.bytes = wanted_ - there;
  ask(Asked::kCredit, make_record(Kind::kCreditRequest, ++sequence_, request));
}

bool DeviceHostLink::ask_credit(uint64_t bytes) {
  if (asked_ != Asked::kNothing) return false;
  wanted_ = bytes;
  credit_requests_ = 0;
  ask_for_credit();
  return true;
}

bool DeviceHostLink::ask_arena(uint64_t bytes) {
  if (asked_ != Asked::kNothing) return false;
  records::ArenaRequest request;
  request.bytes = bytes;
  request.purpose = records::ArenaPurpose::kStaging;
  return ask(Asked::kArena, make_record(Kind::kArenaRequest, ++sequence_, request));
}

// What was granted lies on the account page, from where the device host may have taken it back already.
std::optional<uint64_t> DeviceHostLink::take_credit() {
  while (asked_ == Asked::kCredit && answered_) {
    const uint64_t taken = granted_ == 0 ? 0 : take_from_page();
    if (granted_ != 0 && taken < wanted_ && credit_requests_ < kMostCreditRequests) {
      __atomic_fetch_add(&account().credit, taken, __ATOMIC_ACQ_REL);
      ask_for_credit();
      continue;
    }
    asked_ = Asked::kNothing;
    handed_out_ += taken;
    return taken;
  }
  return std::nullopt;
}

// As much as is wanted and a little ahead, where it is there.
uint64_t DeviceHostLink::take_from_page() {
  const uint64_t most = wanted_ + std::min(kAheadBytes, UINT64_MAX - wanted_);
  uint64_t there = __atomic_load_n(&account().credit, __ATOMIC_ACQUIRE);
  uint64_t taken = 0;
  do {
    taken = std::min(there, most);
  } while (taken != 0 && !__atomic_compare_exchange_n(&account().credit, &there, there - taken, true,
                                                      __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
  return taken;
}

std::optional<DeviceHostLink::Arena> DeviceHostLink::take_arena() {
  if (asked_ != Asked::kArena || !answered_) return std::nullopt;
  asked_ = Asked::kNothing;
  return std::exchange(arena_, Arena());
}

void DeviceHostLink::give_back(uint64_t bytes) {
  const uint64_t taken = std::min(bytes, handed_out_);
  handed_out_ -= taken;
  __atomic_fetch_add(&account().credit, taken, __ATOMIC_ACQ_REL);
}

}  // namespace aliquot::vm_stream
