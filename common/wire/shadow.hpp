// A shadow run: before a new version is activated, the inference program answers some of its inputs with the version
// that serves and with the new one. What it asks for goes to the device, and counts come back: never an input, a label
// or an answer, and never a latency, since two models side by side slow each other down. Pure data.
#pragma once

#include <cstdint>

#include <nlohmann/json_fwd.hpp>

namespace argosy {
class JsonReader;
}

namespace argosy::wire {

inline constexpr std::uint64_t most_shadow_samples = 1'000'000;
inline constexpr std::uint32_t most_shadow_s = 86'400;

struct ShadowSpec {
  std::uint64_t samples = 500;  // that end it, 1..most_shadow_samples
  std::uint32_t max_s = 1800;   // after which it ends with what there is, 1..most_shadow_s
  bool required = false;        // fewer samples by then: the update fails; else it goes on and says so
  friend bool operator==(const ShadowSpec&, const ShadowSpec&) = default;
};

// Of inputs that both versions were asked.
struct ShadowCounts {
  std::uint64_t samples = 0;
  std::uint64_t unanswered = 0;  // by the new version: it failed; such a sample is not agreed, nor right
  std::uint64_t agreed = 0;      // both gave the same answer
  std::uint64_t labelled = 0;    // of the samples; the next three are of these
  std::uint64_t old_right = 0;
  std::uint64_t new_right = 0;
  std::uint64_t both_right = 0;
  friend bool operator==(const ShadowCounts&, const ShadowCounts&) = default;
};

// Whether there can be such counts: no part is more than its whole.
bool is_sound(const ShadowCounts& counts);
void add(ShadowCounts& counts, const ShadowCounts& more);

nlohmann::json json_of(const ShadowSpec& spec);
void read_shadow_spec(JsonReader& fields, ShadowSpec& spec);
nlohmann::json json_of(const ShadowCounts& counts);
// Counts that are not sound are an error; those of another version of this document are none: `counts` stays empty.
void read_shadow_counts(JsonReader& fields, ShadowCounts& counts);

}  // namespace argosy::wire
