// The exchanges that take long - live streams, downloads, uploads - and what each caller's right rests on. When one of
// these may have ended, those that rest on it are asked again, and cut when they are refused. On the I/O thread. As
// many as the listeners have connections; one question at a time, those that somebody named first.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "common/base/error.hpp"
#include "server/base/task.hpp"
#include "server/http/permission.hpp"

namespace argosy::server {

class Metrics;
struct Request;

class OpenExchanges {
 public:
  // Whether this caller may still do this; an error when that cannot be found out now: then it goes on for the moment.
  using StillAllowed = std::function<Task<Result<bool>>(const Request& head, Permission permission)>;
  OpenExchanges(boost::asio::any_io_executor io, StillAllowed still_allowed);
  ~OpenExchanges();  // nothing is cut any more
  OpenExchanges(const OpenExchanges&) = delete;
  OpenExchanges& operator=(const OpenExchanges&) = delete;

  // Until the ticket is gone, `cut` is called when the right has ended. Asked once at the start, too: it may have ended
  // since the request was admitted.
  using Ticket = std::shared_ptr<void>;
  [[nodiscard]] Ticket enter(const Request& request, Permission permission, std::function<void()> cut);

  void check(const std::string& authority);  // what rests on it: "user:5", "device:cam-7"
  void check_people();                       // sessions and tokens: they end by time, too
  void check_all();
  std::size_t size() const;
  std::uint64_t cut_count() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

void add_metrics(Metrics& metrics, const OpenExchanges& exchanges);

}  // namespace argosy::server
