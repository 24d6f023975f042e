// A release: one version of a model as published, immutable from then on. The documents of docs/protocol.md as types,
// read strictly: an unknown key is an error, because a mistyped threshold must not pass in silence. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/stats/input_contract.hpp"
#include "common/wire/desired.hpp"
#include "server/models/variant.hpp"
#include "server/models/withdrawal.hpp"

namespace argosy::server {

inline constexpr std::size_t max_release_bytes = 1 << 20;
inline constexpr std::size_t max_variants = 32;
inline constexpr std::size_t max_features = 64;
inline constexpr std::size_t max_edges = 256;
inline constexpr std::size_t max_notes_bytes = 16 << 10;
inline constexpr std::size_t max_compact_bytes = 16 << 10;

// As sent by the publisher. Sizes of blobs are not known yet: fill_sizes() does that once they have been looked up.
struct ReleaseDraft {
  std::string version;
  std::string notes;
  std::vector<Variant> variants;
  std::optional<wire::ValidationSpec> validation;  // none: only loading the model is tried
  std::vector<wire::FeatureReference> features;
  InputContract contract;  // of each feature that has counts: as given, or as its reference makes it
  std::optional<wire::ReleaseSignature> signature;
  friend bool operator==(const ReleaseDraft&, const ReleaseDraft&) = default;
};

Result<ReleaseDraft> parse_release(std::string_view json);
// Every blob that the draft refers to, sorted, each once.
std::vector<std::string> referenced_blobs(const ReleaseDraft& draft);
// Errc::not_found names the first blob without a size.
Result<void> fill_sizes(ReleaseDraft& draft, const std::vector<wire::BlobRef>& blobs);

Result<wire::ReleaseSignature> parse_signature(std::string_view json);
// Whether the draft's signature, if it has one, is of the form and of this model, version and every variant; who made
// it is for the devices to judge. Call it when the sizes are known. Errc::signature_*.
Result<void> check_signature(const ReleaseDraft& draft, std::string_view model);

// The forms kept in the database, in releases.validation, releases.reference and variants.selector:
//   {"dataset": {"digest", "size"} | null, "metric", "direction", "threshold", "max_latency_ms", "max_loss",
//    "max_latency_ratio", "max_memory_mb", "timeout_s"}, or {} without validation · {"features": [{"name", "edges",
//    "counts"}]}. A selector's is wire::encode.
std::string validation_to_json(const std::optional<wire::ValidationSpec>& validation);
std::string reference_to_json(const std::vector<wire::FeatureReference>& features);
std::string key_sets_to_json(const std::vector<std::string>& key_sets);
Result<std::vector<std::string>> key_sets_from_json(std::string_view json);
Result<std::optional<wire::ValidationSpec>> validation_from_json(std::string_view json);
Result<std::vector<wire::FeatureReference>> reference_from_json(std::string_view json);
Result<Selector> selector_from_json(std::string_view json);
Result<std::vector<wire::Part>> parts_from_json(std::string_view json);
// Of `variants v`, for parts_from_json.
inline constexpr std::string_view select_parts = R"sql(
  coalesce((
    select json_agg(json_build_object('name', p.name, 'digest', p.digest, 'size', p.size) order by p.name collate "C")
    from variant_parts p
    where p.variant_id = v.id
  ), '[]') as parts
)sql";
// Of the version $2 of the model $1 whose model file is $3, for parts_from_json.
inline constexpr const char* select_held_parts = R"sql(
  select coalesce((
    select json_agg(distinct jsonb_build_object('name', p.name, 'digest', p.digest, 'size', p.size))
    from releases r
    join variants v on v.release_id = r.id
    join variant_parts p on p.variant_id = v.id
    where r.model = $1 and r.version = $2 and v.digest = $3
  ), '[]')
)sql";

struct WhereItRuns {  // devices that serve the version now, revoked ones not counted
  std::string version;
  std::string digest;  // of the variant
  std::int64_t devices = 0;
};

struct Release {
  std::int64_t id = 0;
  std::string model;
  ReleaseDraft content;
  Instant published_at{};
  std::string created_by;
  Instant created_at{};
  std::vector<WhereItRuns> running;
  std::optional<Withdrawal> withdrawn{};
};

// What may become a release, and can be mended until then.
struct KeptDraft {
  std::string model;
  ReleaseDraft content;
  std::string document;  // as it was sent
  std::string created_by;
  Instant created_at{};
  std::string updated_by;
  Instant updated_at{};
};

struct Model {
  std::string name;
  std::string description;
  Instant created_at{};
  std::int64_t releases = 0;
  std::string latest_version;  // published last; empty: none yet
  std::vector<WhereItRuns> running;
};

}  // namespace argosy::server
