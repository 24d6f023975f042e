// How far this device's clock is from the server's, by the Date of its answers (RFC 9110, 6.6.1). It needs no right and
// no time source, and it is what counts: the server's charts and certificates go by the server's clock. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "common/base/instant.hpp"

namespace argosy::agent {

// "Sun, 06 Nov 1994 08:49:37 GMT"; other forms are nothing.
std::optional<Instant> parse_http_date(std::string_view text);

class ServerClock {
 public:
  static constexpr Duration longest_exchange{2000};  // a slower one tells too little
  static constexpr Duration good_for{900'000};

  // An answer with this Date came at `received` to what was sent at `sent`, both by this clock.
  void heard(std::string_view date, Instant sent, Instant received);
  // This clock less the server's. A Date has whole seconds: exact to half a second and half of the exchange.
  std::optional<Duration> offset(Instant now) const;

 private:
  struct Reading {
    Duration offset{0};
    Instant at{};
  };
  std::optional<Reading> newest_;
};

}  // namespace argosy::agent
