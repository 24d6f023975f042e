#include "server/http/response_writer.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/file.hpp"
#include "server/http/problem.hpp"
#include "server/http/range.hpp"
#include "server/http/request.hpp"
#include "server/http/response_head.hpp"

namespace argosy::server {
namespace {

constexpr std::uint64_t piece_bytes = 64 * 1024;

bool without_body(const Exchange& exchange, int status) {
  return exchange.request.method == Method::head || status == 304 || status == 204;
}

bool not_modified(const Request& request, int status, std::string_view etag) {
  const bool reads = request.method == Method::get || request.method == Method::head;
  const auto known = request.header("if-none-match");
  return reads && status == 200 && !etag.empty() && known && etag_matches(*known, etag);
}

std::string_view unquoted(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  return etag.size() >= 2 ? etag.substr(1, etag.size() - 2) : std::string_view{};
}

struct OpenFile {
  std::shared_ptr<UniqueFd> fd;
  std::uint64_t size = 0;
};

struct Open {
  std::filesystem::path path;
  Result<OpenFile> operator()() const {
    auto fd = std::make_shared<UniqueFd>(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!*fd) return errno_error("opening '" + path.string() + "'", errno);
    struct stat facts {};
    if (::fstat(fd->get(), &facts) != 0) return errno_error("reading '" + path.string() + "'", errno);
    return OpenFile{std::move(fd), static_cast<std::uint64_t>(facts.st_size)};
  }
};

struct ReadPiece {
  std::shared_ptr<UniqueFd> fd;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  Result<std::string> operator()() const {
    std::string piece(size, '\0');
    const ssize_t count = ::pread(fd->get(), piece.data(), piece.size(), static_cast<off_t>(offset));
    if (count < 0) return errno_error("reading a file", errno);
    if (count == 0) return make_error(Errc::truncated, "the file became shorter while it was sent");
    piece.resize(static_cast<std::size_t>(count));
    return piece;
  }
};

// The range to send; none when the client's copy is another one (If-Range).
Result<std::optional<ByteRange>> wanted_range(const Request& request, std::string_view etag, std::uint64_t size) {
  const auto range = request.header("range");
  if (!range || request.method != Method::get) return std::optional<ByteRange>{};
  const auto condition = request.header("if-range");
  if (condition && *condition != "\"" + std::string(etag) + "\"") return std::optional<ByteRange>{};
  return parse_range(*range, size);
}

std::string content_range(const std::optional<ByteRange>& range, std::uint64_t size) {
  if (!range) return "bytes */" + std::to_string(size);
  return "bytes " + std::to_string(range->first) + "-" + std::to_string(range->first + range->size - 1) + "/" +
         std::to_string(size);
}

Head head_of(const Exchange& exchange) {
  Head head;
  head.keep_alive = exchange.keep_alive;
  head.over_tls = exchange.over_tls;
  head.request_id = exchange.request.id;
  return head;
}

std::string hexadecimal(std::size_t number) {
  std::array<char, 16> text{};
  return {text.data(), std::to_chars(text.begin(), text.end(), number, 16).ptr};
}

}  // namespace

Task<Result<void>> ResponseWriter::send(std::string data) {
  co_return co_await send_by(ByteStream::Clock::time_point::max(), std::move(data));
}

Task<Result<void>> ResponseWriter::send_by(ByteStream::Clock::time_point deadline, std::string data) {
  stream_.expires_at(std::min(deadline, ByteStream::Clock::now() + timeouts_.transfer));
  co_return co_await stream_.write(data);
}

Task<Written> ResponseWriter::write(const Exchange& exchange, Response response) {
  if (std::holds_alternative<FileBody>(response.body)) {
    co_return co_await write_file(exchange, std::move(response));
  }
  if (std::holds_alternative<LiveBody>(response.body)) {
    Head head = head_of(exchange);
    head.chunked = !exchange.http_1_0;
    head.keep_alive = false;
    const auto outcome = co_await send(format_head(response, head));
    co_return Written{response.status, 0, outcome.has_value()};
  }
  const auto etag = response_header(response, "ETag");
  if (etag && not_modified(exchange.request, response.status, unquoted(*etag))) {
    response.status = 304;
    response.content_type.clear();
    response.body = std::string{};
  }
  co_return co_await write_text(exchange, response);
}

Task<Written> ResponseWriter::write_text(const Exchange& exchange, const Response& response) {
  const std::string& body = std::get<std::string>(response.body);
  Head head = head_of(exchange);
  if (response.status != 304 && response.status != 204) head.content_length = body.size();
  std::string data = format_head(response, head);
  if (!without_body(exchange, response.status)) data += body;
  const std::uint64_t bytes = data.size();
  const auto outcome = co_await send(std::move(data));
  co_return Written{response.status, bytes, outcome.has_value()};
}

Task<Written> ResponseWriter::write_problem(const Exchange& exchange, Error error, std::string range) {
  Response response = problem(error);
  if (!range.empty()) response.headers.emplace_back("Content-Range", std::move(range));
  co_return co_await write_text(exchange, response);
}

Task<Written> ResponseWriter::write_file(const Exchange& exchange, Response response) {
  const FileBody file = std::get<FileBody>(response.body);
  const auto opened = co_await file_reader_.run<Open>(file.path);
  if (!opened) {
    const bool missing = opened.error().code == Errc::not_found;
    auto refusing = write_problem(
        exchange, missing ? make_error(Errc::not_found, "the content is not there any more") : opened.error(), {});
    co_return co_await std::move(refusing);
  }
  response.headers.emplace_back("ETag", "\"" + file.etag + "\"");
  response.headers.emplace_back("Accept-Ranges", "bytes");
  if (not_modified(exchange.request, response.status, file.etag)) {
    response.status = 304;
    response.content_type.clear();
    response.body = std::string{};
    co_return co_await write_text(exchange, response);
  }
  const auto range = wanted_range(exchange.request, file.etag, opened->size);
  if (!range) {
    co_return co_await write_problem(exchange, range.error(), content_range(std::nullopt, opened->size));
  }
  if (*range) {
    response.status = 206;
    response.headers.emplace_back("Content-Range", content_range(*range, opened->size));
  }
  auto writing = write_bytes(exchange, response, opened->fd, range->value_or(ByteRange{0, opened->size}));
  co_return co_await std::move(writing);
}

Task<Written> ResponseWriter::write_bytes(const Exchange& exchange, const Response& response,
                                          std::shared_ptr<UniqueFd> fd, ByteRange range) {
  Head head = head_of(exchange);
  head.content_length = range.size;
  std::string data = format_head(response, head);
  Written written{response.status, data.size(), false};
  std::uint64_t sent = without_body(exchange, response.status) ? range.size : 0;
  TransferBudget budget(timeouts_.body, ByteStream::Clock::now());
  while (true) {
    if (sent < range.size) {
      const auto piece =
          co_await file_reader_.run<ReadPiece>(fd, range.first + sent, std::min(piece_bytes, range.size - sent));
      if (!piece) co_return written;  // the head is out already: only closing tells the peer
      data += *piece;
      sent += piece->size();
      written.bytes += piece->size();
    }
    const std::size_t size = data.size();
    const auto outcome = co_await send_by(budget.deadline(), std::move(data));
    if (!outcome) co_return written;
    budget.add(size);
    data.clear();
    if (sent >= range.size) break;
  }
  written.complete = true;
  co_return written;
}

Task<Result<void>> ResponseWriter::write_piece(const Exchange& exchange, std::string_view piece) {
  if (exchange.http_1_0 && piece.empty()) co_return Result<void>{};
  std::string data(piece);
  if (!exchange.http_1_0) data = hexadecimal(piece.size()) + "\r\n" + data + "\r\n";
  co_return co_await send(std::move(data));
}

}  // namespace argosy::server
