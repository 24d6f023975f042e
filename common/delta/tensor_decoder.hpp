// Makes the chunks of a tensor patch, one at a time and each by itself. Memory: frequency tables (at most 2 MiB), and
// four buffers of a chunk's size. A chunk comes out only when it passed its check. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "common/delta/tensor_format.hpp"

namespace argosy {

namespace tensor {
class DecodingTables;
}

class TensorDecoder {
 public:
  // `packed_tables` as they follow the header. `old_fd` stays the caller's, and open.
  static Result<TensorDecoder> create(const tensor::Header& header, ByteView packed_tables, int old_fd);
  TensorDecoder(TensorDecoder&&) noexcept;
  TensorDecoder& operator=(TensorDecoder&&) noexcept;
  ~TensorDecoder();

  // Where the payload of the next chunk goes; then make_chunk() of the same header.
  std::span<std::uint8_t> payload_room(const tensor::ChunkHeader& header);
  // The chunk's bytes, until the next call. Errc::malformed_patch; what reading the old file gives.
  Result<ByteView> make_chunk(const tensor::ChunkHeader& header);

 private:
  TensorDecoder(std::unique_ptr<tensor::DecodingTables> tables, int old_fd, std::uint64_t old_size);
  Result<Bytes> description_of(const tensor::Payload& payload);
  Result<void> make_pieces(const tensor::Payload& payload, const tensor::Description& description);

  std::unique_ptr<tensor::DecodingTables> tables_;
  int old_fd_;
  std::uint64_t old_size_;
  Bytes payload_;
  Bytes old_;
  Bytes counts_;
  Bytes fresh_;
};

}  // namespace argosy
