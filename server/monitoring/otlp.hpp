// Figures as OTLP says them: an ExportMetricsServiceRequest in the JSON mapping of Protobuf, and what comes back. Pure.
// https://opentelemetry.io/docs/specs/otlp/#otlphttp
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/figure_family.hpp"
#include "common/base/instant.hpp"

namespace argosy::server {

struct OtlpResource {
  std::string service_name;
  std::string service_version;
  std::string instance_id;
};

// Counters and histograms are sums since `since`.
std::string otlp_request(const OtlpResource& resource, const std::vector<FigureFamily>& families, Instant since,
                         Instant now);

struct OtlpPartialSuccess {
  std::int64_t rejected_points = 0;
  std::string message;
};
// What the collector did not take of a request that it answered with 200; nothing when it took all.
std::optional<OtlpPartialSuccess> partial_success_of(std::string_view answer);

// Whether the same request may be sent again after this status.
bool is_worth_another_try(int status);

}  // namespace argosy::server
