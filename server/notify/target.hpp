// Where notices go, and the secrets that this takes. What is shown of a target holds none of them: they lie apart,
// sealed (notify_service.hpp). Types and their JSON, pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"

namespace argosy {
class JsonReader;
}

namespace argosy::server {

enum class TargetKind : std::uint8_t { webhook, email, slack, teams, pagerduty, alertmanager };
std::string_view to_string(TargetKind kind);
Result<TargetKind> parse_target_kind(std::string_view text);

enum class MailTls : std::uint8_t { starttls, implicit, none };
std::string_view to_string(MailTls tls);
Result<MailTls> parse_mail_tls(std::string_view text);

struct Mailbox {
  std::string host;
  std::int64_t port = 587;
  MailTls tls = MailTls::starttls;
  std::string user;  // empty: nobody signs in
  std::string from;
  std::vector<std::string> to;
  friend bool operator==(const Mailbox&, const Mailbox&) = default;
};
inline constexpr std::size_t most_recipients = 20;

struct NoticeTarget {
  TargetKind kind = TargetKind::webhook;
  std::string url;  // of all but e-mail; of Slack and Teams only its host, for the whole address is a secret
  Mailbox mail;     // of e-mail
  friend bool operator==(const NoticeTarget&, const NoticeTarget&) = default;
};

struct SigningSecret {
  std::string text;              // "whsec_..."
  std::optional<Instant> until;  // none: it is the present one; else it signs beside the present one until then
};
inline constexpr std::size_t most_signing_secrets = 3;

struct TargetSecrets {
  std::vector<SigningSecret> signing;  // of webhooks, the present one first
  std::string url;                     // of Slack and Teams
  std::string password;                // of e-mail
  std::string routing_key;             // of PagerDuty
};

struct GivenTarget {
  NoticeTarget target;
  TargetSecrets secrets;  // those that were given; the signing ones are never given, but made
};
// Of a request. The secrets of the target may be left out where those that are there stay (keep_secrets).
Result<GivenTarget> read_target(const nlohmann::json& document);

// What was left out of `given` is taken from what is there, if it goes to the same place; a field_error() names what is
// missing.
Result<TargetSecrets> keep_secrets(const GivenTarget& given, const NoticeTarget* present, const TargetSecrets& kept);

// As it is stored and shown.
nlohmann::json target_to_json(const NoticeTarget& target);
Result<NoticeTarget> target_from_json(const nlohmann::json& stored);
std::string secrets_to_text(const TargetSecrets& secrets);
Result<TargetSecrets> secrets_from_text(const std::string& text);

}  // namespace argosy::server
