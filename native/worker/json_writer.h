// Just enough JSON to print what a driver has: objects, arrays, strings, numbers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace aliquot::worker {

class JsonWriter {
 public:
  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }
  /// The name of the value that comes next.
  void key(std::string_view name);
  /// Bytes that are no UTF-8 become question marks.
  void text(std::string_view value);
  void number(uint64_t value);
  void boolean(bool value);
  void null();
  const std::string& result() const { return out_; }

 private:
  void open(char bracket);
  void close(char bracket);
  void separate();
  void quote(std::string_view value);

  std::string out_;
  bool first_ = true;
  bool after_key_ = false;
};

}  // namespace aliquot::worker
