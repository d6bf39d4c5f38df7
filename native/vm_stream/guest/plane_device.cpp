#include "vm_stream/guest/plane_device.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstring>

#include "vm_stream/guest/kernel_file.h"

namespace aliquot::vm_stream {

namespace {

constexpr const char* kDevices = "/sys/bus/pci/devices/";
constexpr const char* kVendor = "0x1af4";
constexpr const char* kIvshmem = "0x1110";

/// A device's memory can be looked at once the device is enabled. Firmware does that as a rule, udev's rule of
/// the guest package in any case; this is for who runs without it, and may.
class Enabled {
 public:
  explicit Enabled(const std::string& device) : switch_(device + "/enable") {
    if (text_of(switch_) == "0") was_off_ = set("1");
  }
  ~Enabled() {
    if (was_off_) set("0");
  }
  void stay() { was_off_ = false; }

 private:
  bool set(const char* value) {
    const Descriptor file(::open(switch_.c_str(), O_WRONLY | O_CLOEXEC));
    return file && ::write(file.get(), value, 1) == 1;
  }
  const std::string switch_;
  bool was_off_ = false;
};

/// Null with `why` set where it can't be mapped; 0: it is another memory.
std::unique_ptr<Plane> map(const std::string& path, const PlaneOffer& offer, int& why) {
  errno = 0;
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  SharedMapping memory;
  if (file) memory = SharedMapping::of(file, offer.bytes, PROT_READ | PROT_WRITE);
  why = errno;
  if (!memory) return nullptr;
  auto plane = std::make_unique<Plane>(std::move(memory), offer, PlaneEnd::kGuest);
  if (!plane->is_offered()) plane.reset();
  return plane;
}

std::unique_ptr<Plane> map_device(const std::string& device, const PlaneOffer& offer, int& why) {
  Enabled enabled(device);
  // Uncached, as the kernel maps it else, each byte would be slow to write.
  auto plane = map(device + "/resource2_wc", offer, why);
  if (plane == nullptr && why == ENOENT) plane = map(device + "/resource2", offer, why);
  if (plane != nullptr) enabled.stay();
  return plane;
}

// Elsewhere a guest VM's mapping need not see what lies in the host's caches.
constexpr bool is_coherent() {
#if defined(__x86_64__)
  return true;
#else
  return false;
#endif
}

}  // namespace

std::unique_ptr<Plane> find_plane(const PlaneOffer& offer, const std::string& file,
                                  std::string& problem) {
  if (!is_plane_size(offer.bytes)) {
    problem = "it has an odd size";
    return nullptr;
  }
  int why = 0;
  if (!file.empty()) {
    auto plane = map(file, offer, why);
    if (plane == nullptr) problem = file + " is no such memory";
    return plane;
  }
  problem = "no ivshmem device of this VM is it";
  DIR* folder = is_coherent() ? ::opendir(kDevices) : nullptr;
  if (folder == nullptr) return nullptr;
  std::unique_ptr<Plane> plane;
  while (const dirent* entry = plane == nullptr ? ::readdir(folder) : nullptr) {
    const std::string device = kDevices + std::string(entry->d_name);
    if (text_of(device + "/vendor") != kVendor || text_of(device + "/device") != kIvshmem) continue;
    plane = map_device(device, offer, why);
    if (plane == nullptr && why != 0) problem = device + " can't be mapped: " + std::strerror(why);
  }
  ::closedir(folder);
  return plane;
}

}  // namespace aliquot::vm_stream
