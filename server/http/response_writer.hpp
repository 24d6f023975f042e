// Responses onto one connection: head, then text, a file or a live stream; conditional and range requests are settled
// here. On the I/O thread; files are read on a worker.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "common/base/file.hpp"
#include "server/base/task.hpp"
#include "server/http/byte_stream.hpp"
#include "server/http/range.hpp"
#include "server/http/request_reader.hpp"
#include "server/http/response.hpp"
#include "server/work/worker_pool.hpp"

namespace argosy::server {

struct Request;

struct Exchange {  // what the response must know of its request
  const Request& request;
  bool keep_alive = true;
  bool http_1_0 = false;
  bool over_tls = false;
};

struct Written {
  int status = 0;  // as sent: 304 or 206 where the handler said 200
  std::uint64_t bytes = 0;
  bool complete = false;  // false: the connection is of no more use
};

class ResponseWriter {
 public:
  ResponseWriter(ByteStream& stream, WorkerPool& file_reader, HttpTimeouts timeouts)
      : stream_(stream), file_reader_(file_reader), timeouts_(timeouts) {}

  // Text and files. Of a LiveBody only the head: its pieces follow by write_piece().
  Task<Written> write(const Exchange& exchange, Response response);
  // One piece of a live stream, chunked for HTTP/1.1; an empty piece ends it.
  Task<Result<void>> write_piece(const Exchange& exchange, std::string_view piece);

 private:
  Task<Written> write_text(const Exchange& exchange, const Response& response);
  Task<Written> write_problem(const Exchange& exchange, Error error, std::string range);
  Task<Written> write_file(const Exchange& exchange, Response response);
  Task<Written> write_bytes(const Exchange& exchange, const Response& response, std::shared_ptr<UniqueFd> fd,
                            ByteRange range);
  Task<Result<void>> send(std::string data);
  Task<Result<void>> send_by(ByteStream::Clock::time_point deadline, std::string data);

  ByteStream& stream_;
  WorkerPool& file_reader_;
  HttpTimeouts timeouts_;
};

}  // namespace argosy::server
