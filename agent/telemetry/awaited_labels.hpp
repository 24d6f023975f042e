// What was predicted, for as long as the label may still come: a SQLite file beside the outbox. What comes is kept in
// memory until save(), which the agent calls with each window, so an agent that is killed forgets the predictions of
// one window. The agent's loop thread. Bounded: 250,000 predictions, the oldest first out, and a week.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"

struct sqlite3;

namespace argosy::agent {

struct AwaitedLabel {
  std::string model;
  std::string version;
  std::int64_t predicted = 0;
  Instant at{};
  friend bool operator==(const AwaitedLabel&, const AwaitedLabel&) = default;
};

class AwaitedLabels {
 public:
  struct Limits {
    std::size_t predictions = 250'000;
    std::size_t unsaved = 20'000;  // of one window; more wait for no label
    Duration age{7LL * 24 * 3'600'000};
  };

  // A file that is corrupt is begun anew: no more than labels are lost.
  static Result<AwaitedLabels> open(const std::filesystem::path& file, Limits limits);
  // One whose disk does not let it be opened: save() tries again, and what comes until then waits in memory.
  static AwaitedLabels closed(const std::filesystem::path& file, Limits limits);
  AwaitedLabels(AwaitedLabels&&) noexcept;
  AwaitedLabels& operator=(AwaitedLabels&&) noexcept;
  ~AwaitedLabels();

  // Of ids that come twice the first counts.
  void await(std::uint64_t id, AwaitedLabel prediction);
  // What was predicted under this id, while its label is awaited.
  Result<std::optional<AwaitedLabel>> find(std::uint64_t id);
  // The same; it is awaited no longer.
  Result<std::optional<AwaitedLabel>> take(std::uint64_t id);
  // Whether what was predicted then is forgotten by its age.
  bool forgets(Instant predicted_at, Instant now) const { return time_is_known_ && predicted_at < now - limits_.age; }
  Result<void> save(Instant now);
  // Until the time is known nothing is forgotten for its age.
  void trust_time(bool is_known) { time_is_known_ = is_known; }
  // The clock was set by so much: what was not saved yet is moved along.
  void shift(Duration by);

  std::uint64_t dropped() const { return dropped_; }  // predictions that were too many for one window

 private:
  struct CloseDb {
    void operator()(sqlite3* db) const;
  };
  AwaitedLabels(std::filesystem::path file, std::unique_ptr<sqlite3, CloseDb> db, Limits limits);
  Result<void> reopen();
  static Result<AwaitedLabels> open_database(const std::filesystem::path& file, Limits limits);

  std::filesystem::path file_;
  std::unique_ptr<sqlite3, CloseDb> db_;
  Limits limits_;
  bool time_is_known_ = true;
  std::map<std::uint64_t, AwaitedLabel> unsaved_;
  std::set<std::uint64_t> taken_;  // from the file, since it was saved
  std::uint64_t dropped_ = 0;
};

}  // namespace argosy::agent
