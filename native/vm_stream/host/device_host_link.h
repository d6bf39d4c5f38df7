// A channel's way to the vGPU: greets the device host as a guest driver does, maps what it sends, and asks it
// for credit and arenas, one thing at a time. Never waits.
#pragma once

#include <optional>
#include <string>

#include "protocol/connection_layout.h"
#include "protocol/records.h"
#include "protocol/socket.h"
#include "protocol/vgpu_page.h"
#include "vm_stream/shared_mapping.h"

namespace aliquot::vm_stream {

class DeviceHostLink {
 public:
  enum class State { kGreeting, kOpen, kLost };

  explicit DeviceHostLink(const char* path) : path_(path) { greet(); }

  State state() const { return state_; }
  int socket() const { return socket_.get(); }
  /// Why it is lost, where the device host said so before it was open.
  const records::Error& refusal() const { return refusal_; }

  /// Reads what has come. To be called when the socket is readable, and now and then while greeting.
  void look();

  // Once open.
  const records::GuestWelcome& welcome() const { return welcome_; }
  layout::ConnectionMemory& memory() { return *memory_.as<layout::ConnectionMemory>(); }
  const vgpu_page::Page& page() const { return *page_.as<const vgpu_page::Page>(); }
  records::AccountPage& account() { return *account_.as<records::AccountPage>(); }

  /// False: something is asked for already.
  bool ask_credit(uint64_t bytes);
  bool ask_arena(uint64_t bytes);
  /// What there is for the program now; 0: the quota is spent. Nothing while it is still asked.
  std::optional<uint64_t> take_credit();
  struct Arena {
    uint32_t number = 0;  // 0: refused
    SharedMapping memory;
  };
  std::optional<Arena> take_arena();
  void give_back(uint64_t bytes);

 private:
  enum class Asked { kNothing, kCredit, kArena };

  void greet();
  void greeting_failed();
  void refuse(records::ErrorCode code, const char* text);
  void on_welcome(const records::Record& record, DescriptorList& descriptors);
  void on_answer(const records::Record& record, DescriptorList& descriptors);
  bool ask(Asked what, const records::Record& record);
  void ask_for_credit();
  uint64_t take_from_page();

  const std::string path_;
  State state_ = State::kGreeting;
  Descriptor socket_;
  int greetings_ = 0;
  uint64_t greet_at_ns_ = 0;  // 0: it is greeted
  records::Error refusal_;
  records::GuestWelcome welcome_;
  SharedMapping memory_, account_, page_;
  Asked asked_ = Asked::kNothing;
  bool answered_ = false;
  uint32_t sequence_ = 0;
  uint64_t wanted_ = 0;  // of credit
  int credit_requests_ = 0;
  uint64_t granted_ = 0;
  uint64_t handed_out_ = 0;  // of credit, to the VM
  Arena arena_;
};

}  // namespace aliquot::vm_stream
