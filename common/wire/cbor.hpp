// CBOR (RFC 8949) as telemetry needs it: a writer that appends the shortest forms, and a reader that walks the bytes
// without building a tree or recursing without bound, so that hostile bytes cost no more than their length. Definite
// lengths only, no tags. Pure; the reader borrows its bytes, and the texts that it returns point into them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/base/encoding.hpp"
#include "common/base/error.hpp"

namespace argosy::wire {

class CborWriter {
 public:
  explicit CborWriter(Bytes& out) : out_(out) {}
  void unsigned_integer(std::uint64_t value) { head(0, value); }
  void integer(std::int64_t value);
  void bytes(ByteView value);
  void text(std::string_view value);
  void array(std::size_t items) { head(4, items); }
  void map(std::size_t pairs) { head(5, pairs); }
  void number(double value);
  void item(ByteView encoded);  // one whole item, as it is

 private:
  void head(std::uint8_t major, std::uint64_t argument);
  Bytes& out_;
};

// Every error is Errc::malformed_cbor and names the offset, what was expected and what was there.
class CborReader {
 public:
  explicit CborReader(ByteView bytes) : bytes_(bytes) {}
  Result<std::uint64_t> unsigned_integer(std::uint64_t limit);
  Result<std::int64_t> integer();
  Result<double> number();  // an integer or a float of any size; finite
  Result<ByteView> bytes(std::size_t limit);
  Result<std::string_view> text(std::size_t limit);  // bytes as they are: UTF-8 is for the caller to check
  Result<std::size_t> array(std::size_t limit);      // how many items follow
  Result<std::size_t> map(std::size_t limit);        // how many pairs follow
  Result<void> skip();                               // the next item, whatever it is, nested up to 8 deep
  bool at_end() const { return offset_ == bytes_.size(); }
  std::size_t offset() const { return offset_; }
  Error malformed(std::string_view what) const;

 private:
  struct Head {
    std::uint8_t major = 0;
    std::uint8_t additional = 0;
    std::uint64_t argument = 0;
  };
  Result<Head> head();
  Result<Head> head_of(std::uint8_t major, std::string_view expected);
  Result<ByteView> run_of(std::uint8_t major, std::string_view expected, std::size_t limit);
  Result<std::size_t> items_of(std::uint8_t major, std::string_view expected, std::size_t limit);
  Result<void> skip_nested(int depth);

  ByteView bytes_;
  std::size_t offset_ = 0;
};

}  // namespace argosy::wire
