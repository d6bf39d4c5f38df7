// The host's end of one guest VM's stream: takes messages apart, opens and closes channels, and lets each
// tell what has come about, in turns. One thread; it never waits to write.
#pragma once

#include <poll.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "vm_stream/host/channel.h"
#include "vm_stream/host/device_host_link.h"
#include "vm_stream/host/out_buffer.h"
#include "vm_stream/message_reader.h"

namespace aliquot::vm_stream {

class StreamEnd {
 public:
  /// `vgpu`: the path of the vGPU's socket. `say` is given one line for people now and then.
  /// `plane`, null where there is none, must outlive it.
  StreamEnd(Descriptor stream, std::string vgpu, std::function<void(const char*)> say,
            Plane* plane = nullptr)
      : stream_(std::move(stream)), vgpu_(std::move(vgpu)), say_(std::move(say)), plane_(plane) {}

  /// One round: waits for what comes, no longer than there is reason to, and deals with it. False: the
  /// stream has ended. `wake`: one more descriptor whose readability ends the wait.
  bool round(int wake);

  /// It was the other descriptor that ended the wait.
  bool woken() const { return woken_; }
  /// A guest VM's end has said so much as its hello, of whatever version.
  bool was_hailed() const { return was_hailed_; }

 private:
  struct Client {
    explicit Client(const char* path) : link(path) {}
    DeviceHostLink link;
    std::unique_ptr<Channel> channel;  // once it is open
    bool readable = false;  // something has come from the device host
    bool opened = false;    // the VM knows
    uint64_t page_told_ns = 0;
    PageState page_told;
  };

  void wait(int wake);
  uint64_t longest_wait_ns() const;
  bool read_stream();
  bool write_stream();
  void handle(const Header& header, std::span<const unsigned char> payload);
  const char* take(const Header& header, std::span<const unsigned char> payload);
  const char* take_plane();
  const char* take_fill(const Header& header, std::span<const unsigned char> payload);
  const char* take_for(Client& client, const Header& header,
                       std::span<const unsigned char> payload);
  void begin(const Hello& hello);
  void offer_plane();
  void end_channels();
  void broken(const char* why);
  void see_to(uint32_t number, Client& client);
  static bool is_over(Client& client);
  bool tell_answers(uint32_t number, Client& client);
  bool tell_page(uint32_t number, Client& client, uint64_t now);
  bool tell_all();

  Descriptor stream_;
  const std::string vgpu_;
  const std::function<void(const char*)> say_;
  Plane* const plane_;
  MessageReader reader_;
  OutBuffer out_;
  std::map<uint32_t, std::unique_ptr<Client>> channels_;
  std::vector<std::pair<uint32_t, records::Error>> ended_;  // still to be told
  uint32_t first_ = 0;         // whose turn it is
  bool began_ = false;         // a hello was answered
  bool was_hailed_ = false;    // at any time
  bool has_plane_ = false;     // and the VM has found the plane
  bool readable_ = false;      // something has come from the VM
  bool woken_ = false;
  bool more_ = false;          // of the channels could tell more at once
  uint64_t moved_ns_ = 0;      // when something last came or was told
};

}  // namespace aliquot::vm_stream
