// Carries messages out: HTTP and SMTP by libcurl, all at once on one thread of its own, so that a receiver that does
// not answer holds up nobody. It connects only to addresses that the rules allow, looked at when the connection is
// made; follows no redirect, uses no proxy, takes a bounded answer within a bounded time, and checks certificates. How
// much is under way at once its caller decides. From start to shutdown; called on the I/O thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "server/base/task.hpp"
#include "server/notify/address_rules.hpp"
#include "server/notify/notice_text.hpp"

namespace argosy::server {

class Courier {
 public:
  struct Options {
    AddressRules addresses{};
    std::string ca_file{};  // PEM authorities for receivers' certificates; empty: the system's
    std::chrono::milliseconds timeout{15'000};
    std::string user_agent = "argosyd";
  };
  Courier(boost::asio::any_io_executor io, Options options);
  ~Courier();  // breaks off what is under way; its callers never resume
  Courier(const Courier&) = delete;
  Courier& operator=(const Courier&) = delete;

  Task<Answered> carry(Outbound message);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  boost::asio::any_io_executor io_;
};

}  // namespace argosy::server
