#include "server/notify/notice_text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "common/base/encoding.hpp"
#include "common/base/text.hpp"
#include "common/json/json_look.hpp"
#include "common/json/json_text.hpp"
#include "server/notify/standard_webhook.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr std::size_t shown_events = 20;  // in what people read; the others are counted
constexpr std::size_t most_headline_bytes = 250;
constexpr std::size_t most_line_text_bytes = 500;
constexpr std::size_t mail_line_bytes = 76;

const std::pair<std::string, std::string> says_json{"Content-Type", "application/json"};

std::string capital(std::string_view severity) {
  std::string word(severity);
  std::transform(word.begin(), word.end(), word.begin(),
                 [](char c) { return static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c); });
  return word;
}

std::string topic_in(const Notice& notice) {
  const std::string& kind = notice.events.front().event.kind;
  return kind.substr(0, kind.find('.'));
}

// What all of them share; empty where they differ.
template <class Read>
std::string common_of(const Notice& notice, Read read) {
  const std::string first = read(notice.events.front());
  const bool same = std::all_of(notice.events.begin(), notice.events.end(),
                                [&](const ToldEvent& told) { return read(told) == first; });
  return same ? first : std::string();
}

std::size_t count_kind(const Notice& notice, std::string_view kind) {
  return static_cast<std::size_t>(std::count_if(notice.events.begin(), notice.events.end(),
                                                [kind](const ToldEvent& told) { return told.event.kind == kind; }));
}

std::string how_many(const Notice& notice) {
  const std::size_t firing = count_kind(notice, "alert.firing"), over = count_kind(notice, "alert.resolved");
  const std::size_t all = notice.events.size();
  if (firing == all) return std::to_string(all) + " alerts fire";
  if (over == all) return std::to_string(all) + " alerts are over";
  if (firing + over == all) return std::to_string(firing) + " alerts fire, " + std::to_string(over) + " are over";
  return std::to_string(all) + " events of " + topic_in(notice);
}

std::string line_of_event(const ToldEvent& told) {
  return "[" + told.event.severity + "] " + shortened(told.event.message, most_line_text_bytes);
}

std::string lines_of(const Notice& notice, std::string (*line)(const ToldEvent&), std::string_view bullet) {
  std::string text;
  for (std::size_t at = 0; at < std::min(shown_events, notice.events.size()); ++at)
    text += std::string(bullet) + line(notice.events[at]) + "\n";
  if (notice.events.size() > shown_events)
    text += std::string(bullet) + "and " + std::to_string(notice.events.size() - shown_events) + " more\n";
  return text;
}

std::string link_of(const Notice& notice, const NoticeSource& source) {
  if (source.public_url.empty()) return {};
  const ToldEvent& first = notice.events.front();
  const std::string topic = topic_in(notice);
  if (topic == "rollout" && first.event.rollout)
    return source.public_url + "/rollouts/" + std::to_string(*first.event.rollout);
  if (topic == "alert") return source.public_url + "/alerts";
  if (notice.events.size() == 1 && first.event.device) return source.public_url + "/devices/" + *first.event.device;
  return source.public_url + "/";
}

// -- Webhook ---------------------------------------------------------------------------------------------------------

json webhook_body(const Notice& notice) {
  json events = json::array();
  for (const ToldEvent& told : notice.events) events.push_back(told.to_json());
  const std::string kind = common_of(notice, [](const ToldEvent& told) { return told.event.kind; });
  return {{"type", kind.empty() ? topic_in(notice) : kind},
          {"timestamp", to_rfc3339(notice.delivery.created_at)},
          {"data",
           {{"key", notice.delivery.key},
            {"route", notice.delivery.route_name},
            {"group", notice.delivery.line},
            {"severity", notice.delivery.severity},
            {"title", headline_of(notice)},
            {"events", events}}}};
}

Result<HttpPost> webhook_post(const NoticeTarget& target, const TargetSecrets& secrets, const Notice& notice,
                              Instant now) {
  HttpPost post{target.url, {says_json}, write_json(webhook_body(notice))};
  ARGOSY_TRY(auto headers, webhook_headers(secrets.signing, notice.delivery.key, post.body, now));
  post.headers.insert(post.headers.end(), headers.begin(), headers.end());
  return post;
}

// -- Slack and Teams -------------------------------------------------------------------------------------------------

std::string escaped_for_slack(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '&')
      escaped += "&amp;";
    else if (c == '<')
      escaped += "&lt;";
    else if (c == '>')
      escaped += "&gt;";
    else
      escaped.push_back(c);
  }
  return escaped;
}

std::string_view colour_of(std::string_view severity) {
  if (severity == "critical") return "#c62828";
  return severity == "warning" ? "#ef8f00" : "#2e7d32";
}

HttpPost slack_post(const TargetSecrets& secrets, const Notice& notice, const NoticeSource& source) {
  const std::string link = link_of(notice, source);
  const std::string head = "*" + capital(notice.delivery.severity) + "* " + escaped_for_slack(headline_of(notice));
  json attachment{{"color", colour_of(notice.delivery.severity)},
                  {"fallback", headline_of(notice)},
                  {"text", escaped_for_slack(lines_of(notice, line_of_event, "• "))},
                  {"footer", "Argosy, route " + notice.delivery.route_name},
                  {"ts", to_ms(notice.delivery.created_at) / 1000}};
  const std::string text = link.empty() ? head : head + " (<" + link + "|open>)";
  return {secrets.url, {says_json}, write_json({{"text", text}, {"attachments", json::array({attachment})}})};
}

HttpPost teams_post(const TargetSecrets& secrets, const Notice& notice, const NoticeSource& source) {
  const std::string_view colour = notice.delivery.severity == "critical"  ? "Attention"
                                  : notice.delivery.severity == "warning" ? "Warning"
                                                                          : "Good";
  json body = json::array();
  body.push_back({{"type", "TextBlock"},
                  {"text", capital(notice.delivery.severity) + ": " + headline_of(notice)},
                  {"weight", "Bolder"},
                  {"size", "Medium"},
                  {"color", colour},
                  {"wrap", true}});
  body.push_back({{"type", "TextBlock"}, {"text", lines_of(notice, line_of_event, "- ")}, {"wrap", true}});
  json card{{"$schema", "http://adaptivecards.io/schemas/adaptive-card.json"},
            {"type", "AdaptiveCard"},
            {"version", "1.4"},
            {"body", body}};
  const std::string link = link_of(notice, source);
  if (!link.empty())
    card["actions"] = json::array({{{"type", "Action.OpenUrl"}, {"title", "Open in Argosy"}, {"url", link}}});
  const json attachment{
      {"contentType", "application/vnd.microsoft.card.adaptive"}, {"contentUrl", nullptr}, {"content", card}};
  return {secrets.url, {says_json}, write_json({{"type", "message"}, {"attachments", json::array({attachment})}})};
}

// -- PagerDuty -------------------------------------------------------------------------------------------------------

std::string_view pagerduty_action(const std::string& kind) {
  static const std::set<std::string, std::less<>> ends{"alert.resolved", "rollout.running", "rollout.completed",
                                                       "rollout.rolled_back"};
  if (kind == "alert.acknowledged") return "acknowledge";
  return ends.contains(kind) ? "resolve" : "trigger";
}

// One incident for an alert, and for what becomes of a rollout.
std::string dedup_key_of(const Notice& notice) {
  const ToldEvent& told = notice.events.front();
  if (const auto alert = told.alert()) return "argosy-alert-" + std::to_string(*alert);
  if (told.event.rollout) return "argosy-rollout-" + std::to_string(*told.event.rollout);
  return "argosy-" + notice.delivery.key;
}

HttpPost pagerduty_post(const NoticeTarget& target, const TargetSecrets& secrets, const Notice& notice,
                        const NoticeSource& source) {
  const ToldEvent& told = notice.events.front();
  const Event& event = told.event;
  json body{{"routing_key", secrets.routing_key},
            {"event_action", pagerduty_action(event.kind)},
            {"dedup_key", dedup_key_of(notice)},
            {"client", "Argosy"},
            {"payload",
             {{"summary", shortened(event.message, 1000)},
              {"source", event.device.value_or(told.site.empty() ? "argosy" : told.site)},
              {"severity", told.severity()},
              {"timestamp", to_rfc3339(event.at)},
              {"component", event.model.value_or("")},
              {"group", told.site},
              {"class", told.rule().empty() ? event.kind : told.rule()},
              {"custom_details", told.to_json()}}}};
  const std::string link = link_of(notice, source);
  if (!link.empty()) body["client_url"] = link;
  return {target.url, {says_json}, write_json(body)};
}

// -- Alertmanager ----------------------------------------------------------------------------------------------------

// By its labels Alertmanager knows an alert again: nothing may stand in them that changes while it fires.
json alertmanager_alert(const ToldEvent& told, const NoticeSource& source, Instant now) {
  const Event& event = told.event;
  const std::string rule = told.rule();
  json labels{{"alertname", rule.empty() ? event.kind : rule}, {"severity", told.severity()}};
  if (event.device) labels["device"] = *event.device;
  if (!told.site.empty()) labels["site"] = told.site;
  if (event.model) labels["model"] = *event.model;
  if (const auto id = told.alert()) labels["argosy_alert"] = std::to_string(*id);
  const bool is_over = event.kind == "alert.resolved";
  json alert{{"labels", labels},
             {"annotations", {{"summary", event.message}}},
             {"endsAt", to_rfc3339(is_over ? event.at : now + alertmanager_valid)}};
  if (!is_over) alert["startsAt"] = to_rfc3339(event.at);
  if (!source.public_url.empty()) alert["generatorURL"] = source.public_url + "/alerts";
  return alert;
}

// What is true of each alert in the end: one that began and ended meanwhile is told once.
HttpPost alertmanager_post(const NoticeTarget& target, const std::vector<ToldEvent>& events, const NoticeSource& source,
                           Instant now) {
  std::map<std::int64_t, const ToldEvent*> last;
  for (const ToldEvent& told : events) last[told.alert().value_or(-told.event.position.id)] = &told;
  json alerts = json::array();
  for (const auto& [id, told] : last) alerts.push_back(alertmanager_alert(*told, source, now));
  std::string base = target.url;
  while (base.ends_with('/')) base.pop_back();
  return {base + "/api/v2/alerts", {says_json}, write_json(alerts)};
}

// -- Mail ------------------------------------------------------------------------------------------------------------

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < '\x7f'; });
}

// Where a UTF-8 character may be cut: at most `most` bytes.
std::size_t piece_of(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text.size();
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return end == 0 ? most : end;
}

// RFC 2047: words of at most 75 characters, a line each.
std::string encoded_words(std::string_view text) {
  if (is_ascii(text)) return std::string(text);
  std::string words;
  while (!text.empty()) {
    const std::size_t size = piece_of(text, 42);
    words += (words.empty() ? "" : "\r\n ") + ("=?utf-8?B?" + to_base64(as_bytes(text.substr(0, size))) + "?=");
    text.remove_prefix(size);
  }
  return words;
}

std::string base64_lines(std::string_view text) {
  const std::string whole = to_base64(as_bytes(text));
  std::string lines;
  for (std::size_t at = 0; at < whole.size(); at += mail_line_bytes)
    lines += whole.substr(at, mail_line_bytes) + "\r\n";
  return lines;
}

// RFC 5322: "Mon, 30 Nov 2026 04:06:35 +0000".
std::string mail_date(Instant at) {
  constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto seconds = static_cast<std::time_t>(to_ms(at) / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d +0000",
                days[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
                months[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900, parts.tm_hour, parts.tm_min,
                parts.tm_sec);
  return text;
}

std::string mail_line(const ToldEvent& told) {
  return to_rfc3339(told.event.at) + "  " + line_of_event(told) + "\n    " + told.event.kind +
         (told.event.device ? ", device " + *told.event.device : "") +
         (told.site.empty() ? "" : ", site " + told.site) + (told.event.model ? ", model " + *told.event.model : "");
}

std::string mail_text(const Notice& notice, const NoticeSource& source) {
  const std::string link = link_of(notice, source);
  return headline_of(notice) + "\n\n" + lines_of(notice, mail_line, "") + (link.empty() ? "" : "\n" + link + "\n") +
         "\n-- \nArgosy, route " + notice.delivery.route_name + ", message " + notice.delivery.key + "\n";
}

std::string joined(const std::vector<std::string>& addresses) {
  std::string list;
  for (const std::string& address : addresses) list += (list.empty() ? "" : ",\r\n ") + address;
  return list;
}

Mail mail_of(const NoticeTarget& target, const TargetSecrets& secrets, const Notice& notice,
             const NoticeSource& source) {
  const std::string subject = "[" + capital(notice.delivery.severity) + "] " + headline_of(notice);
  std::string message = "From: " + target.mail.from + "\r\n";
  message += "To: " + joined(target.mail.to) + "\r\n";
  message += "Subject: " + encoded_words(subject) + "\r\n";
  message += "Date: " + mail_date(notice.delivery.created_at) + "\r\n";
  message += "Message-ID: <" + notice.delivery.key + "@argosy.invalid>\r\n";
  message += "X-Argosy-Key: " + notice.delivery.key + "\r\n";
  message += "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n";
  message += "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n";
  message += base64_lines(mail_text(notice, source));
  return {target.mail, secrets.password, std::move(message)};
}

// -- Answers ---------------------------------------------------------------------------------------------------------

// Of a mail, that there is no error says it all: the last answer may be to QUIT.
bool arrived(TargetKind kind, long status) {
  return kind == TargetKind::email || (status >= 200 && status < 300);
}

// A mail server that does not know the password may be told it meanwhile (RFC 4954, 6).
bool is_about_signing_in(long status) {
  return status == 530 || status == 534 || status == 535 || status == 538;
}

// A receiver of one's own may be mended meanwhile, whatever it answers now; only 410 says that nobody will. What a
// service that knows its own form refuses, it will refuse again.
bool is_refused_for_good(TargetKind kind, long status) {
  if (kind == TargetKind::email) return status >= 500 && status < 600 && !is_about_signing_in(status);
  const bool of_a_service = kind == TargetKind::pagerduty || kind == TargetKind::alertmanager;
  return status == 410 || (of_a_service && status == 400);
}

std::string why_not(TargetKind kind, long status) {
  if (kind == TargetKind::email) return "the mail server answered " + std::to_string(status);
  if (status >= 300 && status < 400)
    return "the receiver answered " + std::to_string(status) +
           ", and redirects are not followed: give the address itself";
  return "the receiver answered " + std::to_string(status);
}

}  // namespace

std::string headline_of(const Notice& notice) {
  if (notice.events.empty()) return shortened(notice.delivery.title, most_headline_bytes);
  const std::string first = shortened(notice.events.front().event.message, most_headline_bytes);
  if (notice.events.size() == 1) return first;
  const std::string rule = common_of(notice, [](const ToldEvent& told) { return told.rule(); });
  const std::string site = common_of(notice, [](const ToldEvent& told) { return told.site; });
  return how_many(notice) + (rule.empty() ? "" : " (" + rule + ")") +
         (site.empty() ? "" : " at " + shortened(site, 64)) + ": " + first;
}

Result<Outbound> outbound_of(const NoticeTarget& target, const TargetSecrets& secrets, const Notice& notice,
                             const NoticeSource& source, Instant now) {
  if (notice.events.empty()) return make_error(Errc::corrupt, "the delivery has no events");
  switch (target.kind) {
    case TargetKind::webhook: {
      ARGOSY_TRY(HttpPost post, webhook_post(target, secrets, notice, now));
      return Outbound(std::move(post));
    }
    case TargetKind::email:
      return Outbound(mail_of(target, secrets, notice, source));
    case TargetKind::slack:
      return Outbound(slack_post(secrets, notice, source));
    case TargetKind::teams:
      return Outbound(teams_post(secrets, notice, source));
    case TargetKind::pagerduty:
      return Outbound(pagerduty_post(target, secrets, notice, source));
    case TargetKind::alertmanager:
      return Outbound(alertmanager_post(target, notice.events, source, now));
  }
  return make_error(Errc::internal, "unknown target");
}

HttpPost alertmanager_refresh(const NoticeTarget& target, const std::vector<ToldEvent>& firing,
                              const NoticeSource& source, Instant now) {
  return alertmanager_post(target, firing, source, now);
}

SendOutcome outcome_of(TargetKind kind, Answered answered) {
  SendOutcome outcome;
  outcome.took = answered.took;
  outcome.answer = shortened(answered.body, most_answer_bytes);
  outcome.not_before = answered.retry_after;
  if (answered.status > 0) outcome.status = answered.status;
  outcome.delivered = answered.error.empty() && arrived(kind, answered.status);
  if (outcome.delivered) return outcome;
  outcome.is_final = is_refused_for_good(kind, answered.status);
  outcome.error =
      !answered.error.empty() ? shortened(answered.error, most_answer_bytes) : why_not(kind, answered.status);
  return outcome;
}

}  // namespace argosy::server
