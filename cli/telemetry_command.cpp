#include <charconv>
#include <cstdio>
#include <memory>
#include <optional>

#include "cli/command.hpp"
#include "cli/exit_code.hpp"
#include "common/base/instant.hpp"
#include "common/json/json_look.hpp"

namespace argosy::cli {

using nlohmann::json;

namespace {

struct QueryFlags {
  std::string filter, model, from, to, last;
  std::string metric = "latency_p95";
  std::string by, worse;
  int points = 24;
  int groups = 8;
  int most = 10;
  std::optional<int> least_samples;
  std::string rows = "windows";
  std::string format = "csv";
  std::string output;
};

struct Unit {
  char letter;
  std::int64_t seconds;
};
constexpr Unit units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};

// "90m", "6h", "7d".
Result<Duration> parse_length(const std::string& text) {
  std::int64_t count = 0;
  const auto* const end = text.data() + text.size();
  const auto [rest, failure] = std::from_chars(text.data(), end, count);
  for (const auto& [letter, seconds] : units)
    if (failure == std::errc{} && rest + 1 == end && *rest == letter && count > 0 && count <= 1'000'000)
      return Duration{count * seconds * 1000};
  return make_error(Errc::invalid_argument, "\"" + text + "\" is no length of time; write it like 90m, 6h or 7d");
}

class Query {
 public:
  void add(const char* name, const std::string& value) {
    if (value.empty()) return;
    text_ += (text_.empty() ? "?" : "&") + std::string(name) + "=" + net::percent_encode(value);
  }
  void add(const char* name, std::int64_t value) { add(name, std::to_string(value)); }
  std::string behind(const char* path) const { return path + text_; }

 private:
  std::string text_;
};

// What all queries take.
Result<Query> query_of(const QueryFlags& flags) {
  Query query;
  query.add("filter", flags.filter);
  const auto at = flags.model.find('@');
  query.add("model", flags.model.substr(0, at));
  if (at != std::string::npos) query.add("version", flags.model.substr(at + 1));
  query.add("from", flags.from);
  query.add("to", flags.to);
  if (flags.last.empty()) return query;
  if (!flags.from.empty()) return make_error(Errc::invalid_argument, "give --last or --from, not both");
  ARGOSY_TRY(const Duration length, parse_length(flags.last));
  Instant to = wall_clock_now();
  if (!flags.to.empty()) {
    ARGOSY_TRY(to, parse_rfc3339(flags.to));
  }
  query.add("from", to_rfc3339(to - length));
  return query;
}

void add_grouping(Query& query, const QueryFlags& flags) {
  query.add("metric", flags.metric);
  query.add("by", flags.by);
  query.add("points", flags.points);
  query.add("groups", flags.groups);
}

std::string figure(const json& value) {
  if (!value.is_number()) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value.get<double>());
  return text;
}

std::string headed(const json& answer, const char* name) {
  const std::string unit = text_in(answer, "unit");
  return unit.empty() ? name : std::string(name) + " (" + unit + ")";
}

const json& item_at(const json& line, const char* column, std::size_t at) {
  return list_in(line, column).at(at);
}

void append_rows(std::vector<Row>& rows, const json& answer, const json& line) {
  const json& times = list_in(answer, "t");
  for (std::size_t at = 0; at < times.size(); ++at) {
    const json& value = item_at(line, "value", at);
    if (value.is_null()) continue;
    const auto group = text_in(line, "group");
    rows.push_back({to_rfc3339(instant_from_ms(times.at(at).get<std::int64_t>() * 1000)), group.empty() ? "-" : group,
                    figure(value), figure(item_at(line, "min", at)), figure(item_at(line, "max", at)),
                    item_at(line, "samples", at).dump(), item_at(line, "reporting", at).dump()});
  }
}

Result<int> show_series(const Context& context, const QueryFlags& flags) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(Query query, query_of(flags));
  add_grouping(query, flags);
  ARGOSY_TRY(const json answer, api.get(query.behind("/telemetry/series")));
  if (context.output.json) {
    print_json(answer);
    return exit_ok;
  }
  std::vector<Row> rows;
  for (const json& line : list_in(answer, "groups")) append_rows(rows, answer, line);
  if (member(answer, "other").is_object()) append_rows(rows, answer, member(answer, "other"));
  print_table({"TIME", "GROUP", headed(answer, "VALUE"), "LEAST", "MOST", "SAMPLES", "DEVICES"}, rows);
  return exit_ok;
}

// Of an accuracy.
std::string interval(const json& item) {
  if (!member(item, "lower").is_number()) return "-";
  return figure(member(item, "lower")) + " to " + figure(member(item, "upper"));
}

// How late labels came, in the largest unit that fits.
std::string delay_of(const json& seconds) {
  if (!seconds.is_number()) return "-";
  const double s = seconds.get<double>();
  char text[32];
  if (s < 90)
    std::snprintf(text, sizeof text, "%.0f s", s);
  else if (s < 5400)
    std::snprintf(text, sizeof text, "%.0f min", s / 60);
  else if (s < 129'600)
    std::snprintf(text, sizeof text, "%.1f h", s / 3600);
  else
    std::snprintf(text, sizeof text, "%.1f d", s / 86'400);
  return text;
}

Row accuracy_row(const json& version, const char* kind) {
  const json& of = member(version, kind);
  const bool is_measured = std::string_view(kind) == "measured";
  return {cell(version, "/version"),
          kind,
          figure(member(of, "value")),
          interval(of),
          cell(of, is_measured ? "/labels" : "/answers"),
          is_measured ? cell(of, "/later") : "-",
          is_measured ? delay_of(member(of, "delay_s")) : "-"};
}

Result<int> show_accuracy(const Context& context, const QueryFlags& flags) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const Query query, query_of(flags));
  ARGOSY_TRY(const json answer, api.get(query.behind("/telemetry/accuracy")));
  if (context.output.json) {
    print_json(answer);
    return exit_ok;
  }
  std::vector<Row> rows;
  for (const json& version : list_in(answer, "versions"))
    for (const char* kind : {"measured", "estimated"})
      if (member(version, kind).is_object()) rows.push_back(accuracy_row(version, kind));
  print_table({"VERSION", "KIND", "ACCURACY", "95 % INTERVAL", "OF", "CAME LATER", "AFTER"}, rows);
  return exit_ok;
}

Result<int> show_worst(const Context& context, const QueryFlags& flags) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(Query query, query_of(flags));
  query.add("metric", flags.metric);
  query.add("worse", flags.worse);
  query.add("n", flags.most);
  if (flags.least_samples) query.add("least_samples", *flags.least_samples);
  ARGOSY_TRY(const json answer, api.get(query.behind("/telemetry/worst")));
  if (context.output.json) {
    print_json(answer);
    return exit_ok;
  }
  const bool by_labels = text_in(answer, "metric") == "accuracy";
  Row header{"DEVICE", headed(answer, "VALUE"), "95 % INTERVAL", by_labels ? "LABELS" : "SAMPLES"};
  if (by_labels) header.insert(header.end(), {"CAME LATER", "AFTER"});
  std::vector<Row> rows;
  for (const json& item : list_in(answer, "items")) {
    rows.push_back({cell(item, "/device_id"), figure(member(item, "value")), interval(item), cell(item, "/n")});
    if (by_labels) rows.back().insert(rows.back().end(), {cell(item, "/later"), delay_of(member(item, "delay_s"))});
  }
  print_table(header, rows);
  print_note(context.output, "Of " + cell(answer, "/devices") + " devices " + cell(answer, "/measured") +
                                 " measured it; " + cell(answer, "/with_too_few") + " with fewer than " +
                                 cell(answer, "/least_samples") + " samples do not count");
  return exit_ok;
}

// To stdout, or to a file that is there only as a whole.
Result<void> download_to(const ApiClient& api, const std::string& path, const std::string& output) {
  std::FILE* out = stdout;
  const std::string part = output + ".part";
  if (!output.empty()) out = std::fopen(part.c_str(), "wb");
  if (out == nullptr) return make_error(Errc::io, "cannot write '" + part + "'");
  bool is_written = true;
  const auto outcome = api.download(path, [&](std::string_view piece) -> Result<void> {
    is_written = std::fwrite(piece.data(), 1, piece.size(), out) == piece.size();
    if (is_written) return {};
    return make_error(Errc::io, "cannot write all of it");
  });
  is_written = (output.empty() ? std::fflush(out) : std::fclose(out)) == 0 && is_written;
  const auto give_up = [&](Error error) -> Result<void> {
    if (!output.empty()) std::remove(part.c_str());
    return error;
  };
  if (!is_written)
    return give_up(make_error(Errc::io, "cannot write all of '" + (output.empty() ? "stdout" : part) + "'"));
  if (!outcome) return give_up(outcome.error());
  if (!output.empty() && std::rename(part.c_str(), output.c_str()) != 0)
    return give_up(make_error(Errc::io, "cannot write '" + output + "'"));
  return {};
}

Result<int> export_rows(const Context& context, const QueryFlags& flags) {
  if (flags.format != "csv")
    return make_error(Errc::invalid_argument, "\"" + flags.format +
                                                  "\" is not exported here; there is csv, and the dashboard's screen "
                                                  "Explore makes Parquet");
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(Query query, query_of(flags));
  query.add("rows", flags.rows);
  if (flags.rows == "series") add_grouping(query, flags);
  ARGOSY_CHECK(download_to(api, query.behind("/telemetry/export"), flags.output));
  if (flags.output.empty()) return exit_ok;
  if (context.output.json) print_json(json{{"file", flags.output}, {"format", flags.format}, {"rows", flags.rows}});
  print_note(context.output, "Wrote " + flags.output);
  return exit_ok;
}

void add_range_options(CLI::App& command, QueryFlags& flags) {
  command.add_option("--filter", flags.filter, "Of these devices: labels.site = \"berlin\"; by default of all");
  command.add_option("--model", flags.model, "MODEL or MODEL@VERSION; by default of any");
  command.add_option("--last", flags.last, "How far back: 90m, 6h, 7d; by default 1h");
  command.add_option("--from", flags.from, "Beginning, as 2026-01-31T09:30:00Z");
  command.add_option("--to", flags.to, "End; by default now");
}

void add_metric_option(CLI::App& command, QueryFlags& flags) {
  command
      .add_option("--metric", flags.metric,
                  "latency_p50, latency_p95, latency_p99, throughput, error_rate, accuracy, estimated_accuracy, "
                  "confidence, numbers.NAME or "
                  "health.MEASURE")
      ->capture_default_str();
}

void add_grouping_options(CLI::App& command, QueryFlags& flags) {
  add_metric_option(command, flags);
  command.add_option("--by", flags.by, "Group by device, version, hardware_class or labels.KEY");
  command.add_option("--points", flags.points, "At most so many steps")->capture_default_str();
  command.add_option("--groups", flags.groups, "Groups with lines of their own; others are added up")
      ->capture_default_str();
}

}  // namespace

void add_telemetry_commands(CLI::App& root, Context& context) {
  auto* telemetry = root.add_subcommand("telemetry", "What devices measured: over time, the worst, and as rows")
                        ->require_subcommand(1);
  const auto add = [&](const char* name, const char* description,
                       Result<int> (*run)(const Context&, const QueryFlags&)) {
    auto* command = telemetry->add_subcommand(name, description);
    auto flags = std::make_shared<QueryFlags>();
    add_range_options(*command, *flags);
    command->callback(
        [&context, flags, run] { context.chosen = [&context, flags, run] { return run(context, *flags); }; });
    return std::pair{command, flags};
  };

  const auto [series, series_flags] =
      add("series", "A metric over time, of all devices together or by group", show_series);
  add_grouping_options(*series, *series_flags);

  const auto [worst, worst_flags] = add("worst", "The worst devices by a metric", show_worst);
  add_metric_option(*worst, *worst_flags);
  worst->add_option("-n,--number", worst_flags->most, "How many")->capture_default_str();
  worst->add_option("--worse", worst_flags->worse, "higher or lower; by default what is worse of the metric");
  worst->add_option("--least-samples", worst_flags->least_samples, "Devices with fewer do not count");

  add("accuracy", "How right each version of a model is: measured by labels, and estimated without", show_accuracy);

  const auto [rows, rows_flags] = add("export", "Windows, or a series, as rows of CSV", export_rows);
  rows->add_option("--rows", rows_flags->rows, "windows, hours, days or series")->capture_default_str();
  rows->add_option("--format", rows_flags->format, "csv")->capture_default_str();
  rows->add_option("--output", rows_flags->output, "Where the file goes; by default to stdout");
  add_grouping_options(*rows, *rows_flags);
}

}  // namespace argosy::cli
