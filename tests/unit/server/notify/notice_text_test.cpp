#include "server/notify/notice_text.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/encoding.hpp"
#include "server/notify/standard_webhook.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

const Instant now = instant_from_ms(1'790'000'000'000);
const NoticeSource source{"https://argosy.example"};

ToldEvent alert(std::int64_t id, const std::string& kind = "alert.firing", const std::string& device = "cam-7") {
  ToldEvent told;
  told.event.position.id = 100 + id;
  told.event.at = now - 5s;
  told.event.kind = kind;
  told.event.severity = kind == "alert.firing" ? "critical" : "info";
  told.event.device = device;
  told.event.model = "digits";
  told.event.message = device + ": p95 is <twice> what it was & more";
  told.event.details_json = json{{"alert", id}, {"rule", "latency_doubled"}}.dump();
  told.alert_severity = "critical";
  told.site = "berlin";
  return told;
}

Notice notice_of(std::vector<ToldEvent> events) {
  Notice notice;
  notice.delivery.key = "msg_abc";
  notice.delivery.route_name = "on-call";
  notice.delivery.line = "alert rule=latency_doubled site=berlin";
  notice.delivery.severity = "critical";
  notice.delivery.created_at = now;
  notice.events = std::move(events);
  return notice;
}

NoticeTarget target_of(TargetKind kind, const std::string& url = "https://example.com/hook") {
  NoticeTarget target;
  target.kind = kind;
  target.url = url;
  return target;
}

HttpPost post_of(const NoticeTarget& target, const TargetSecrets& secrets, const Notice& notice, Instant at = now) {
  return std::get<HttpPost>(outbound_of(target, secrets, notice, source, at).value());
}

TEST(NoticeText, AHeadlineSaysHowManyOfWhatAndWhere) {
  EXPECT_EQ(headline_of(notice_of({alert(1)})), "cam-7: p95 is <twice> what it was & more");
  EXPECT_EQ(headline_of(notice_of({alert(1), alert(2, "alert.firing", "cam-8")})),
            "2 alerts fire (latency_doubled) at berlin: cam-7: p95 is <twice> what it was & more");
  EXPECT_EQ(headline_of(notice_of({alert(1), alert(1, "alert.resolved")})).substr(0, 32),
            "1 alerts fire, 1 are over (laten");
}

TEST(NoticeText, AWebhookIsSignedAndTheSameInEveryRepeat) {
  TargetSecrets secrets;
  secrets.signing = {{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", {}}};
  const auto target = target_of(TargetKind::webhook);
  const HttpPost first = post_of(target, secrets, notice_of({alert(1)}));
  const HttpPost again = post_of(target, secrets, notice_of({alert(1)}), now + 1h);
  EXPECT_EQ(first.body, again.body);
  EXPECT_EQ(first.headers[1], again.headers[1]) << "webhook-id";
  EXPECT_EQ(first.headers[1].second, "msg_abc");
  EXPECT_EQ(first.headers[3].second,
            webhook_signature(secrets.signing[0].text, "msg_abc", to_ms(now) / 1000, first.body).value());
  const json body = json::parse(first.body);
  EXPECT_EQ(body.at("type"), "alert.firing");
  EXPECT_EQ(body.at("data").at("key"), "msg_abc");
  EXPECT_EQ(body.at("data").at("events").at(0).at("device_id"), "cam-7");
  EXPECT_EQ(body.at("data").at("events").at(0).at("details").at("rule"), "latency_doubled");
  EXPECT_EQ(json::parse(post_of(target, secrets, notice_of({alert(1), alert(1, "alert.resolved")})).body).at("type"),
            "alert");
}

TEST(NoticeText, SlackIsToldWithoutItsOwnMarkup) {
  TargetSecrets secrets;
  secrets.url = "https://hooks.slack.com/services/T0/B0/x";
  const HttpPost post = post_of(target_of(TargetKind::slack, "hooks.slack.com"), secrets, notice_of({alert(1)}));
  EXPECT_EQ(post.url, secrets.url);
  const json body = json::parse(post.body);
  EXPECT_EQ(body.at("text"),
            "*CRITICAL* cam-7: p95 is &lt;twice&gt; what it was &amp; more (<https://argosy.example/alerts|open>)");
  EXPECT_EQ(body.at("attachments").at(0).at("color"), "#c62828");
}

TEST(NoticeText, WhatPeopleReadIsShortHoweverMuchThereIs) {
  std::vector<ToldEvent> events;
  for (int i = 0; i < 300; ++i) events.push_back(alert(i, "alert.firing", "cam-" + std::to_string(i)));
  TargetSecrets secrets;
  secrets.url = "https://hooks.slack.com/x";
  const json body = json::parse(post_of(target_of(TargetKind::slack), secrets, notice_of(events)).body);
  const std::string text = body.at("attachments").at(0).at("text");
  EXPECT_NE(text.find("and 280 more"), std::string::npos);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 21);
}

TEST(NoticeText, TeamsGetsAnAdaptiveCard) {
  TargetSecrets secrets;
  secrets.url = "https://example.webhook.office.com/x";
  const json body = json::parse(post_of(target_of(TargetKind::teams), secrets, notice_of({alert(1)})).body);
  EXPECT_EQ(body.at("type"), "message");
  const json& card = body.at("attachments").at(0);
  EXPECT_EQ(card.at("contentType"), "application/vnd.microsoft.card.adaptive");
  EXPECT_EQ(card.at("content").at("type"), "AdaptiveCard");
  EXPECT_EQ(card.at("content").at("body").at(0).at("color"), "Attention");
  EXPECT_EQ(card.at("content").at("actions").at(0).at("url"), "https://argosy.example/alerts");
}

TEST(NoticeText, PagerDutyHasOneIncidentForAnAlertFromBeginningToEnd) {
  TargetSecrets secrets;
  secrets.routing_key = "R0UT1NG";
  const auto target = target_of(TargetKind::pagerduty);
  const auto body_of = [&](const std::string& kind) {
    return json::parse(post_of(target, secrets, notice_of({alert(17, kind)})).body);
  };
  const json begin = body_of("alert.firing");
  EXPECT_EQ(begin.at("event_action"), "trigger");
  EXPECT_EQ(begin.at("routing_key"), "R0UT1NG");
  EXPECT_EQ(begin.at("dedup_key"), "argosy-alert-17");
  EXPECT_EQ(begin.at("payload").at("severity"), "critical");
  EXPECT_EQ(begin.at("payload").at("source"), "cam-7");
  EXPECT_EQ(begin.at("payload").at("class"), "latency_doubled");
  EXPECT_EQ(body_of("alert.acknowledged").at("event_action"), "acknowledge");
  const json end = body_of("alert.resolved");
  EXPECT_EQ(end.at("event_action"), "resolve");
  EXPECT_EQ(end.at("dedup_key"), begin.at("dedup_key"));
}

TEST(NoticeText, PagerDutyIsToldOfARolloutUnderOneKey) {
  ToldEvent halted;
  halted.event.kind = "rollout.halted";
  halted.event.severity = "critical";
  halted.event.rollout = 3;
  halted.event.message = "digits 1.1: halt";
  const auto target = target_of(TargetKind::pagerduty);
  const json trigger = json::parse(post_of(target, {}, notice_of({halted})).body);
  halted.event.kind = "rollout.rolled_back";
  const json over = json::parse(post_of(target, {}, notice_of({halted})).body);
  EXPECT_EQ(trigger.at("event_action"), "trigger");
  EXPECT_EQ(over.at("event_action"), "resolve");
  EXPECT_EQ(trigger.at("dedup_key"), over.at("dedup_key"));
  EXPECT_EQ(trigger.at("client_url"), "https://argosy.example/rollouts/3");
}

TEST(NoticeText, AlertmanagerKnowsTheEndByTheLabelsOfTheBeginning) {
  const auto target = target_of(TargetKind::alertmanager, "http://am:9093/");
  const HttpPost begin = post_of(target, {}, notice_of({alert(1)}));
  EXPECT_EQ(begin.url, "http://am:9093/api/v2/alerts");
  const json firing = json::parse(begin.body).at(0);
  EXPECT_EQ(firing.at("labels"), (json{{"alertname", "latency_doubled"},
                                       {"severity", "critical"},
                                       {"device", "cam-7"},
                                       {"site", "berlin"},
                                       {"model", "digits"},
                                       {"argosy_alert", "1"}}));
  EXPECT_EQ(firing.at("endsAt"), to_rfc3339(now + alertmanager_valid));
  const json over = json::parse(post_of(target, {}, notice_of({alert(1, "alert.resolved")})).body).at(0);
  EXPECT_EQ(over.at("labels"), firing.at("labels"));
  EXPECT_EQ(over.at("endsAt"), to_rfc3339(now - 5s));
}

TEST(NoticeText, AlertmanagerIsToldWhatIsTrueInTheEnd) {
  const auto target = target_of(TargetKind::alertmanager, "http://am:9093");
  const json told = json::parse(post_of(target, {}, notice_of({alert(1), alert(2), alert(1, "alert.resolved")})).body);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_FALSE(told[0].contains("startsAt")) << "it is over";
  const HttpPost again = alertmanager_refresh(target, {alert(2)}, source, now + 4min);
  EXPECT_EQ(json::parse(again.body).at(0).at("endsAt"), to_rfc3339(now + 4min + alertmanager_valid));
}

TEST(NoticeText, AMailHasHeadersThatNobodyCanAddTo) {
  NoticeTarget target;
  target.kind = TargetKind::email;
  target.mail.from = "argosy@example.com";
  target.mail.to = {"a@example.com", "b@example.com"};
  ToldEvent told = alert(1);
  told.event.message = "Gerät cam-7 ist dunkel\r\nBcc: evil@example.com";
  const Mail mail = std::get<Mail>(outbound_of(target, {}, notice_of({told}), source, now).value());
  const std::size_t end = mail.message.find("\r\n\r\n");
  const std::string head = mail.message.substr(0, end);
  EXPECT_EQ(head.find("Bcc:"), std::string::npos);
  EXPECT_NE(head.find("Date: Mon, 21 Sep 2026 14:13:20 +0000\r\n"), std::string::npos) << head;
  EXPECT_NE(head.find("Message-ID: <msg_abc@argosy.invalid>\r\n"), std::string::npos);
  EXPECT_NE(head.find("To: a@example.com,\r\n b@example.com\r\n"), std::string::npos);
  EXPECT_NE(head.find("Subject: =?utf-8?B?"), std::string::npos);
  std::string body = mail.message.substr(end + 4), packed;
  for (const char c : body)
    if (c != '\r' && c != '\n') packed.push_back(c);
  const std::string text(as_text(from_base64(packed).value()));
  EXPECT_NE(text.find("Gerät cam-7 ist dunkel"), std::string::npos);
  EXPECT_NE(text.find("https://argosy.example/alerts"), std::string::npos);
  for (std::size_t at = 0; at < mail.message.size();) {
    const std::size_t line = mail.message.find("\r\n", at);
    EXPECT_LE(line - at, 998u);
    at = line + 2;
  }
}

Answered answered(long status, std::string error = "") {
  Answered answer;
  answer.status = status;
  answer.error = std::move(error);
  return answer;
}

TEST(Outcome, WhatArrivedAndWhatIsRefusedForGood) {
  EXPECT_TRUE(outcome_of(TargetKind::webhook, answered(204)).delivered);
  EXPECT_TRUE(outcome_of(TargetKind::email, answered(250)).delivered);
  for (const long status : {302, 400, 404, 429, 500, 503}) {
    const auto outcome = outcome_of(TargetKind::webhook, answered(status));
    EXPECT_FALSE(outcome.delivered) << status;
    EXPECT_FALSE(outcome.is_final) << status;
    EXPECT_EQ(outcome.status, status);
  }
  EXPECT_TRUE(outcome_of(TargetKind::webhook, answered(410)).is_final);
  EXPECT_TRUE(outcome_of(TargetKind::pagerduty, answered(400)).is_final);
  EXPECT_FALSE(outcome_of(TargetKind::pagerduty, answered(429)).is_final);
  EXPECT_TRUE(outcome_of(TargetKind::email, answered(550, "550 no such user")).is_final);
  EXPECT_FALSE(outcome_of(TargetKind::email, answered(451, "451 later")).is_final);
  EXPECT_FALSE(outcome_of(TargetKind::email, answered(535, "535 who are you")).is_final);
  EXPECT_FALSE(outcome_of(TargetKind::webhook, answered(0, "connection refused")).status);
}

TEST(Outcome, WhatAReceiverSaidIsCut) {
  Answered answer = answered(500);
  answer.body = std::string(5000, 'x') + "\x01";
  EXPECT_LE(outcome_of(TargetKind::webhook, answer).answer.size(), most_answer_bytes + 3);
}

}  // namespace
}  // namespace argosy::server
