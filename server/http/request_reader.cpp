#include "server/http/request_reader.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/beast/core/string.hpp>

#include "common/base/text.hpp"
#include "server/http/request_head.hpp"

namespace argosy::server {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

constexpr std::size_t read_ahead = 64 * 1024;

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

Error header_error(const error_code& error, std::uint32_t limit) {
  if (error == http::error::header_limit) {
    return make_error(Errc::too_large, "the request's header is larger than " + std::to_string(limit) + " bytes");
  }
  return make_error(Errc::invalid_argument, "this is not an HTTP request: " + error.message());
}

std::optional<Method> method_of(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return Method::get;
    case http::verb::head:
      return Method::head;
    case http::verb::post:
      return Method::post;
    case http::verb::put:
      return Method::put;
    case http::verb::patch:
      return Method::patch;
    case http::verb::delete_:
      return Method::del;
    default:
      return std::nullopt;
  }
}

}  // namespace

struct RequestReader::Impl {
  Impl(ByteStream& stream_given, Limits limits_given) : stream(stream_given), limits(limits_given) {}

  ByteStream& stream;
  Limits limits;
  std::string buffer;  // received, not parsed yet
  std::optional<RequestParser> parser;
  std::optional<TransferBudget> body_budget;  // from the first look at the body
  ByteStream::Clock::time_point began_at;
  bool continue_sent = false;

  // False at the end of the stream.
  Task<Result<bool>> receive() {
    std::array<std::uint8_t, 16 * 1024> piece;
    ARGOSY_CO_TRY(auto count, co_await stream.read_some(piece.data(), piece.size()));
    buffer.append(reinterpret_cast<const char*>(piece.data()), count);
    co_return count > 0;
  }

  error_code parse_some() {
    error_code error;
    const std::size_t used = parser->put(boost::asio::buffer(buffer.data(), buffer.size()), error);
    buffer.erase(0, used);
    return error;
  }

  void begin_header() {
    began_at = ByteStream::Clock::now();
    stream.expires_at(began_at + limits.timeouts.header);
  }

  void expect_body() {
    const auto now = ByteStream::Clock::now();
    if (!body_budget) body_budget.emplace(limits.timeouts.body, now);
    stream.expires_at(std::min(now + limits.timeouts.transfer, body_budget->deadline()));
  }

  bool client_waits() const {
    return !continue_sent && parser->get().version() >= 11 && buffer.empty() && !parser->is_done() &&
           beast::iequals(parser->get()[http::field::expect], "100-continue");
  }
};

RequestReader::RequestReader(ByteStream& stream, Limits limits) : impl_(std::make_unique<Impl>(stream, limits)) {}
RequestReader::~RequestReader() = default;

ByteStream::Clock::time_point RequestReader::began_at() const {
  return impl_->began_at;
}

Task<Result<RequestReader::Next>> RequestReader::read_header(std::chrono::milliseconds idle) {
  Impl& self = *impl_;
  self.parser.emplace();
  set_limits(*self.parser, self.limits.header_bytes);
  self.continue_sent = false;
  self.body_budget.reset();
  bool begun = !self.buffer.empty();
  if (begun) {
    self.begin_header();
  } else {
    self.stream.expires_after(idle);
  }
  for (;;) {
    if (!self.buffer.empty()) {
      const error_code error = self.parse_some();
      if (self.parser->is_header_done()) co_return Next::request;
      if (error && error != http::error::need_more) co_return header_error(error, self.limits.header_bytes);
      if (self.buffer.size() > self.limits.header_bytes) {
        co_return header_error(http::error::header_limit, self.limits.header_bytes);
      }
    }
    ARGOSY_CO_TRY(auto more, co_await self.receive());
    if (!more) co_return Next::end;
    if (!std::exchange(begun, true)) self.begin_header();
  }
}

Result<Request> RequestReader::request() const {
  const auto& message = impl_->parser->get();
  Request request;
  const auto method = method_of(message.method());
  if (!method) {
    return make_error(Errc::invalid_argument,
                      "the method '" + shortened(view(message.method_string())) + "' is not served here");
  }
  request.method = *method;
  ARGOSY_TRY(RequestHead head, read_head(message));
  request.path = std::move(head.target.path);
  request.query = std::move(head.target.query);
  request.headers = std::move(head.headers);
  return request;
}

bool RequestReader::keep_alive() const {
  return impl_->parser->keep_alive();
}
bool RequestReader::http_1_0() const {
  return impl_->parser->get().version() < 11;
}
bool RequestReader::body_done() const {
  return impl_->parser->is_done();
}
bool RequestReader::client_waits() const {
  return impl_->client_waits();
}

std::optional<std::uint64_t> RequestReader::content_length() const {
  const auto length = impl_->parser->content_length();
  if (!length) return std::nullopt;
  return *length;
}

Task<Result<std::size_t>> RequestReader::read_body(std::uint8_t* out, std::size_t size) {
  Impl& self = *impl_;
  if (self.client_waits()) {
    ARGOSY_CO_CHECK(co_await self.stream.write("HTTP/1.1 100 Continue\r\n\r\n"));
  }
  self.continue_sent = true;
  self.expect_body();
  while (!self.parser->is_done()) {
    if (!self.buffer.empty()) {
      auto& body = self.parser->get().body();
      body.data = out;
      body.size = size;
      body.more = true;
      const std::size_t before = self.buffer.size();
      const error_code error = self.parse_some();
      const std::size_t produced = size - body.size;
      const bool harmless = !error || error == http::error::need_more || error == http::error::need_buffer;
      if (!harmless) co_return make_error(Errc::invalid_argument, "the body is malformed: " + error.message());
      if (produced > 0) {
        self.body_budget->add(produced);
        co_return produced;
      }
      if (self.buffer.size() < before) continue;
      if (self.buffer.size() > read_ahead) co_return make_error(Errc::too_large, "a chunk's header is too large");
    }
    ARGOSY_CO_TRY(auto more, co_await self.receive());
    if (!more) co_return make_error(Errc::truncated, "the body ended before its announced length");
  }
  co_return std::size_t{0};
}

}  // namespace argosy::server
