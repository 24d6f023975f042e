#include "server/monitoring/served_figures.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

const Instant noon = parse_rfc3339("2026-03-01T12:00:00Z").value();

TakenWindow window_of(const std::string& model, const std::string& version, Instant ended_at = noon) {
  TakenWindow window{.device = "cam-1", .model = model, .version = version};
  window.ended_at = ended_at;
  window.count = 100;
  window.errors = 3;
  window.labelled = 50;
  window.correct = 40;
  window.latency.add(4.0, 90);
  window.latency.add(80.0, 10);
  return window;
}

std::string text_of(const ServedFigures& served) {
  return prometheus_text(served.families());
}

TEST(ServedFigures, AreSumsByModelAndVersion) {
  ServedFigures served;
  served.add({window_of("digits", "1.0"), window_of("digits", "1.0"), window_of("digits", "1.1")}, noon);
  const std::string text = text_of(served);
  for (const char* line : {"argosy_served_windows_total{model=\"digits\",version=\"1.0\"} 2\n",
                           "argosy_served_inferences_total{model=\"digits\",version=\"1.0\"} 200\n",
                           "argosy_served_errors_total{model=\"digits\",version=\"1.1\"} 3\n",
                           "argosy_served_labels_total{model=\"digits\",version=\"1.0\"} 100\n",
                           "argosy_served_correct_total{model=\"digits\",version=\"1.0\"} 80\n",
                           "argosy_served_latency_seconds_bucket{le=\"0.0025\",model=\"digits\",version=\"1.0\"} 0\n",
                           "argosy_served_latency_seconds_bucket{le=\"0.005\",model=\"digits\",version=\"1.0\"} 180\n",
                           "argosy_served_latency_seconds_bucket{le=\"0.1\",model=\"digits\",version=\"1.0\"} 200\n",
                           "argosy_served_latency_seconds_count{model=\"digits\",version=\"1.0\"} 200\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

TEST(ServedFigures, TellHowLateWindowsCome) {
  ServedFigures served;
  served.add({window_of("digits", "1.0", noon - std::chrono::seconds(4)),
              window_of("digits", "1.0", noon - std::chrono::hours(2)),
              window_of("digits", "1.0", noon + std::chrono::seconds(1))},
             noon);
  const std::string text = text_of(served);
  for (const char* line :
       {"argosy_telemetry_lag_seconds_bucket{le=\"1\"} 1\n", "argosy_telemetry_lag_seconds_bucket{le=\"5\"} 2\n",
        "argosy_telemetry_lag_seconds_bucket{le=\"86400\"} 3\n", "argosy_telemetry_lag_seconds_sum 7204\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

TEST(ServedFigures, OnesTooManyCountTogetherUntilAnotherIsSilent) {
  ServedFigures served;
  const auto version = [](std::size_t number) { return std::to_string(number); };
  for (std::size_t i = 0; i < ServedFigures::most_pairs; ++i) served.add({window_of("digits", version(i))}, noon);
  served.add({window_of("digits", "one-more"), window_of("digits", "two-more")}, noon);
  EXPECT_NE(text_of(served).find("argosy_served_windows_total{model=\"other\",version=\"other\"} 2\n"),
            std::string::npos);

  const Instant later = noon + ServedFigures::silence;
  for (std::size_t i = 1; i < ServedFigures::most_pairs; ++i) served.add({window_of("digits", version(i))}, later);
  served.add({window_of("digits", "one-more")}, later);
  const std::string text = text_of(served);
  EXPECT_NE(text.find("argosy_served_windows_total{model=\"digits\",version=\"one-more\"} 1\n"), std::string::npos);
  EXPECT_EQ(text.find("version=\"0\""), std::string::npos) << "it was not heard of for longest";
}

}  // namespace
}  // namespace argosy::server
