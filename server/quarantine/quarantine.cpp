#include "server/quarantine/quarantine.hpp"

#include <algorithm>
#include <array>

namespace argosy::server {

namespace {

constexpr std::array<std::pair<MessageKind, std::string_view>, 6> kind_names = {{
    {MessageKind::state, "state"},
    {MessageKind::report, "report"},
    {MessageKind::telemetry, "telemetry"},
    {MessageKind::event, "event"},
    {MessageKind::rate, "rate"},
    {MessageKind::allowance, "allowance"},
}};
constexpr std::string_view in_hand = "the server ended while this was in hand";
constexpr std::size_t longest_reason = 200;

// No message of its own gets a device out of these.
bool ends_by_time(MessageKind kind) {
  return kind == MessageKind::rate || kind == MessageKind::allowance;
}

// Until a message that was in hand at the n-th death is tried again: soon after the first, for that may be chance.
Duration delay_after(int deaths) {
  constexpr std::array<Duration, 4> delays = {Duration{5'000}, Duration{60'000}, Duration{600'000},
                                              Duration{3'600'000}};
  return delays.at(std::min<std::size_t>(static_cast<std::size_t>(deaths) - 1, delays.size() - 1));
}

bool is_open(const QuarantineRow& row) {
  return !row.ended_at;
}

}  // namespace

std::string_view to_string(MessageKind kind) {
  for (const auto& [known, name] : kind_names)
    if (known == kind) return name;
  return "state";
}

Result<MessageKind> parse_message_kind(std::string_view text) {
  for (const auto& [kind, name] : kind_names)
    if (name == text) return kind;
  return make_error(Errc::corrupt, "there is no such kind of message");
}

std::string short_reason(std::string_view text) {
  std::string reason;
  for (const char c : text.substr(0, text.find('\n'))) {
    const auto byte = static_cast<unsigned char>(c);
    reason.push_back(byte >= 0x20 && byte < 0x7f ? c : '?');
    if (reason.size() == longest_reason) break;
  }
  return reason;
}

void Quarantine::load(std::vector<QuarantineRow> rows) {
  rows_.clear();
  changed_.clear();
  for (QuarantineRow& row : rows) {
    if (rows_.size() == limits_.rows) return;
    if (row.server_version != version_) {  // this version may read what that one could not
      row.digest = {};
      row.deaths = 0;
      row.retry_at = {};
    }
    Key key{row.device, row.kind};
    rows_.insert_or_assign(std::move(key), std::move(row));
  }
}

Ruling Quarantine::admit(const MessageId& message, Instant now) {
  const auto found = rows_.find({message.device, message.kind});
  if (found == rows_.end()) return {};
  QuarantineRow& row = found->second;
  if (row.deaths > 0 && now - row.last_at > limits_.deaths_forgotten) row.deaths = 0;
  const bool same = row.digest == message.digest;
  const bool judged = !row.suspect || row.deaths >= limits_.deaths;
  if (is_open(row) && same && judged) {
    ++row.count;
    changed(found->first, false, false);
    return {Admittance::refuse, {}, row.reason};
  }
  if (now < row.retry_at) return {Admittance::wait, row.retry_at, row.reason};
  if (is_open(row) || row.deaths > 0) return {Admittance::take_alone, {}, {}};
  return {};
}

void Quarantine::refuse(const MessageId& message, std::string_view reason, Instant now, std::int64_t times) {
  QuarantineRow& row = row_of(message, now);
  row.reason = short_reason(reason);
  row.digest = message.digest;
  row.suspect = false;
  row.server_version = version_;
  row.last_at = now;
  row.count += times;
  begin(row, now);
}

void Quarantine::accept(const MessageId& message, Instant now) {
  const auto found = rows_.find({message.device, message.kind});
  if (found != rows_.end() && is_open(found->second)) end(found->second, now);
}

void Quarantine::died(const std::vector<MarkedGroup>& groups, Instant now) {
  for (const MarkedGroup& group : groups) {
    if (group.size() == 1) {
      has_died_alone(group.front(), now);
      continue;
    }
    for (const MessageId& message : group) {
      QuarantineRow& row = row_of(message, now);
      if (is_open(row) && row.count > 0 && !row.suspect) continue;  // refused before, for a better reason
      row.reason = in_hand;
      row.digest = message.digest;
      row.suspect = true;
      row.server_version = version_;
      row.last_at = now;
      row.ended_at.reset();
      changed({row.device, row.kind}, false, false);
    }
  }
}

void Quarantine::has_died_alone(const MessageId& message, Instant now) {
  QuarantineRow& row = row_of(message, now);
  if (now - row.last_at > limits_.deaths_forgotten) row.deaths = 0;
  ++row.deaths;
  ++row.count;
  row.reason = std::string(in_hand) + (row.deaths == 1 ? "" : ", " + std::to_string(row.deaths) + " times");
  row.digest = message.digest;
  row.suspect = true;
  row.server_version = version_;
  row.last_at = now;
  row.retry_at = now + delay_after(row.deaths);
  begin(row, now);
}

void Quarantine::tick(Instant now) {
  for (auto entry = rows_.begin(); entry != rows_.end();) {
    QuarantineRow& row = entry->second;
    if (is_open(row) && ends_by_time(row.kind) && now - row.last_at > limits_.rate_calm) end(row, now);
    const bool forgotten = row.ended_at && now - *row.ended_at > limits_.kept && !changed_.contains(entry->first);
    entry = forgotten ? rows_.erase(entry) : std::next(entry);
  }
}

std::vector<Quarantine::Change> Quarantine::take_changes(std::size_t limit) {
  std::vector<Change> changes;
  while (!changed_.empty() && changes.size() < limit) {
    const auto node = changed_.extract(changed_.begin());
    const auto found = rows_.find(node.key());
    if (found != rows_.end()) changes.push_back({found->second, node.mapped().began, node.mapped().ended});
  }
  return changes;
}

void Quarantine::give_back(const std::vector<Change>& changes) {
  for (const Change& change : changes) {
    const Key key{change.row.device, change.row.kind};
    if (rows_.contains(key)) changed(key, change.began, change.ended);
  }
}

std::size_t Quarantine::in_quarantine() const {
  return static_cast<std::size_t>(
      std::count_if(rows_.begin(), rows_.end(), [](const auto& entry) { return is_open(entry.second); }));
}

QuarantineRow& Quarantine::row_of(const MessageId& message, Instant now) {
  const Key key{message.device, message.kind};
  auto found = rows_.find(key);
  if (found == rows_.end()) {
    if (rows_.size() >= limits_.rows) make_room();
    found = rows_.emplace(key, QuarantineRow{}).first;
    found->second.device = message.device;
    found->second.kind = message.kind;
    found->second.first_at = now;
    found->second.last_at = now;
    found->second.ended_at = now;  // begin() opens it
  }
  return found->second;
}

// Takes away a twentieth at once, so that a full quarantine does not look at all of its rows for each message.
void Quarantine::make_room() {
  std::vector<std::pair<std::pair<bool, Instant>, Key>> by_age;
  for (const auto& [key, row] : rows_) by_age.push_back({{is_open(row), row.last_at}, key});
  const auto few = by_age.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(by_age.size() / 20, 1));
  std::nth_element(by_age.begin(), few - 1, by_age.end());
  for (auto old = by_age.begin(); old != few; ++old) {
    rows_.erase(old->second);
    changed_.erase(old->second);
  }
}

void Quarantine::begin(QuarantineRow& row, Instant now) {
  if (!is_open(row)) row.first_at = now;
  row.ended_at.reset();
  const bool tell = !row.announced && now - row.announced_at >= limits_.events_apart;
  if (tell) {
    row.announced = true;
    row.announced_at = now;
  }
  changed({row.device, row.kind}, tell, false);
}

void Quarantine::end(QuarantineRow& row, Instant now) {
  row.ended_at = now;
  row.suspect = false;
  const bool tell = std::exchange(row.announced, false);
  changed({row.device, row.kind}, false, tell);
}

void Quarantine::changed(const Key& key, bool began, bool ended) {
  Flags& flags = changed_[key];
  flags.began |= began;
  flags.ended |= ended;
}

}  // namespace argosy::server
