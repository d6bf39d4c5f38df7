// The memory that a device host shares out: made here, of fixed size for ever, so that no peer can
// make another's access fault.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "device_host/supervisor_link.h"
#include "protocol/descriptor.h"
#include "protocol/records.h"

namespace aliquot {

/// A memfd of `bytes` that can neither grow nor shrink nor get other seals. Writing stays
/// permitted. Invalid with errno set when there is none to be had.
Descriptor make_sealed_memory(const char* name, uint64_t bytes);

/// A memfd that holds these bytes and never anything else. Invalid with errno set when there is none
/// to be had.
Descriptor make_final_memory(const char* name, const void* data, uint64_t bytes);

/// Like make_sealed_memory, but only the mapping that is returned can ever be written, and the one
/// that the supervisor keeps under `key` for the next device host: whoever else gets the descriptor
/// maps it for reading. nullptr with errno set when there is none to be had.
void* make_own_memory(const char* name, uint64_t bytes, SupervisorLink& link, const KeptKey& key,
                      Descriptor& memory);

/// Bytes that the memory behind a memfd really takes now.
uint64_t resident_bytes(int descriptor);

/// Bytes that it has, used or not.
uint64_t size_of_memory(int descriptor);

/// Whether nobody can change it any more, and it is no larger than reports of devices may be.
bool are_reports(const Descriptor& memory);

/// The identity of the memory behind a memfd.
ino_t inode_of(int descriptor);

/// The device host's mapping of one guest process's account page.
class AccountPage {
 public:
  AccountPage() = default;
  ~AccountPage();
  AccountPage(const AccountPage&) = delete;
  AccountPage& operator=(const AccountPage&) = delete;

  /// Makes and maps the page. False when memory or descriptors are out.
  bool create(uint64_t memory_limit);
  /// Maps one that another device host has made.
  bool adopt(Descriptor memory);
  int descriptor() const { return memory_.get(); }

  void set_memory_limit(uint64_t bytes);
  void add_credit(uint64_t bytes);
  /// Takes all unspent credit off the page and returns what stood there: a claim.
  uint64_t take_credit();
  /// What stands there now: a claim.
  uint64_t credit() const;

 private:
  bool map();

  Descriptor memory_;
  records::AccountPage* page_ = nullptr;
};

}  // namespace aliquot
