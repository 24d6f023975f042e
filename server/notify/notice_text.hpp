// What a delivery looks like to each kind of target: bodies, headers and mails, ready to be sent. The same delivery
// gives the same content each time, but for what says when it was sent. Pure.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/notify/delivery.hpp"
#include "server/notify/notice_route.hpp"
#include "server/notify/target.hpp"

namespace argosy::server {

struct HttpPost {
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};
struct Mail {
  Mailbox box;
  std::string password;
  std::string message;  // RFC 5322, lines end with CR LF
};
using Outbound = std::variant<HttpPost, Mail>;

struct Notice {
  Delivery delivery;
  std::vector<ToldEvent> events;  // in order
};

struct NoticeSource {
  std::string public_url;  // of this installation: "https://argosy.example"; for links
};

// What a person reads first: the event's own message, or how many of what there are and where.
std::string headline_of(const Notice& notice);

Result<Outbound> outbound_of(const NoticeTarget& target, const TargetSecrets& secrets, const Notice& notice,
                             const NoticeSource& source, Instant now);

// The alerts that still fire, for an Alertmanager that would take them for over otherwise.
inline constexpr Duration alertmanager_valid{15 * 60'000};
inline constexpr Duration alertmanager_again{4 * 60'000};
HttpPost alertmanager_refresh(const NoticeTarget& target, const std::vector<ToldEvent>& firing,
                              const NoticeSource& source, Instant now);

// How an answer of such a target is to be taken. `status` 0: nobody answered, and `error` says why.
struct Answered {
  long status = 0;
  std::string body;
  std::string error;
  std::optional<Duration> retry_after;
  Duration took{};
};
SendOutcome outcome_of(TargetKind kind, Answered answered);

}  // namespace argosy::server
