// HTTPS to one server, through a proxy where there is one: requests with small bodies, and downloads as a stream.
// Coroutines on the agent's loop; keeps one idle connection. Everything has a time limit and a size limit. Redirects
// are answers like others: nothing here follows them. In a download the request's time limit is for each piece.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "agent/link/device_clock.hpp"
#include "agent/link/proxy.hpp"
#include "agent/link/trust.hpp"
#include "common/base/instant.hpp"
#include "net/http.hpp"
#include "net/url.hpp"

namespace argosy::agent {

template <class T>
using Task = boost::asio::awaitable<T>;

using net::Endpoint;
using net::HttpHead;
using net::HttpRequest;
using net::HttpResponse;

// What takes a download's bytes. Each call answers whether to go on.
struct DownloadSink {
  std::function<Result<void>(const HttpHead&)> on_head;
  std::function<Result<void>(std::string_view piece)> on_piece;
  // How long to wait after so many bytes; null: not at all.
  std::function<std::chrono::nanoseconds(std::size_t bytes)> pause_after;
  std::size_t piece_bytes = largest_piece;  // how many may come at once
  std::size_t read_ahead_bytes = 0;         // how many may wait in the system; 0: as it sees fit
  static constexpr std::size_t largest_piece = 32 << 10;
};

class HttpsClient {
 public:
  // `clock` is what certificates are held against, and learns the time from the server's answers; null: the board's
  // own, which learns nothing.
  HttpsClient(boost::asio::any_io_executor io, Endpoint endpoint, std::optional<Proxy> proxy = std::nullopt,
              DeviceClock* clock = nullptr);
  ~HttpsClient();

  const Endpoint& endpoint() const;
  // From the next connection on.
  Result<void> set_trust(const Trust& trust);
  bool has_trust() const;

  // Errc::unavailable: no connection, or it broke; Errc::timeout; Errc::unauthenticated: the server is not trusted, or
  // does not trust us. Any status is a success here. A connection that the server closed while it was idle is replaced
  // once.
  Task<Result<HttpResponse>> request(HttpRequest request);
  // The sink sees the head of any status, the pieces only of 200 and 206. The body's limit is the sink's.
  Task<Result<HttpHead>> download(HttpRequest request, DownloadSink sink);
  std::optional<Duration> clock_offset() const;  // the board's, by ServerClock, of the newest answers

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// An error of the server as one of ours: from the problem document's type when there is one.
Error error_of(const HttpResponse& response, std::string_view what);

}  // namespace argosy::agent
