#include "agent/update/journal.hpp"

#include "common/base/disk.hpp"
#include "common/base/file.hpp"
#include "common/wire/document.hpp"

namespace argosy::agent {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::uint64_t max_journal_bytes = 4 << 20;
constexpr std::string_view journal_name = "the journal";

template <class T>
void put(Json& json, const char* key, const std::optional<T>& value) {
  if (value) json[key] = *value;
}

void put_time(Json& json, const char* key, const std::optional<Instant>& value) {
  if (value) json[key] = to_rfc3339(*value);
}

Json json_of(const Baseline& baseline) {
  Json json = {{"observations", baseline.observations}};
  put(json, "latency_p95_ms", baseline.latency_p95_ms);
  return json;
}

Json json_of(const ProbationTotals& totals) {
  Json json = {{"observations", totals.observations}, {"errors", totals.errors}, {"program_down", totals.program_down}};
  put(json, "latency_p95_ms", totals.latency_p95_ms);
  return json;
}

Json json_of(const wire::PatchOffer& patch) {
  Json json = {{"base_digest", patch.base_digest},
               {"codec", patch.codec},
               {"digest", patch.blob.digest},
               {"size", patch.blob.size}};
  if (patch.result) json["result"] = {{"digest", patch.result->digest}, {"size", patch.result->size}};
  return json;
}

// As it stands in the journal, for the model, and in the list of its parts.
void put_way(Json& json, const FileWay& way) {
  json["source"] = to_string(way.source);
  json["patches_refused"] = way.whole_only;
  json["fetched_bytes"] = way.fetched_bytes;
  if (way.patch) json["patch"] = json_of(*way.patch);
}

Json json_of_parts(const UpdateState& state) {
  Json parts = Json::array();
  for (std::size_t i = 1; i < state.ways.size(); ++i) put_way(parts.emplace_back(Json::object()), state.ways[i]);
  return parts;
}

void read_baseline(JsonReader& fields, Baseline& baseline) {
  fields.required("observations", baseline.observations);
  fields.optional("latency_p95_ms", baseline.latency_p95_ms);
}

void read_totals(JsonReader& fields, ProbationTotals& totals) {
  fields.required("observations", totals.observations);
  fields.required("errors", totals.errors);
  fields.required("program_down", totals.program_down);
  fields.optional("latency_p95_ms", totals.latency_p95_ms);
}

void read_patch(JsonReader& fields, wire::PatchOffer& patch) {
  fields.required("base_digest", patch.base_digest);
  fields.required("codec", patch.codec);
  fields.required("digest", patch.blob.digest);
  fields.required("size", patch.blob.size);
  fields.optional_object("result", [&](JsonReader& result) {
    patch.result.emplace();
    result.required("digest", patch.result->digest);
    result.required("size", patch.result->size);
  });
}

void read_way(JsonReader& fields, FileWay& way) {
  std::string source;
  fields.required("source", source);
  fields.optional("patches_refused", way.whole_only);
  fields.optional("fetched_bytes", way.fetched_bytes);
  fields.optional_object("patch", [&](JsonReader& inner) { read_patch(inner, way.patch.emplace()); });
  const auto parsed = parse_source(source);
  fields.check("source", parsed.has_value(), "is no source of a file");
  way.source = parsed.value_or(Source::none);
}

void read_ways(JsonReader& fields, UpdateState& state) {
  std::vector<FileWay> parts;
  fields.objects("parts", wire::max_parts, parts, read_way);
  read_way(fields, state.way());
  state.ways.insert(state.ways.end(), parts.begin(), parts.end());
  fields.optional("file", state.file);
}

Result<void> read_wish(JsonReader& fields, const char* key, std::optional<wire::DesiredModel>& wish) {
  Json document;
  fields.optional(key, document);
  if (document.is_null()) return {};
  ARGOSY_TRY(wish, wire::decode_desired_model(write_json(document)));
  return {};
}

struct Words {  // enums as text, while they are being read
  std::string phase, target;
};

void read_fields(JsonReader& fields, UpdateState& state, Words& words) {
  fields.required("phase", words.phase);
  fields.required("target", words.target);
  fields.required("changed_at", state.changed_at);
  fields.optional("ticket", state.ticket);
  fields.optional("seed", state.seed, 0, UINT64_MAX);
  fields.optional("starts", state.starts);
  fields.optional("dataset_ready", state.dataset_ready);
  fields.optional("fetching_dataset", state.fetching_dataset);
  fields.optional("held", state.held);
  fields.optional("tries", state.tries);
  fields.optional("wrong_bytes", state.wrong_bytes);
  fields.optional("wasted_bytes", state.wasted_bytes);
  fields.optional("progress", state.progress);
  fields.optional("strikes", state.strikes);
  fields.optional("cause", state.cause);
  fields.optional("message", state.message);
  fields.optional("retry_at", state.retry_at);
  fields.optional("probation_from", state.probation_from);
  fields.optional("metric_value", state.metric_value);
  fields.optional("serving_value", state.serving_value);
  fields.optional("serving_p95_ms", state.serving_p95_ms);
  fields.optional("latency_p95_ms", state.latency_p95_ms);
  fields.optional("peak_memory_mb", state.peak_memory_mb);
  fields.optional("samples", state.samples);
  fields.optional("shadow_from", state.shadow_from);
  fields.optional_object("shadow", [&](JsonReader& inner) { wire::read_shadow_counts(inner, state.shadow); });
  fields.optional_object("baseline", [&](JsonReader& inner) { read_baseline(inner, state.baseline); });
  fields.optional_object("totals", [&](JsonReader& inner) { read_totals(inner, state.totals); });
}

Result<void> apply_words(const Words& words, UpdateState& state) {
  const auto phase = parse_phase(words.phase);
  const auto target = parse_slot(words.target);
  if (!phase || !target) return make_error(Errc::corrupt, "the journal names an unknown state");
  state.phase = *phase;
  state.target = *target;
  if (state.phase != Phase::idle && state.phase != Phase::rolling_back && state.phase != Phase::rolled_back &&
      !state.wish)
    return make_error(Errc::corrupt, "the journal has a state but no wish");
  if (state.ways.size() != (state.wish ? files_of(*state.wish).size() : 1) || state.file >= state.ways.size())
    return make_error(Errc::corrupt, "the journal's ways are not those to the files of its wish");
  if (state.phase == Phase::shadowing && (!state.shadow_from || !state.wish->shadow))
    return make_error(Errc::corrupt, "the journal has a shadow run without its start");
  if (state.phase == Phase::probation && !state.probation_from)
    return make_error(Errc::corrupt, "the journal has a probation without its start");
  return {};
}

}  // namespace

std::string encode_journal(const UpdateState& state) {
  Json json = {{"schema", journal_schema},
               {"phase", to_string(state.phase)},
               {"target", to_string(state.target)},
               {"changed_at", to_rfc3339(state.changed_at)},
               {"ticket", state.ticket},
               {"seed", state.seed},
               {"starts", state.starts},
               {"dataset_ready", state.dataset_ready},
               {"fetching_dataset", state.fetching_dataset},
               {"held", state.held},
               {"tries", state.tries},
               {"wrong_bytes", state.wrong_bytes},
               {"wasted_bytes", state.wasted_bytes},
               {"progress", state.progress},
               {"strikes", state.strikes},
               {"cause", state.cause},
               {"message", state.message.substr(0, 1024)},
               {"baseline", json_of(state.baseline)},
               {"totals", json_of(state.totals)}};
  if (state.wish) json["wish"] = parse_json(wire::encode(*state.wish)).value();
  if (state.pending) json["pending"] = parse_json(wire::encode(*state.pending)).value();
  put_way(json, state.ways.front());
  if (state.ways.size() > 1) json["parts"] = json_of_parts(state);
  if (state.file > 0) json["file"] = state.file;
  put_time(json, "retry_at", state.retry_at);
  put_time(json, "probation_from", state.probation_from);
  put_time(json, "shadow_from", state.shadow_from);
  if (state.shadow_from) json["shadow"] = wire::json_of(state.shadow);
  put(json, "metric_value", state.metric_value);
  put(json, "serving_value", state.serving_value);
  put(json, "serving_p95_ms", state.serving_p95_ms);
  put(json, "latency_p95_ms", state.latency_p95_ms);
  put(json, "peak_memory_mb", state.peak_memory_mb);
  put(json, "samples", state.samples);
  return write_json(json);
}

Result<UpdateState> decode_journal(std::string_view text) {
  ARGOSY_TRY(JsonReader fields, wire::read_document(text, max_journal_bytes, journal_name));
  int schema = 0;
  fields.required("schema", schema);
  if (schema > journal_schema)
    return make_error(Errc::incompatible, "the journal has schema " + std::to_string(schema) +
                                              ", written by a newer agent; this one reads up to " +
                                              std::to_string(journal_schema) + ": install the newer agent again");
  UpdateState state;
  Words words;
  read_fields(fields, state, words);
  read_ways(fields, state);
  if (const auto read = fields.finish(); !read) return make_error(Errc::corrupt, read.error().message);
  ARGOSY_CHECK(read_wish(fields, "wish", state.wish));
  ARGOSY_CHECK(read_wish(fields, "pending", state.pending));
  ARGOSY_CHECK(apply_words(words, state));
  return state;
}

Result<LoadedJournal> Journal::load() {
  const auto text = read_file(file_, max_journal_bytes);
  if (!text && text.error().code == Errc::not_found) return LoadedJournal{};
  if (!text) return text.error();
  auto state = decode_journal(*text);
  if (state) return LoadedJournal{std::move(*state), {}};
  if (state.error().code == Errc::incompatible) return std::move(state).error().within(file_.string());
  const fs::path aside = file_.string() + ".corrupt";
  disk().rename(file_, aside);
  return LoadedJournal{std::nullopt, state.error().message + ": set aside as " + aside.string()};
}

Result<void> Journal::save(const UpdateState& state) {
  return write_file_atomically(file_, encode_journal(state));
}

}  // namespace argosy::agent
