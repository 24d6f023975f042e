// The fuzz target of what model servers publish, in libFuzzer's form: whatever the text, samples stay within their
// limits and counts can be counted with.
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "agent/serving/prometheus_text.hpp"
#include "agent/serving/served_counts.hpp"

namespace {

void promise(bool kept, const char* what) {
  if (kept) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace argosy::agent;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  read_metrics(text, [](const MetricSample& sample) {
    promise(!sample.name.empty(), "a sample has a name");
    promise(sample.labels.size() <= MetricSample::max_labels, "labels are bounded");
  });
  // The first half is what was seen before.
  for (const ServerKind kind : {ServerKind::triton, ServerKind::ovms, ServerKind::tfserving}) {
    const auto before = read_served(kind, text.substr(0, size / 2), {"digits"});
    for (const auto& [key, counts] : read_served(kind, text, {"digits"})) {
      promise(key.first == "digits", "other models are passed over");
      promise(std::isfinite(counts.succeeded) || counts.succeeded > 0, "counts are numbers");
      const auto earlier = before.find(key);
      const auto since = served_since(earlier == before.end() ? ServedCounts{} : earlier->second, counts);
      promise(since.errors <= since.count, "errors are counted among all");
      promise(since.count <= 2'000'000'000'000, "counts are bounded");
    }
  }
  return 0;
}
