// Messages that are not taken: what was refused, why, how often, and when it is tried again. Pure: `now` is given. One
// row a device and kind; on the I/O thread. Bounded: over the limit the row that ended longest ago makes room.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/crypto/digest.hpp"

namespace argosy::server {

enum class MessageKind : std::uint8_t {
  state,      // a state document
  report,     // what it says of rollouts, which is counted apart from the rest of it
  telemetry,  // a batch
  event,      // a will
  rate,       // not one message, but too many or too large ones
  allowance,  // invented epochs, models or versions, or more events than a device may cause
};
std::string_view to_string(MessageKind kind);
Result<MessageKind> parse_message_kind(std::string_view text);

struct MessageId {
  std::string device;
  MessageKind kind = MessageKind::state;
  Digest digest;  // of its bytes
  friend bool operator==(const MessageId&, const MessageId&) = default;
};

struct QuarantineRow {
  std::string device;
  MessageKind kind = MessageKind::state;
  std::string reason;
  Digest digest;           // of the last message at fault
  std::int64_t count = 0;  // messages that were refused or passed over
  Instant first_at{};
  Instant last_at{};
  // The server ended while this was in hand. A suspect was not refused, so it is tried again, after `retry_at`.
  bool suspect = false;
  int deaths = 0;  // of those, how often nothing else was in hand
  Instant retry_at{};
  bool announced = false;  // an event told that it began, and none yet that it ended
  Instant announced_at{};
  std::string server_version;       // that judged it
  std::optional<Instant> ended_at;  // nothing: it is in quarantine
};

enum class Admittance : std::uint8_t {
  take,        // with others
  take_alone,  // apart from others, after them: it may be at fault
  wait,        // not before `until`
  refuse,      // the same that was refused before
};
struct Ruling {
  Admittance admission = Admittance::take;
  Instant until{};
  std::string reason{};
};

// What left its mark in the file of messages in hand when a process ended: those of one piece of work.
using MarkedGroup = std::vector<MessageId>;

class Quarantine {
 public:
  struct Limits {
    std::size_t rows = 20'000;
    int deaths = 3;                               // after so many the same message is not tried again
    Duration deaths_forgotten{24 * 3'600'000LL};  // after the last one
    Duration events_apart{3'600'000};             // events of one row
    Duration rate_calm{600'000};                  // a row without a message of its own ends after so long
    Duration kept{30 * 24 * 3'600'000LL};         // rows that ended
  };
  struct Change {
    QuarantineRow row;
    bool began = false;  // write an event
    bool ended = false;
  };

  explicit Quarantine(std::string server_version) : Quarantine(std::move(server_version), Limits()) {}
  Quarantine(std::string server_version, Limits limits) : version_(std::move(server_version)), limits_(limits) {}

  // Rows as they were saved; what another version judged is tried again. Takes the place of what was known.
  void load(std::vector<QuarantineRow> rows);
  // What is to be done with a message that nobody has read yet.
  Ruling admit(const MessageId& message, Instant now);
  void refuse(const MessageId& message, std::string_view reason, Instant now, std::int64_t times = 1);
  // It was taken: the device's row of this kind ends.
  void accept(const MessageId& message, Instant now);
  // A process ended with these in hand. A message that was alone is judged; those of a batch are tried one at a time.
  void died(const std::vector<MarkedGroup>& groups, Instant now);
  // Ends rows that only time ends, and forgets those that ended long ago.
  void tick(Instant now);
  // What must be saved, at most `limit` rows; give back what could not be.
  std::vector<Change> take_changes(std::size_t limit);
  void give_back(const std::vector<Change>& changes);

  std::size_t in_quarantine() const;
  std::size_t rows() const { return rows_.size(); }

 private:
  using Key = std::pair<std::string, MessageKind>;
  QuarantineRow& row_of(const MessageId& message, Instant now);
  void make_room();
  void begin(QuarantineRow& row, Instant now);
  void end(QuarantineRow& row, Instant now);
  void has_died_alone(const MessageId& message, Instant now);
  void changed(const Key& key, bool began, bool ended);

  std::string version_;
  Limits limits_;
  std::map<Key, QuarantineRow> rows_;
  struct Flags {
    bool began = false;
    bool ended = false;
  };
  std::map<Key, Flags> changed_;
};

inline constexpr std::string_view too_much = "more messages, or more bytes, than a device may send";

// A reason as it is kept and shown: one line of well-formed text, at most 200 bytes.
std::string short_reason(std::string_view text);

}  // namespace argosy::server
