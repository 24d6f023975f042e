// What a handler answers: a text, a file, or a stream. Owned by the connection that sends it; on the I/O
// thread. A text lies in memory as a whole: what may be large is a file, a stream, or a page of a list.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/error.hpp"
#include "server/base/task.hpp"

namespace argosy::server {

struct FileBody {  // served by sendfile-like streaming, with Range and If-Range handled by the server
  std::filesystem::path path;
  std::string etag;                     // without quotes
  std::shared_ptr<const void> lease{};  // let go when the response has been sent, or has broken off
};

struct LiveBody {  // a stream that is made as it is sent: each call gives the next piece; an error or an empty piece
                   // ends it
  std::function<Task<Result<std::string>>()> next;
  // Of a stream without end (SSE) every end is a good one. What ends by itself ends well with an empty piece alone;
  // else it is broken off, so that nobody takes a part for the whole.
  bool ends_by_itself = false;
};

struct Response {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string content_type = "application/json";
  std::variant<std::string, FileBody, LiveBody> body = std::string{};

  static Response json(std::string text, int status = 200);
  static Response prometheus(std::string text);  // exposition format 0.0.4
  static Response no_content();
};

}  // namespace argosy::server
