// The fuzz target of HTTP as strangers send it, in libFuzzer's form: Beast's parser as the listener sets it, fed in
// pieces; the head that is made of it; targets, queries, percent coding and the Range header.
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include <boost/asio/buffer.hpp>

#include "common/base/text.hpp"
#include "server/http/range.hpp"
#include "server/http/request_head.hpp"
#include "tests/support/promise.hpp"

using namespace argosy;
using namespace argosy::server;
using argosy::test::promise;

namespace {

constexpr std::uint32_t header_bytes = 4096;
constexpr std::uint64_t content_size = 1000;

void check_reason(const Error& error) {
  promise(error.code == Errc::invalid_argument || error.code == Errc::too_large, "an error that is the caller's");
  promise(error.message.size() <= 512 && is_text(error.message), "a reason that does not repeat the request");
}

void check_target(const Target& target) {
  promise(target.path.starts_with('/') && is_text(target.path), "a path of text");
  promise(target.query.size() <= 64, "a bounded number of parameters");
  for (const auto& [name, value] : target.query) promise(is_text(name) && is_text(value), "parameters of text");
  std::string written = percent_encode(target.path, "/") + "?";
  for (const auto& [name, value] : target.query) written += percent_encode(name) + "=" + percent_encode(value) + "&";
  const auto again = parse_target(written);
  promise(again.has_value() && again->path == target.path && again->query == target.query,
          "a target that is written and read again");
}

void read_target(std::string_view text) {
  const auto target = parse_target(text);
  if (!target) return check_reason(target.error());
  check_target(*target);
}

void read_percent(std::string_view text) {
  const auto decoded = percent_decode(percent_encode(text), false);
  promise(decoded.has_value() && *decoded == text, "what is encoded decodes to the same");
  if (const auto plain = percent_decode(text, true)) promise(plain->size() <= text.size(), "decoding never grows");
}

void read_range(std::string_view text) {
  for (const std::uint64_t size : {std::uint64_t{0}, content_size, UINT64_MAX}) {
    const auto range = parse_range(text, size);
    if (!range) {
      promise(range.error().code == Errc::range_not_satisfiable && range.error().message.size() <= 512, "a refusal");
    } else if (*range) {
      promise((*range)->size > 0 && (*range)->first < size && (*range)->size <= size - (*range)->first,
              "a range inside the content");
    }
  }
  (void)etag_matches(text, "17");
}

// The first byte says how large the pieces are that arrive.
void read_request(std::string_view text, std::size_t piece) {
  RequestParser parser;
  set_limits(parser, header_bytes);
  std::array<char, 64> out;
  std::string waiting;
  bool has_head = false;
  std::uint64_t body_bytes = 0;
  for (std::size_t at = 0; at < text.size() && !parser.is_done(); at += piece) {
    waiting += text.substr(at, piece);
    for (std::size_t before = waiting.size() + 1; !waiting.empty() && !parser.is_done() && waiting.size() < before;) {
      before = waiting.size();
      parser.get().body().data = out.data();
      parser.get().body().size = out.size();
      parser.get().body().more = true;
      boost::system::error_code error;
      waiting.erase(0, parser.put(boost::asio::buffer(waiting), error));
      if (parser.is_header_done()) body_bytes += out.size() - parser.get().body().size;
      namespace http = boost::beast::http;
      if (error && error != http::error::need_more && error != http::error::need_buffer) return;
      if (!has_head && parser.is_header_done()) {
        has_head = true;
        const auto head = read_head(parser.get());
        if (!head) return check_reason(head.error());
        check_target(head->target);
      }
    }
    if (!has_head && waiting.size() > header_bytes) return;
  }
  promise(body_bytes <= text.size(), "a body no larger than what was sent");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  read_request(text, 1 + std::size_t{data[0]});
  read_target(text);
  read_percent(text.substr(0, 2000));
  read_range(text);
  return 0;
}
