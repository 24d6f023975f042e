// Requests from one connection, one after the other: header first, then the body as it is asked for. Bounded: a header
// larger than the limit is Errc::too_large, and no more than 64 KiB are read ahead. On the I/O thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "common/base/error.hpp"
#include "server/base/task.hpp"
#include "server/http/byte_stream.hpp"
#include "server/http/request.hpp"
#include "server/http/transfer_budget.hpp"

namespace argosy::server {

struct HttpTimeouts {
  std::chrono::milliseconds idle{75000};              // until the first byte of the next request
  std::chrono::milliseconds stranger{10000};          // the same, of a connection on which nobody has signed
  std::chrono::milliseconds header{10000};            // from there to the end of the header; the TLS handshake too
  std::chrono::milliseconds transfer{60000};          // for each piece of at most 64 KiB of a body, either way
  std::chrono::milliseconds unsigned_request{60000};  // all of a request that nobody has signed, header to answer
  TransferBudget::Limits body{};                      // all of a body, either way
};

class RequestReader {
 public:
  struct Limits {
    std::uint32_t header_bytes = 16 * 1024;
    HttpTimeouts timeouts;
  };
  RequestReader(ByteStream& stream, Limits limits);
  ~RequestReader();

  enum class Next : std::uint8_t { request, end };
  // Reads a header, whose first byte may take `idle`. An error whose code is too_large, invalid_argument or
  // rate_limited deserves an answer.
  Task<Result<Next>> read_header(std::chrono::milliseconds idle);
  // When the header's first byte was there.
  ByteStream::Clock::time_point began_at() const;
  // What the header says; without principal, params and body.
  Result<Request> request() const;

  bool keep_alive() const;
  bool http_1_0() const;
  std::optional<std::uint64_t> content_length() const;
  bool body_done() const;
  // At least one byte; 0 at the end. Sends "100 Continue" first when the client waits for it.
  Task<Result<std::size_t>> read_body(std::uint8_t* buffer, std::size_t size);
  bool client_waits() const;  // for a "100 Continue" that was not sent

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace argosy::server
