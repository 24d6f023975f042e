#include "server/alerts/alert_rows_store.hpp"

#include <deque>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "common/json/json_text.hpp"
#include "server/alerts/alert_cards_store.hpp"
#include "server/alerts/held_back_store.hpp"
#include "server/alerts/rules_said_store.hpp"
#include "server/db/advisory_locks.hpp"
#include "server/db/rows.hpp"

namespace argosy::server {

namespace {

constexpr FlapRule flap{};

std::string merged(const std::string& details, const std::string& more) {
  auto document = json_or_null(details);
  const auto added = json_or_null(more);
  if (!document.is_object()) document = nlohmann::json::object();
  if (added.is_object()) document.update(added);
  return document.dump();
}

std::string with_resolution(const std::string& details, const std::string& message) {
  return merged(details, nlohmann::json{{"resolution", message}}.dump());
}

// What the alert says of itself from now on.
void take_figures(AlertCard& card, const AlertFinding& finding, AlertState before) {
  auto& what = card.what;
  const bool opens = !card.life.is_open() || (before != AlertState::firing && finding.state == AlertState::firing);
  const bool is_about_many = finding.device.empty();  // its figures are in its sentence
  if (finding.state != AlertState::ok && opens) {
    what.message = finding.message;
    what.details_json = finding.details_json;
    what.severity = finding.severity;
    card.life.severity = finding.severity;
  } else if (is_about_many) {
    what.details_json = merged(what.details_json, finding.details_json);
    if (finding.state != AlertState::ok) what.message = finding.message;
  }
  if (finding.state != AlertState::ok || finding.value) what.value = finding.value;
  if (finding.state != AlertState::ok) what.threshold = finding.threshold;
}

bool has_new_figures(const AlertCard& card, const AlertFinding& finding) {
  return finding.state != AlertState::ok &&
         (card.what.value != finding.value || card.what.threshold != finding.threshold ||
          (finding.device.empty() && card.what.message != finding.message));
}

// The alerts of one batch, and what has happened to them so far.
class Batch {
 public:
  Batch(std::map<CardKey, AlertCard> open, Instant now) : now_(now) {
    for (auto& [key, card] : open) newest_[key] = &cards_.emplace_back(std::move(card));
  }

  const AlertCard& card_of(const AlertFinding& finding) const { return *newest_.at(card_key_of(finding)); }

  void take(const AlertFinding& finding, const Surroundings& around) {
    AlertCard* card = newest_.at(card_key_of(finding));
    if (card->life.state == AlertState::resolved) card = open_next(*card);
    const auto before = card->life.state;
    if (!card->life.is_open()) card->group = around.group;
    if (has_new_figures(*card, finding)) card->is_changed = true;
    if (finding.state != AlertState::ok || card->life.is_open()) take_figures(*card, finding, before);
    const auto condition_before = card->life.condition;
    const auto turns_before = card->life.turns;
    const auto changes = take_finding(flap, card->life, finding.state, finding.is_final, around.held_back, now_);
    const bool moved = !changes.empty();
    if (moved || card->life.condition != condition_before || card->life.turns != turns_before) card->is_changed = true;
    date(*card, changes, finding);
    for (const auto change : changes) news_.items.push_back({card, change, {}, reason_of(change, finding, around)});
    if (moved) ++moved_;
  }

  std::size_t write(pqxx::work& transaction) {
    give_ids(transaction);
    std::vector<const AlertCard*> cards;
    for (const auto& card : cards_) cards.push_back(&card);
    write_cards(transaction, cards);
    write_news(transaction, news_, now_);
    note_those_under(transaction, about_many(), now_);
    return moved_;
  }

 private:
  AlertCard* open_next(const AlertCard& ended) {
    auto& next = cards_.emplace_back(card_after(ended, flap, now_));
    newest_[card_key_of(ended.what)] = &next;
    return &next;
  }

  void date(AlertCard& card, const AlertChanges& changes, const AlertFinding& finding) const {
    for (const auto change : changes) {
      if (change == AlertChange::pending) card.opened_at = now_;
      if (change == AlertChange::firing) {
        if (card.opened_at == Instant{}) card.opened_at = now_;
        card.fired_at = now_;
      }
      if (change == AlertChange::resolved) {
        card.resolved_at = now_;
        card.what.details_json = with_resolution(card.what.details_json, finding.message);
      }
    }
  }

  static std::string reason_of(AlertChange change, const AlertFinding& finding, const Surroundings& around) {
    if (change == AlertChange::inhibited) return around.inhibited_why;
    if (change == AlertChange::silenced) return around.silenced_why;
    return change == AlertChange::told ? std::string() : finding.message;
  }

  void give_ids(pqxx::work& transaction) {
    std::vector<AlertCard*> fresh;
    for (auto& card : cards_) {
      if (card.is_new && card.is_changed && card.life.state != AlertState::ok) fresh.push_back(&card);
    }
    const auto ids = take_alert_ids(transaction, fresh.size());
    for (std::size_t i = 0; i < fresh.size(); ++i) fresh[i]->id = ids[i];
  }

  std::vector<const AlertCard*> about_many() const {
    std::vector<const AlertCard*> moved;
    for (const auto& one : news_.items) {
      const bool matters = one.change == AlertChange::firing || one.change == AlertChange::resolved;
      if (matters && one.card->what.device.empty()) moved.push_back(one.card);
    }
    return moved;
  }

  Instant now_;
  std::deque<AlertCard> cards_;
  std::map<CardKey, AlertCard*> newest_;
  AlertNews news_;
  std::size_t moved_ = 0;
};

// What is asked of the surroundings of a finding that fires: the alert as it will be.
AlertCard as_firing(const AlertFinding& finding) {
  AlertCard card;
  card.what = finding;
  return card;
}

std::vector<Surroundings> surroundings_of(pqxx::work& transaction, const Batch& batch,
                                          const std::vector<AlertFinding>& findings, Instant now) {
  std::deque<AlertCard> firing;
  std::vector<const AlertCard*> asked;
  std::vector<std::size_t> places;
  for (std::size_t place = 0; place < findings.size(); ++place) {
    const auto& card = batch.card_of(findings[place]);
    if (findings[place].state == AlertState::ok || card.life.condition == AlertState::firing) continue;
    firing.push_back(as_firing(findings[place]));
    asked.push_back(&firing.back());
    places.push_back(place);
  }
  std::vector<Surroundings> found(findings.size());
  auto answers = read_surroundings(transaction, asked, now);
  for (std::size_t i = 0; i < places.size(); ++i) found[places[i]] = std::move(answers[i]);
  return found;
}

std::string reason_of_look(AlertChange change, const AlertCard& card, const Surroundings& around) {
  switch (change) {
    case AlertChange::inhibited:
      return around.inhibited_why;
    case AlertChange::silenced:
      return around.silenced_why;
    case AlertChange::uninhibited:
      return "what stood for it has ended";
    case AlertChange::unsilenced:
      return "no silence covers it any more";
    case AlertChange::calm:
      return "it has not changed for a while";
    case AlertChange::resolved:
      return "it has stayed well: " + card.what.message;
    case AlertChange::escalated:
      return "nobody has acknowledged it";
    default:
      return {};
  }
}

}  // namespace

void lock_alerts(pqxx::work& transaction) {
  transaction.exec1(advisory_lock::wait_in_transaction(advisory_lock::alerts));
}

OngoingAlerts read_open_alerts(pqxx::work& transaction, const std::vector<std::string>& devices) {
  const auto rows = transaction.exec_params(
      R"sql(
        select a.rule, a.device_id, a.model, coalesce(a.condition, a.state) as condition,
          coalesce(a.details ->> 'version', '') as version
        from (select distinct 'device/' || device as subject from unnest($1::text[]) as t(device)) d
        join alerts a on a.subject = d.subject and a.state <> 'resolved'
      )sql",
      pg_array(devices));
  OngoingAlerts open;
  for (const auto& row : rows) {
    const auto condition = row["condition"].as<std::string>();
    const auto state = condition == "firing"    ? AlertState::firing
                       : condition == "pending" ? AlertState::pending
                                                : AlertState::ok;
    open[{row["rule"].as<std::string>(), row["device_id"].as<std::string>(), row["model"].as<std::string>()}] = {
        state, row["version"].as<std::string>()};
  }
  return open;
}

std::size_t apply_findings(pqxx::work& transaction, const std::vector<AlertFinding>& found, Instant now) {
  const auto findings = as_rules_say(transaction, found);
  if (findings.empty()) return 0;
  Batch batch(read_cards(transaction, findings, flap, now), now);
  const auto around = surroundings_of(transaction, batch, findings, now);
  for (std::size_t place = 0; place < findings.size(); ++place) batch.take(findings[place], around[place]);
  return batch.write(transaction);
}

std::size_t look_at_due_alerts(pqxx::work& transaction, const EscalationRule& escalation, std::size_t most,
                               Instant now) {
  auto cards = read_due_cards(transaction, now, most);
  if (cards.empty()) return 0;
  std::vector<const AlertCard*> due;
  for (const auto& card : cards) due.push_back(&card);
  const auto around = read_surroundings(transaction, due, now);
  AlertNews news;
  for (std::size_t place = 0; place < cards.size(); ++place) {
    auto& card = cards[place];
    card.is_changed = true;
    for (const auto change : look_again(flap, escalation, card.life, around[place].held_back, now)) {
      if (change == AlertChange::resolved) {
        card.resolved_at = now;
        card.what.details_json = with_resolution(card.what.details_json, reason_of_look(change, card, around[place]));
      }
      news.items.push_back({&card, change, {}, reason_of_look(change, card, around[place])});
    }
  }
  write_cards(transaction, due);
  write_news(transaction, news, now);
  std::vector<const AlertCard*> ended;
  for (const auto* card : due) {
    if (card->life.state == AlertState::resolved) ended.push_back(card);
  }
  note_those_under(transaction, ended, now);
  return cards.size();
}

}  // namespace argosy::server
