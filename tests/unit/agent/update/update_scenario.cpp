#include "tests/unit/agent/update/update_scenario.hpp"

#include <map>

#include "common/base/random.hpp"
#include "common/delta/bsdiff_encode.hpp"
#include "common/delta/tensor_encode.hpp"

namespace argosy::agent::test {

using argosy::test::image_of;

namespace {

constexpr std::size_t large_bytes = 560'000;  // three chunks of a tensor patch
const std::string small_old(30'000, 'o');
const std::string small_new = std::string(20'000, 'n') + std::string(12'000, 'e');
const std::string small_third(35'000, 't');
const ProbationTotals bad_traffic{100, 60, 10.0, false};

using Wish = std::function<wire::DesiredModel(Bench&)>;

Wish whole(const std::string& version, const std::string& content, std::int64_t rollout) {
  return [version, content, rollout](Bench& bench) { return bench.wish(version, content, rollout); };
}

Wish shadowed(const std::string& version, const std::string& content, std::int64_t rollout, std::uint32_t max_s) {
  return [version, content, rollout, max_s](Bench& bench) {
    wire::DesiredModel wish = bench.wish(version, content, rollout);
    wish.shadow = wire::ShadowSpec{.samples = 30, .max_s = max_s, .required = true};
    return wish;
  };
}

std::string patch_between(const std::string& from, const std::string& to, bool as_tensors) {
  if (!as_tensors) return std::string(as_text(encode_bsdiff(as_bytes(from), as_bytes(to)).value()));
  const TempFolder folder;
  EXPECT_TRUE(write_file_atomically(folder / "old", from));
  EXPECT_TRUE(write_file_atomically(folder / "new", to));
  EXPECT_TRUE(encode_tensor(folder / "old", folder / "new", folder / "patch"));
  return read_file(folder / "patch").value();
}

Wish patched(const std::string& from, const std::string& to, bool as_tensors) {
  return [from, to, as_tensors, patch = patch_between(from, to, as_tensors)](Bench& bench) {
    wire::DesiredModel wish = bench.wish("1.1", to, 2);
    bench.publish(patch);
    wish.patches.push_back({blob_of(from).digest, as_tensors ? "tensor" : "bsdiff", blob_of(patch), {}});
    return wish;
  };
}

// Small enough for a thousand faults; a patch of one chunk.
std::string weights(int version) {
  return large_model(version).substr(0, 40'000);
}

// The model by a patch, its weights by another, its labels as they lie in the slot, and a tokenizer that is new.
Wish of_several_files(const std::string& version, const std::string& model, const std::string& data,
                      std::int64_t rollout) {
  return [=](Bench& bench) {
    wire::DesiredModel wish = bench.wish(version, model, rollout);
    const auto add = [&](const std::string& name, const std::string& content) -> wire::PartOffer& {
      bench.publish(content);
      return wish.parts.emplace_back(wire::PartOffer{name, blob_of(content), {}});
    };
    add("labels.txt", "cat\ndog\n");
    if (version == "1.0") {
      add("weights.data", data);
      return wish;
    }
    add("tokenizer.json", std::string(9'000, 'w'));
    static const std::string model_patch = patch_between(small_old, small_new, false);
    static const std::string weights_patch = patch_between(weights(0), weights(1), true);
    bench.publish(model_patch);
    bench.publish(weights_patch);
    wish.patches.push_back({blob_of(small_old).digest, "bsdiff", blob_of(model_patch), {}});
    add("weights.data", data).patches.push_back({blob_of(weights(0)).digest, "tensor", blob_of(weights_patch), {}});
    return wish;
  };
}

ScenarioStep step_to(Wish wish, const std::string& serves) {
  ScenarioStep step;
  step.wish = std::move(wish);
  step.serves = serves;
  return step;
}

ScenarioStep step_that_ends(Wish wish, Phase end) {
  ScenarioStep step = step_to(std::move(wish), small_old);
  step.end = end;
  return step;
}

argosy::test::Image serving(const std::string& content) {
  Bench bench;
  if (!content.empty()) bench.install(bench.wish("1.0", content, 1));
  return image_of(bench.storage().root());
}

argosy::test::Image serving_several_files() {
  Bench bench;
  bench.install(of_several_files("1.0", small_old, weights(0), 1)(bench));
  return image_of(bench.storage().root());
}

// What an agent of the first published version left when it was switched off in the middle of a download: its journal
// has none of the fields that came later.
argosy::test::Image with_early_journal() {
  Bench bench;
  bench.install(bench.wish("1.0", small_old, 1));
  bench.break_downloads_after(7000);
  wire::DesiredModel wish = bench.wish("1.1", small_new, 2);
  bench.updater().wish(wish);
  bench.run();
  EXPECT_EQ(bench.phase(), Phase::downloading);
  EXPECT_TRUE(write_file_atomically(bench.storage().journal("digits"),
                                    R"({"schema":1,"phase":"downloading","target":"b","source":"full",)"
                                    R"("changed_at":"2026-01-01T00:00:00Z","wish":)" +
                                        wire::encode(wish) + "}"));
  return image_of(bench.storage().root());
}

std::vector<Scenario> all_scenarios() {
  const std::string& first = large_model(0);
  const std::string& second = large_model(1);
  ScenarioStep rejected = step_that_ends(whole("1.1", small_new, 2), Phase::rejected);
  rejected.accuracy = 0.5;
  ScenarioStep rolled_back = step_that_ends(whole("1.1", small_new, 2), Phase::rolled_back);
  rolled_back.traffic = bad_traffic;
  ScenarioStep cancelled = step_that_ends(whole("1.1", small_new, 2), Phase::failed);
  cancelled.connection_lasts = 7000;
  cancelled.withdraw = true;
  const ScenarioStep updated = step_to(whole("1.1", small_new, 2), small_new);
  ScenarioStep shadow_run = step_to(shadowed("1.1", small_new, 2, wire::most_shadow_s), small_new);
  shadow_run.shadow_answers = 12;
  const ScenarioStep unheard = step_that_ends(shadowed("1.1", small_new, 2, 1200), Phase::failed);
  return {
      {"FirstInstallation", serving(""), {step_to(whole("1.0", small_old, 1), small_old)}},
      {"FullUpdate", serving(small_old), {updated}},
      {"StreamedPatch", serving(first), {step_to(patched(first, second, true), second)}},
      {"BsdiffPatch", serving(small_old), {step_to(patched(small_old, small_new, false), small_new)}},
      {"Rejection", serving(small_old), {rejected}},
      {"RollBack", serving(small_old), {rolled_back}},
      {"CancelThenUpdate", serving(small_old), {cancelled, step_to(whole("1.1", small_new, 3), small_new)}},
      {"TwoUpdatesInARow", serving(small_old), {updated, step_to(whole("1.2", small_third, 3), small_third)}},
      {"UpdateAndBack", serving(small_old), {updated, step_to(whole("1.0", small_old, 3), small_old)}},
      {"ShadowRun", serving(small_old), {shadow_run}},
      {"ShadowRunUnheardThenUpdate", serving(small_old), {unheard, step_to(whole("1.1", small_new, 3), small_new)}},
      {"SeveralFiles",
       serving_several_files(),
       {step_to(of_several_files("1.1", small_new, weights(1), 2), small_new)}},
      {"JournalOfAnEarlierAgent", with_early_journal(), {updated}},
  };
}

bool has_ended(const UpdateState& state, const wire::DesiredModel& wish) {
  return is_terminal(state.phase) && state.wish && state.wish->version == wish.version &&
         state.wish->rollout == wish.rollout && state.wish->attempt == wish.attempt;
}

}  // namespace

const std::string& large_model(int version) {
  static std::map<int, std::string> models;
  std::string& model = models[version];
  if (!model.empty()) return model;
  Rng numbers(5);
  model.resize(large_bytes);
  for (char& byte : model) byte = static_cast<char>(numbers());
  Rng changes(static_cast<std::uint64_t>(version));
  for (std::size_t i = 0; version > 0 && i < model.size(); i += 1 + changes() % 90)
    model[i] = static_cast<char>(changes());
  return model;
}

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all = all_scenarios();
  return all;
}

bool play(Bench& bench, const ScenarioStep& step, std::uint32_t attempt) {
  wire::DesiredModel wish = step.wish(bench);
  wish.attempt = attempt;
  bench.break_downloads_after(step.connection_lasts);
  bench.updater().wish(wish);
  for (int turn = 0; turn < 40 && !bench.is_off(); ++turn) {
    bench.run();
    if (has_ended(bench.updater().state(), wish)) return true;
    if (step.withdraw && bench.updater().state().retry_at) bench.updater().withdraw();
    bench.let_time_pass(std::chrono::minutes(6));
    bench.run();
    bench.updater().observe(step.traffic);
    for (int answer = 0; answer < step.shadow_answers; ++answer)
      bench.updater().count_shadow({.new_version = wish.version, .agreed = true, .old_right = true, .new_right = true});
  }
  return false;
}

std::string whole_served_model(const Bench& bench) {
  const ModelFolder folder(bench.storage().model("digits"));
  const auto slots = folder.read();
  const SlotContent* served = slots ? slots->served() : nullptr;
  EXPECT_NE(served, nullptr) << "nothing serves";
  if (served == nullptr) return {};
  const fs::path file = folder.current() / ("model." + served->format);
  const auto found = measure_file(file);
  EXPECT_TRUE(found && found->digest.to_hex() == served->digest) << "what serves is not what its release.json says";
  for (const wire::Part& part : served->parts) {
    const auto beside = measure_file(folder.current() / part.name);
    EXPECT_TRUE(beside && beside->digest.to_hex() == part.blob.digest) << part.name << " is of another version";
  }
  return found ? read_file(file).value() : "";
}

std::string litter_on(const Bench& bench) {
  std::string litter;
  for (const auto& [name, node] : image_of(bench.storage().root())) {
    const bool of_model = name.starts_with("models/digits/");
    const std::string last = fs::path(name).filename().string();
    const bool expected = node.kind == argosy::test::Node::Kind::folder || name == "state/digits.json" ||
                          name == "models/digits/current" || name == "datasets/" + blob_of("data").digest ||
                          (of_model && (last == "model.onnx" || last == "release.json" || last == "labels.txt" ||
                                        last == "weights.data" || last == "tokenizer.json"));
    if (!expected) litter += name + " ";
  }
  return litter;
}

}  // namespace argosy::agent::test
