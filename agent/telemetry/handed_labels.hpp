// Labels that the server handed to this device, until the server knows what became of them: what was counted is told
// once its window is safe, all else at once. Pure; one owner. Nothing of it is on disk: what the server was not told,
// it hands out again. Bounded: about 1,500 labels.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "common/wire/labels.hpp"

namespace argosy::agent {

class HandedLabels {
 public:
  // What to ask the server, with the answers that it has not had.
  wire::LabelAnswers request() const;
  // Its answer to that request came.
  void told(const wire::LabelAnswers& request);

  // No outcome: it could not be found out now, and is handed out again after a restart.
  void note(std::uint64_t seq, std::optional<wire::LabelOutcome> outcome);
  // The window that counts them is in the outbox; or it is lost, and they with it.
  void window_kept();
  void window_lost() { counting_.clear(); }

  bool has_answers() const { return !ready_.empty(); }

 private:
  std::uint64_t after_ = 0;  // the newest that was handed out
  std::set<std::uint64_t> counting_;
  std::map<std::uint64_t, wire::LabelOutcome> ready_;
};

}  // namespace argosy::agent
