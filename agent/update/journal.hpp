// The journal of one model's update: one JSON file, replaced atomically, so that a power cut leaves the state before or
// after, never a half. Blocking (milliseconds); the agent's loop thread.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "agent/update/update_state.hpp"

namespace argosy::agent {

inline constexpr int journal_schema = 1;

struct LoadedJournal {
  std::optional<UpdateState> state;  // none: absent, or set aside
  std::string remark;                // for the log, when there is something to say
};

class Journal {
 public:
  explicit Journal(std::filesystem::path file) : file_(std::move(file)) {}

  // A corrupt file is renamed to "<file>.corrupt" and the facts on disk decide. A file that a newer agent wrote is
  // Errc::incompatible and stays untouched: the caller must not go on with this model.
  Result<LoadedJournal> load();
  Result<void> save(const UpdateState& state);

 private:
  std::filesystem::path file_;
};

std::string encode_journal(const UpdateState& state);
Result<UpdateState> decode_journal(std::string_view json);  // slots are not in it: they are facts

}  // namespace argosy::agent
