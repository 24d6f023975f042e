#include "server/rollouts/guards/guard.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <list>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/json/json_reader.hpp"
#include "common/stats/failure_process.hpp"
#include "common/stats/looks.hpp"
#include "common/stats/non_inferiority.hpp"
#include "common/stats/reach.hpp"
#include "server/rollouts/guards/guard_family.hpp"
#include "server/rollouts/guards/paired_judge.hpp"
#include "server/rollouts/guards/shadow_panel.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr std::uint64_t enough_for_t = 10;  // canaries, as wants_permutation() has it
constexpr double promotion_alpha = 0.05;    // of a wrong promotion by one guard in one wave

std::string number(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*g", digits, value);
  return text;
}

std::string counted(std::uint64_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

double margin_on_scale(Scale scale, double margin, double floor, const std::optional<double>& usual) {
  if (scale == Scale::difference) return margin;
  return ln_margin(margin, usual ? floor : 0, usual.value_or(1));
}

// Words
// -----------------------------------------------------------------------------------------------------------------

std::string figure_in_words(const GuardSpec& spec, const std::optional<double>& value) {
  return value ? number(*value, spec.digits) + std::string(spec.unit) : "nothing";
}

// As people read a change of this metric: harm is + in D, and a fall for what is better when high.
std::string change_of(const GuardedMetric& metric, double harm) {
  return change_in_words(metric.scale, metric.worse == WorseWhen::higher ? harm : -harm);
}

std::string interval_in_words(const GuardVerdict& seen) {
  std::string text = change_of(seen.metric, *seen.estimate);
  if (seen.lower && seen.upper)
    text += " (" + change_of(seen.metric, *seen.lower) + " to " + change_of(seen.metric, *seen.upper) + ")";
  return text;
}

std::string margins_in_words(const GuardVerdict& seen) {
  return "; it rolls back over " + change_of(seen.metric, seen.rollback_margin) + " and passes under " +
         change_of(seen.metric, seen.promotion_margin);
}

// Of shadow runs: both versions on the same inputs.
std::string paired_in_words(const GuardVerdict& seen) {
  const GuardSpec& spec = spec_of(seen.metric);
  std::string text =
      words_of(seen.metric) + " " + interval_in_words(seen) + " on " + counted(seen.canaries, "device", "devices");
  if (!spec.is_one_sided)
    text += ": " + figure_in_words(spec, seen.canary) + " of the new version against " +
            figure_in_words(spec, seen.before) + " of the old one";
  return text + margins_in_words(seen);
}

std::string compared_in_words(const GuardVerdict& seen) {
  const GuardSpec& spec = spec_of(seen.metric);
  if (is_of_shadow_runs(spec)) return paired_in_words(seen);
  return words_of(seen.metric) + " " + interval_in_words(seen) + ": " + figure_in_words(spec, seen.canary) + " on " +
         counted(seen.canaries, "canary", "canaries") + " against " + figure_in_words(spec, seen.control) + " on " +
         std::to_string(seen.controls) + " that wait" + margins_in_words(seen);
}

std::string needs_in_words(const GuardVerdict& seen) {
  std::string text;
  if (!seen.driven_by.empty()) text += "; the class " + seen.driven_by + " alone is over the margin";
  if (seen.verdict == Verdict::waiting && seen.missing_canaries.value_or(0) > 0)
    text += "; needs about " + counted(*seen.missing_canaries, "more canary", "more canaries");
  if (seen.unmeasured > 0)
    text += "; " + counted(seen.unmeasured, "canary has", "canaries have") + " too little to compare";
  return text;
}

// One guard at one look
// -------------------------------------------------------------------------------------------------

struct Judging {
  const Policy& policy;
  const GuardPanel& panel;
  const LookContext& context;
  const GuardPolicy& guard;
  const GuardSpec& spec = spec_of(guard.metric);
  const bool is_paired = is_of_shadow_runs(spec);
  PanelRows rows{};
  GuardVerdict seen{};
  GuardFamily* family = nullptr;  // with the others of it; none: it is judged alone
  std::size_t place_in_family = 0;
  double alpha_of_family = 0;

  RowRules rules() const {
    return {.wave = context.look.wave,
            .now = context.now,
            .least_exposure = context.look.exposure / 2,
            .silent_after = std::chrono::seconds(policy.silent_after_s),
            .min_samples = guard.min_samples};
  }

  void read_rows() {
    const Look& look = context.look;
    rows = is_paired ? shadow_rows_of(panel, spec, guard.min_samples) : rows_of(panel, guard.metric, rules());
    const HarmMargins margins = margins_of(guard, rows.before ? rows.before : rows.control);
    seen = {.metric = guard.metric,
            .mode = guard.mode,
            .rollback_margin = margins.rollback,
            .promotion_margin = margins.promotion,
            .canaries = rows.canaries - rows.unmeasured,
            .controls = rows.controls,
            .unmeasured = rows.unmeasured,
            .first_installs = rows.first_installs,
            .canary = rows.canary,
            .control = rows.control,
            .before = rows.before,
            .look = look.number,
            .wave = look.wave,
            .at = context.now,
            .is_final = look.is_final};
  }

  // What will not come by waiting: it holds the gate only of a guard that is required.
  void give_up(std::string why) {
    seen.verdict = guard.mode == GuardMode::required ? Verdict::waiting : Verdict::skipped;
    seen.message = words_of(guard.metric) + " " + std::move(why);
  }

  bool is_measurable() {
    if (rows.was_reported > 0) return true;
    give_up(is_paired ? "has nothing to go by: no device ran both versions on enough inputs that say something of it"
                      : "was never reported on the release before: nothing to compare with");
    return false;
  }

  bool has_controls() {
    if (is_paired || rows.controls > 0 || !context.is_last_wave) return true;
    give_up("has nothing to compare with: no device waits any more");
    if (is_settled()) seen.verdict = Verdict::skipped;
    return false;
  }

  bool is_of_silence() const { return spec_of(guard.metric).figure == nullptr; }

  const GuardVerdict* verdict_before() const {
    for (const GuardVerdict& earlier : context.before)
      if (earlier.metric.is_same(guard.metric)) return &earlier;
    return nullptr;
  }

  // Goes on from the look before, whatever the wave.
  SilenceEvidence evidence_of_silence() const {
    const GuardVerdict* before = verdict_before();
    SilenceEvidence evidence;
    if (before != nullptr && before->evidence) evidence = SilenceEvidence(*before->evidence);
    const Instant since = before == nullptr ? context.began_at : before->at.value_or(context.began_at);
    for (const SilenceStep& step : silence_since(panel, rules(), since)) evidence.add(step);
    return evidence;
  }

  void weigh_evidence(ChangeVerdict& change, double alpha) const {
    if (change.effect.theta <= seen.rollback_margin) return;
    if (is_evidence_enough(SilenceEvidence(*seen.evidence).ln_evidence(), alpha)) change.verdict = HarmVerdict::fail;
  }

  // Of a required guard in the last wave, which asks for no more where nobody is left to compare with: it passed in the
  // wave before, or an operator promoted past it.
  bool is_settled() const {
    return std::any_of(context.before.begin(), context.before.end(), [this](const GuardVerdict& earlier) {
      const bool is_done = earlier.verdict == Verdict::pass || earlier.verdict == Verdict::skipped;
      return earlier.metric.is_same(seen.metric) && (is_done || earlier.wave < seen.wave);
    });
  }

  std::uint32_t strata() const {
    const auto classes = static_cast<std::uint32_t>(panel.classes.size());
    return rows.first_installs > 0 ? 2 * classes : classes;
  }

  Result<LookAlphas> alphas_of(const ChangeGuard& change) const {
    const Look& look = context.look;
    const auto waves = static_cast<int>(policy.waves.size());
    return alphas_at(change, {.number = look.number,
                              .in_wave = look.in_wave,
                              .shares_of_dwell = look.shares_of_dwell,
                              .share_of_alpha = look.is_overtime ? 0 : share_of_alpha_in(look.wave, waves)});
  }

  Result<FamilyLook> look_of_family(ChangeGuard change) const {
    change.alpha = alpha_of_family;
    ARGOSY_TRY(const auto alphas, alphas_of(change));
    return FamilyLook{alphas, [asked = family, place = place_in_family](const auto& stratum, const auto& plan) {
                        return asked->p(place, stratum, plan);
                      }};
  }

  Result<ChangeVerdict> judged() {
    const HarmMargins margins{seen.rollback_margin, seen.promotion_margin};
    ChangeGuard change = change_guard(policy, guard, margins, std::max(1U, strata()));
    const double alpha_of_evidence = share_of_silence_evidence * change.alpha;
    if (is_of_silence()) {
      seen.evidence = evidence_of_silence().state();
      change.alpha -= alpha_of_evidence;
    }
    GuardLook look{.number = context.look.number, .is_longest_dwell = context.look.is_final, .seed = context.seed};
    ARGOSY_TRY(look.alphas, alphas_of(change));
    if (is_paired) return judge_paired(rows.rows, {.change = change, .null_harm = null_harm()}, look);
    if (family != nullptr) {
      ARGOSY_TRY(look.family, look_of_family(change));
    }
    ARGOSY_TRY(auto verdict, judge_change(rows.rows, change, look));
    if (is_of_silence()) weigh_evidence(verdict, alpha_of_evidence);
    return verdict;
  }

  // Two versions that are as good disagree, too: only more than the margin is harm.
  double null_harm() const { return spec.is_one_sided ? seen.rollback_margin : 0; }

  void take(const ChangeVerdict& change) {
    seen.verdict = change.verdict == HarmVerdict::fail   ? Verdict::fail
                   : change.verdict == HarmVerdict::pass ? Verdict::pass
                                                         : Verdict::waiting;
    seen.estimate = change.effect.theta;
    if (std::isfinite(change.bounds.lower)) seen.lower = change.bounds.lower;
    if (std::isfinite(change.bounds.upper)) seen.upper = change.bounds.upper;
    seen.is_by_permutation = change.is_by_permutation;
    seen.missing_canaries = change.missing_canaries;
    if (change.driven_by) seen.driven_by = class_name(*change.driven_by);
    seen.message = compared_in_words(seen) + needs_in_words(seen);
  }

  std::string class_name(std::uint32_t stratum) const {
    const auto classes = static_cast<std::uint32_t>(panel.classes.size());
    if (stratum < classes) return "\"" + panel.classes[stratum] + "\"";
    return "of first installs on \"" + panel.classes.at(stratum - classes) + "\"";
  }

  // So few canaries are judged by a permutation test, which then has no p-value small enough at this look, nor at any
  // later one.
  bool is_out_of_reach() const {
    if (seen.verdict != Verdict::waiting || seen.canaries >= enough_for_t) return false;
    const double alpha = alpha_of_look(promotion_alpha, context.look.in_wave);
    const auto planned = planned_sizes(panel, context.look.wave);
    if (is_paired) return !can_reject_paired(canaries_in(planned), alpha);
    return !rejects(least_permutation_p(planned), alpha);
  }

  void hold_pass() {
    if (seen.verdict == Verdict::fail) return;
    for (const GuardVerdict& earlier : context.before) {
      if (!earlier.metric.is_same(seen.metric) || earlier.wave != seen.wave || earlier.verdict != Verdict::pass)
        continue;
      seen.verdict = Verdict::pass;
      seen.missing_canaries.reset();
    }
  }

  GuardVerdict judge() {
    if (!is_measurable() || !has_controls()) return std::move(seen);
    const auto change = judged();
    if (change) take(*change);
    if (!change)
      seen.message =
          words_of(guard.metric) + " cannot be compared yet: " + change.error().message + needs_in_words(seen);
    hold_pass();
    if (is_out_of_reach())
      give_up("cannot pass with " + counted(seen.canaries, "canary", "canaries") +
              (is_paired ? "" : " beside " + std::to_string(seen.controls) + " that wait") +
              ": no p-value is small enough; take more into the first wave");
    return std::move(seen);
  }
};

// Guards of one family that are measured on nearly the same devices.
using Relatives = std::vector<Judging*>;
std::vector<Relatives> relatives_in(std::vector<Judging>& judgings) {
  std::map<std::string_view, Relatives> by_family;
  for (Judging& one : judgings) {
    const auto family = spec_of(one.guard.metric).family;
    if (!family.empty()) by_family[family].push_back(&one);
  }
  std::vector<Relatives> found;
  for (auto& [name, members] : by_family) {
    std::size_t most_rows = 0;
    for (const Judging* one : members) most_rows = std::max(most_rows, one->rows.rows.size());
    std::erase_if(members, [most_rows](const Judging* one) { return !is_measured_enough(one->rows, most_rows); });
    if (members.size() > 1) found.push_back(std::move(members));
  }
  return found;
}

GuardFamily family_of(const Relatives& relatives) {
  std::vector<GuardFamily::Metric> metrics;
  for (const Judging* one : relatives) metrics.push_back({&one->rows, one->guard.metric.worse});
  return GuardFamily(metrics);
}

void join(const Relatives& relatives, GuardFamily& family, const Policy& policy) {
  std::vector<const GuardPolicy*> guards;
  for (const Judging* one : relatives) guards.push_back(&one->guard);
  for (std::size_t place = 0; place < relatives.size(); ++place) {
    relatives[place]->family = &family;
    relatives[place]->place_in_family = place;
    relatives[place]->alpha_of_family = alpha_of(policy, guards);
  }
}

json number_or_null(const std::optional<double>& value) {
  return value ? json(*value) : json(nullptr);
}

template <class T, class Parse>
void read_word(JsonReader& in, std::string_view key, T& into, Parse parse) {
  std::string word;
  in.required(key, word);
  const std::optional<T> found = parse(word);
  in.check(key, found.has_value(), "is not known here");
  if (found) into = *found;
}

std::optional<Verdict> verdict_named(std::string_view name) {
  for (const auto verdict : {Verdict::pass, Verdict::fail, Verdict::waiting, Verdict::unknown, Verdict::skipped})
    if (to_string(verdict) == name) return verdict;
  return std::nullopt;
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return "pass";
    case Verdict::fail:
      return "fail";
    case Verdict::waiting:
      return "waiting";
    case Verdict::unknown:
      return "unknown";
    case Verdict::skipped:
      return "skipped";
  }
  return "unknown";
}

double alpha_of(const Policy& policy, const GuardPolicy& guard) {
  return alpha_of(policy, std::vector{&guard});
}

double alpha_of(const Policy& policy, const std::vector<const GuardPolicy*>& family) {
  double weights = 0, own = 0;
  for (const auto& one : policy.guards) weights += one.weight;
  for (const auto* one : family) own += one->weight;
  return alpha_of_guard(policy.alpha, own, weights);
}

HarmMargins margins_of(const GuardPolicy& guard, const std::optional<double>& usual) {
  const Scale scale = guard.metric.scale;
  const double rollback = margin_on_scale(scale, guard.rollback_margin, guard.floor, usual);
  const double promotion = margin_on_scale(scale, guard.promotion_margin, guard.floor, usual);
  return {rollback, std::max(rollback, promotion)};
}

ChangeGuard change_guard(const Policy& policy, const GuardPolicy& guard, const HarmMargins& margins,
                         std::uint32_t classes) {
  const GuardSpec& spec = spec_of(guard.metric);
  return {.worse = guard.metric.worse,
          .margins = margins,
          .alpha = alpha_of(policy, guard),
          .promotion_alpha = promotion_alpha,
          .looks = spec.looks,
          .classes = classes,
          .least_sigma = spec.resolution > 0 ? spec.resolution : margins.promotion / 20};
}

std::vector<GuardVerdict> not_yet_judged(const Policy& policy) {
  std::vector<GuardVerdict> verdicts;
  for (const auto& guard : policy.guards) {
    const HarmMargins margins = margins_of(guard, {});
    verdicts.push_back({.metric = guard.metric,
                        .mode = guard.mode,
                        .rollback_margin = margins.rollback,
                        .promotion_margin = margins.promotion,
                        .wave = -1,
                        .message = words_of(guard.metric) + " is looked at when canaries have been measured for " +
                                   std::to_string(policy.look_s) + " s"});
  }
  return verdicts;
}

std::vector<GuardVerdict> judge_guards(const Policy& policy, const GuardPanel& panel, const LookContext& context) {
  std::vector<Judging> judgings;
  judgings.reserve(policy.guards.size());
  for (const auto& guard : policy.guards) {
    judgings.push_back({.policy = policy, .panel = panel, .context = context, .guard = guard});
    judgings.back().read_rows();
  }
  std::list<GuardFamily> families;
  for (const Relatives& relatives : relatives_in(judgings))
    join(relatives, families.emplace_back(family_of(relatives)), policy);
  std::vector<GuardVerdict> verdicts;
  for (Judging& one : judgings) verdicts.push_back(one.judge());
  return verdicts;
}

std::vector<GuardVerdict> current_verdicts(const Policy& policy, const std::vector<GuardVerdict>& last_look, int wave,
                                           const std::string& why_unmeasured) {
  auto verdicts = not_yet_judged(policy);
  for (GuardVerdict& verdict : verdicts) {
    for (const GuardVerdict& seen : last_look)
      if (seen.metric.is_same(verdict.metric) && seen.wave == wave) verdict = seen;
    if (why_unmeasured.empty() || verdict.verdict != Verdict::waiting) continue;
    verdict.verdict = Verdict::unknown;
    verdict.message = words_of(verdict.metric) + " cannot be measured: " + why_unmeasured;
  }
  return verdicts;
}

json encode(const GuardVerdict& verdict) {
  return {{"metric", to_string(verdict.metric)},
          {"mode", to_string(verdict.mode)},
          {"scale", to_string(verdict.metric.scale)},
          {"worse", to_string(verdict.metric.worse)},
          {"verdict", to_string(verdict.verdict)},
          {"estimate", number_or_null(verdict.estimate)},
          {"lower", number_or_null(verdict.lower)},
          {"upper", number_or_null(verdict.upper)},
          {"rollback_margin", verdict.rollback_margin},
          {"promotion_margin", verdict.promotion_margin},
          {"canaries", verdict.canaries},
          {"controls", verdict.controls},
          {"unmeasured", verdict.unmeasured},
          {"first_installs", verdict.first_installs},
          {"canary", number_or_null(verdict.canary)},
          {"control", number_or_null(verdict.control)},
          {"before", number_or_null(verdict.before)},
          {"look", verdict.look},
          {"wave", verdict.wave},
          {"at", verdict.at ? json(to_rfc3339(*verdict.at)) : json(nullptr)},
          {"final", verdict.is_final},
          {"by_permutation", verdict.is_by_permutation},
          {"ln_evidence", verdict.evidence ? json(*verdict.evidence) : json(nullptr)},
          {"driven_by", verdict.driven_by.empty() ? json(nullptr) : json(verdict.driven_by)},
          {"missing_canaries", verdict.missing_canaries ? json(*verdict.missing_canaries) : json(nullptr)},
          {"message", verdict.message}};
}

Result<GuardVerdict> decode_guard_verdict(const json& document) {
  GuardVerdict verdict;
  ARGOSY_TRY(auto in, JsonReader::of(document, "guard", UnknownKeys::pass));
  const auto read = [&in](const char* key, std::optional<double>& into) {
    double value = 0;
    in.optional(key, value);
    if (in.has(key)) into = value;
  };
  read_word(in, "metric", verdict.metric, metric_of);
  if (in.has("scale")) read_word(in, "scale", verdict.metric.scale, scale_named);
  if (in.has("worse")) read_word(in, "worse", verdict.metric.worse, worse_named);
  read_word(in, "mode", verdict.mode, guard_mode_named);
  read_word(in, "verdict", verdict.verdict, verdict_named);
  read("estimate", verdict.estimate);
  read("lower", verdict.lower);
  read("upper", verdict.upper);
  read("canary", verdict.canary);
  read("control", verdict.control);
  read("before", verdict.before);
  std::uint64_t missing = 0;
  in.required("rollback_margin", verdict.rollback_margin)
      .required("promotion_margin", verdict.promotion_margin)
      .required("canaries", verdict.canaries)
      .required("controls", verdict.controls)
      .required("unmeasured", verdict.unmeasured)
      .required("first_installs", verdict.first_installs)
      .required("look", verdict.look)
      .required("wave", verdict.wave)
      .optional("at", verdict.at)
      .required("final", verdict.is_final)
      .required("by_permutation", verdict.is_by_permutation)
      .optional("driven_by", verdict.driven_by)
      .optional("missing_canaries", missing)
      .required("message", verdict.message);
  if (in.has("missing_canaries")) verdict.missing_canaries = missing;
  std::vector<double> evidence;
  in.optional("ln_evidence", evidence);
  ARGOSY_CHECK(in.finish());
  if (evidence.size() == SilenceEvidence::odds.size())
    std::copy(evidence.begin(), evidence.end(), verdict.evidence.emplace().begin());
  return verdict;
}

}  // namespace argosy::server
