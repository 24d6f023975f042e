#include "common/wire/shadow.hpp"

#include <algorithm>

#include "common/json/json_reader.hpp"

namespace argosy::wire {

namespace {

constexpr int counts_version = 1;

}  // namespace

bool is_sound(const ShadowCounts& counts) {
  if (counts.samples > most_shadow_samples || counts.agreed > counts.samples) return false;
  if (counts.unanswered > counts.samples - counts.agreed || counts.labelled > counts.samples) return false;
  if (std::max(counts.old_right, counts.new_right) > counts.labelled) return false;
  if (counts.both_right > std::min(counts.old_right, counts.new_right)) return false;
  return counts.old_right + counts.new_right - counts.both_right <= counts.labelled;
}

void add(ShadowCounts& counts, const ShadowCounts& more) {
  counts.samples += more.samples;
  counts.unanswered += more.unanswered;
  counts.agreed += more.agreed;
  counts.labelled += more.labelled;
  counts.old_right += more.old_right;
  counts.new_right += more.new_right;
  counts.both_right += more.both_right;
}

nlohmann::json json_of(const ShadowSpec& spec) {
  return {{"samples", spec.samples}, {"max_s", spec.max_s}, {"required", spec.required}};
}

void read_shadow_spec(JsonReader& fields, ShadowSpec& spec) {
  fields.optional("samples", spec.samples, std::uint64_t{1}, most_shadow_samples)
      .optional("max_s", spec.max_s, 1U, most_shadow_s)
      .optional("required", spec.required);
}

nlohmann::json json_of(const ShadowCounts& counts) {
  return {{"v", counts_version},           {"samples", counts.samples},      {"unanswered", counts.unanswered},
          {"agreed", counts.agreed},       {"labelled", counts.labelled},    {"old_right", counts.old_right},
          {"new_right", counts.new_right}, {"both_right", counts.both_right}};
}

void read_shadow_counts(JsonReader& fields, ShadowCounts& counts) {
  int version = 0;
  fields.required("v", version);
  if (version != counts_version) return;
  fields.required("samples", counts.samples)
      .optional("unanswered", counts.unanswered)
      .required("agreed", counts.agreed)
      .required("labelled", counts.labelled)
      .required("old_right", counts.old_right)
      .required("new_right", counts.new_right)
      .required("both_right", counts.both_right)
      .check("samples", is_sound(counts), "does not go with the other counts: no part may be more than its whole");
}

}  // namespace argosy::wire
