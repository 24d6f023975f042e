// What came of one input that the inference program asked both versions. Pure data: never the input, nor an answer.
#pragma once

#include <optional>
#include <string>

#include "common/wire/shadow.hpp"

namespace argosy::agent {

struct ShadowAnswer {
  std::string old_version = {};  // that serves; empty: the program did not say
  std::string new_version = {};
  bool answered = true;  // by the new version
  bool agreed = false;   // both gave the same answer
  // Where the right answer is known, both are there.
  std::optional<bool> old_right = {};
  std::optional<bool> new_right = {};
};

inline wire::ShadowCounts counts_of(const ShadowAnswer& answer) {
  const bool is_labelled = answer.old_right && answer.new_right;
  const bool old_right = is_labelled && *answer.old_right;
  const bool new_right = is_labelled && *answer.new_right && answer.answered;
  return {.samples = 1,
          .unanswered = answer.answered ? 0U : 1U,
          .agreed = answer.answered && answer.agreed ? 1U : 0U,
          .labelled = is_labelled ? 1U : 0U,
          .old_right = old_right ? 1U : 0U,
          .new_right = new_right ? 1U : 0U,
          .both_right = old_right && new_right ? 1U : 0U};
}

}  // namespace argosy::agent
