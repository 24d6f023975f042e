#include "server/notify/target.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/text.hpp"
#include "common/json/json_look.hpp"
#include "common/json/json_reader.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;
using namespace std::string_view_literals;

constexpr std::array target_kinds{
    std::pair{TargetKind::webhook, "webhook"sv},     std::pair{TargetKind::email, "email"sv},
    std::pair{TargetKind::slack, "slack"sv},         std::pair{TargetKind::teams, "teams"sv},
    std::pair{TargetKind::pagerduty, "pagerduty"sv}, std::pair{TargetKind::alertmanager, "alertmanager"sv},
};
constexpr std::array mail_tls_words{
    std::pair{MailTls::starttls, "starttls"sv},
    std::pair{MailTls::implicit, "implicit"sv},
    std::pair{MailTls::none, "none"sv},
};

constexpr std::size_t most_url_bytes = 2048;
constexpr std::size_t most_secret_bytes = 512;
constexpr std::size_t most_address_bytes = 254;  // RFC 5321, 4.5.3.1.3
constexpr auto pagerduty_url = "https://events.pagerduty.com/v2/enqueue";

template <class Words, class Value>
std::string_view word_of(const Words& words, Value value) {
  for (const auto& [known, word] : words)
    if (known == value) return word;
  return "unknown";
}

template <class Value, std::size_t size>
Result<Value> value_of(const std::array<std::pair<Value, std::string_view>, size>& words, std::string_view text,
                       const char* what) {
  std::string list;
  for (const auto& [value, word] : words) {
    if (word == text) return value;
    list += (list.empty() ? "" : ", ") + std::string(word);
  }
  return make_error(Errc::invalid_argument,
                    std::string(what) + " is one of " + list + ", not '" + shortened(text) + "'");
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

// "hooks.slack.com" of "https://hooks.slack.com/services/T0/B0/x"; empty when it is no http address. What comes before
// an '@' is refused by is_http_url.
std::string_view authority_in(std::string_view url) {
  const std::size_t start = url.find("://");
  if (start == std::string_view::npos) return {};
  const std::string_view rest = url.substr(start + 3);
  return rest.substr(0, rest.find_first_of("/?#"));
}

bool is_http_url(std::string_view url) {
  const bool has_scheme = url.starts_with("https://") || url.starts_with("http://");
  const std::string_view authority = authority_in(url);
  return has_scheme && is_printable(url) && !authority.empty() && authority.find('@') == std::string_view::npos &&
         url.find('#') == std::string_view::npos;
}

// One address, without a name before it: "fleet@example.com".
bool is_mail_address(std::string_view text) {
  const std::size_t at = text.rfind('@');
  return text.size() <= most_address_bytes && is_printable(text) && at != std::string_view::npos && at > 0 &&
         at + 1 < text.size() && text.find_first_of("<>,;:\"\\") == std::string_view::npos;
}

bool is_host(std::string_view text) {
  return !text.empty() && text.size() <= 253 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == ':';
  });
}

void read_mail(JsonReader& in, GivenTarget& given) {
  Mailbox& mail = given.target.mail;
  std::string tls = "starttls";
  in.required_text("host", 253, mail.host).optional("port", mail.port, 1, 65535).optional("tls", tls);
  in.optional_text("user", most_secret_bytes, mail.user)
      .optional_text("password", most_secret_bytes, given.secrets.password);
  in.required_text("from", most_address_bytes, mail.from).required("to", mail.to);
  const auto parsed = parse_mail_tls(tls);
  in.check("tls", parsed.has_value(), "is one of starttls, implicit, none");
  if (parsed) mail.tls = *parsed;
  in.check("host", is_host(mail.host), "is the name or the address of a mail server");
  in.check("from", is_mail_address(mail.from), "is an address such as argosy@example.com");
  in.check("to", !mail.to.empty() && mail.to.size() <= most_recipients,
           "names 1 to " + std::to_string(most_recipients) + " addresses");
  in.check("to", std::all_of(mail.to.begin(), mail.to.end(), is_mail_address), "has what is no address");
  in.check("user", mail.user.empty() || mail.tls != MailTls::none,
           "cannot sign in without TLS: the password would be read on the way");
  in.check("password", given.secrets.password.empty() || !mail.user.empty(), "is of no use without user");
}

void read_http(JsonReader& in, GivenTarget& given) {
  NoticeTarget& target = given.target;
  const TargetKind kind = target.kind;
  if (kind == TargetKind::slack || kind == TargetKind::teams) {
    std::string& whole = given.secrets.url;
    in.optional_text("url", most_url_bytes, whole);
    in.check("url", whole.empty() || is_http_url(whole), "is an address such as https://example.com/hook");
    target.url = std::string(authority_in(whole));
    return;
  }
  if (kind == TargetKind::pagerduty) {
    target.url = pagerduty_url;
    in.optional_text("url", most_url_bytes, target.url);
    in.optional_text("routing_key", most_secret_bytes, given.secrets.routing_key);
    in.check("routing_key", is_printable(given.secrets.routing_key), "has a character that no key has");
  } else {
    in.required_text("url", most_url_bytes, target.url);
  }
  in.check("url", is_http_url(target.url), "is an address such as https://example.com/hook");
}

Result<void> need(bool is_there, const char* field) {
  if (is_there) return {};
  return field_error(std::string("target.") + field, "is missing; it is asked for anew when the target changes");
}

json time_or_null(const std::optional<Instant>& at) {
  return at ? json(to_rfc3339(*at)) : json();
}

}  // namespace

std::string_view to_string(TargetKind kind) {
  return word_of(target_kinds, kind);
}
Result<TargetKind> parse_target_kind(std::string_view text) {
  return value_of(target_kinds, text, "kind");
}
std::string_view to_string(MailTls tls) {
  return word_of(mail_tls_words, tls);
}
Result<MailTls> parse_mail_tls(std::string_view text) {
  return value_of(mail_tls_words, text, "tls");
}

Result<GivenTarget> read_target(const json& document) {
  ARGOSY_TRY(JsonReader in, JsonReader::of(document, "target"));
  GivenTarget given;
  std::string kind;
  in.required("kind", kind);
  const auto parsed = parse_target_kind(kind);
  if (!kind.empty() && !parsed) return field_error("target.kind", parsed.error().message);
  if (parsed) given.target.kind = *parsed;
  if (given.target.kind == TargetKind::email) {
    read_mail(in, given);
  } else {
    read_http(in, given);
  }
  ARGOSY_CHECK(in.finish());
  return given;
}

Result<TargetSecrets> keep_secrets(const GivenTarget& given, const NoticeTarget* present, const TargetSecrets& kept) {
  TargetSecrets secrets = given.secrets;
  const NoticeTarget& target = given.target;
  const bool same_kind = present != nullptr && present->kind == target.kind;
  if (same_kind) secrets.signing = kept.signing;
  // A password goes to the server that it was given for, and to no other.
  const bool same_place =
      same_kind && (target.kind == TargetKind::email
                        ? present->mail.host == target.mail.host && present->mail.port == target.mail.port &&
                              present->mail.user == target.mail.user && present->mail.tls == target.mail.tls
                        : present->url == target.url || secrets.url.empty());
  if (same_place) {
    if (secrets.url.empty()) secrets.url = kept.url;
    if (secrets.password.empty()) secrets.password = kept.password;
    if (secrets.routing_key.empty()) secrets.routing_key = kept.routing_key;
  }
  switch (target.kind) {
    case TargetKind::slack:
    case TargetKind::teams:
      ARGOSY_CHECK(need(!secrets.url.empty(), "url"));
      break;
    case TargetKind::email:
      ARGOSY_CHECK(need(target.mail.user.empty() || !secrets.password.empty(), "password"));
      break;
    case TargetKind::pagerduty:
      ARGOSY_CHECK(need(!secrets.routing_key.empty(), "routing_key"));
      break;
    case TargetKind::webhook:
    case TargetKind::alertmanager:
      break;
  }
  return secrets;
}

json target_to_json(const NoticeTarget& target) {
  json document{{"kind", to_string(target.kind)}};
  if (target.kind != TargetKind::email) {
    const bool hides = target.kind == TargetKind::slack || target.kind == TargetKind::teams;
    document[hides ? "host" : "url"] = target.url;
    return document;
  }
  const Mailbox& mail = target.mail;
  document.update({{"host", mail.host},
                   {"port", mail.port},
                   {"tls", to_string(mail.tls)},
                   {"user", mail.user.empty() ? json() : json(mail.user)},
                   {"from", mail.from},
                   {"to", mail.to}});
  return document;
}

Result<NoticeTarget> target_from_json(const json& stored) {
  NoticeTarget target;
  ARGOSY_TRY(target.kind, parse_target_kind(text_in(stored, "kind")));
  if (target.kind != TargetKind::email) {
    target.url = text_in(stored, stored.contains("host") ? "host" : "url");
    return target;
  }
  Mailbox& mail = target.mail;
  ARGOSY_TRY(JsonReader in, JsonReader::of(stored, "target", UnknownKeys::pass));
  in.required("host", mail.host).required("port", mail.port).optional("user", mail.user);
  in.required("from", mail.from).required("to", mail.to);
  ARGOSY_CHECK(in.finish());
  ARGOSY_TRY(mail.tls, parse_mail_tls(text_in(stored, "tls")));
  return target;
}

std::string secrets_to_text(const TargetSecrets& secrets) {
  json signing = json::array();
  for (const SigningSecret& secret : secrets.signing)
    signing.push_back({{"text", secret.text}, {"until", time_or_null(secret.until)}});
  return json{
      {"signing", signing}, {"url", secrets.url}, {"password", secrets.password}, {"routing_key", secrets.routing_key}}
      .dump();
}

Result<TargetSecrets> secrets_from_text(const std::string& text) {
  ARGOSY_TRY(JsonReader in, JsonReader::parse(text, stored_json));
  TargetSecrets secrets;
  in.objects("signing", most_signing_secrets, secrets.signing, [](JsonReader& one, SigningSecret& secret) {
    one.required("text", secret.text).optional("until", secret.until);
  });
  in.required("url", secrets.url).required("password", secrets.password).required("routing_key", secrets.routing_key);
  ARGOSY_CHECK(in.finish());
  return secrets;
}

}  // namespace argosy::server
