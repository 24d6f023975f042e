// The desired document: what one device should run. Server to device, JSON, retained on
// `argosy/v1/{device}/down/desired` and served at GET /device/v1/desired. Pure data; the newest `rev` wins.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/wire/selector.hpp"
#include "common/wire/shadow.hpp"

namespace argosy::wire {

inline constexpr int protocol_version = 1;

struct BlobRef {       // content-addressed: GET /device/v1/blobs/{digest}
  std::string digest;  // lower-case hex SHA-256
  std::uint64_t size = 0;
  friend bool operator==(const BlobRef&, const BlobRef&) = default;
};

// A version's file beside its model: external data, labels, a tokenizer. It lies in the model's folder under its name.
struct Part {
  std::string name;
  BlobRef blob;
  friend bool operator==(const Part&, const Part&) = default;
};
inline constexpr std::size_t max_parts = 32;
inline constexpr std::size_t max_part_name_bytes = 128;
inline constexpr std::string_view part_name_rule =
    "must match [A-Za-z0-9_.+-]{1,128}, must not begin with a dot nor end with .tmp, and must not be model.FORMAT, "
    "release.json, calibration.json or wish.json, which devices write beside it";
// Whether a model of this format can have a part of this name, in whatever case its letters are.
bool is_part_name(std::string_view name, std::string_view format);
// In whatever case their letters are: some disks do not tell.
bool part_names_differ(const std::vector<std::string_view>& names);

struct PatchOffer {
  std::string base_digest;  // usable only on exactly this file
  std::string codec;        // "tensor": a name in common/delta/patch_codec.hpp, or of a later version
  BlobRef blob;
  std::optional<BlobRef> result;  // a step on the way: the base of another offer; absent: the artifact itself
  friend bool operator==(const PatchOffer&, const PatchOffer&) = default;
};

struct PartOffer {
  std::string name;  // is_part_name
  BlobRef artifact;
  std::vector<PatchOffer> patches;
  friend bool operator==(const PartOffer&, const PartOffer&) = default;
};

struct ValidationSpec {
  std::optional<BlobRef> dataset;   // .npz with arrays x and y, .npy of x alone; absent: the model is only loaded
  std::string metric = "accuracy";  // of metric_rule.hpp
  bool higher_is_better = true;
  double threshold = 0;
  std::optional<double> max_latency_ms;  // p95 in validation
  // Against the version that serves on the device, measured there on the same data; without one they do not apply.
  std::optional<double> max_loss;           // so much worse may the value be
  std::optional<double> max_latency_ratio;  // of the p95s
  std::uint32_t max_memory_mb = 1024;
  std::uint32_t timeout_s = 300;
  friend bool operator==(const ValidationSpec&, const ValidationSpec&) = default;
};

struct ProbationSpec {  // the device's own checks under real traffic, before it commits
  std::uint32_t duration_s = 300;
  std::uint64_t min_observations = 20;
  std::optional<double> max_latency_ratio;  // p95 against the version it replaced
  double min_latency_delta_ms = 2;          // and at least this much slower
  std::optional<double> max_error_rate;
  std::uint32_t max_duration_s = 3600;  // fewer observations than asked for until then are too few
  bool too_few_rolls_back = false;      // else the device commits, and says so
  friend bool operator==(const ProbationSpec&, const ProbationSpec&) = default;
};

struct FeatureReference {
  std::string name;
  std::vector<double> edges;          // ascending; n edges make n + 1 bins, plus one for NaN at the end
  std::vector<std::uint64_t> counts;  // n + 2 of them; empty: only the bins are known
  friend bool operator==(const FeatureReference&, const FeatureReference&) = default;
};

struct ReleaseSignature {                  // made by the publisher; docs/signing.md
  std::string statement;                   // argosy-release.json, byte for byte
  std::string bundle;                      // over it and the release's files
  std::vector<std::string> key_sets = {};  // lead from the keys of devices to that of the bundle, in order
  friend bool operator==(const ReleaseSignature&, const ReleaseSignature&) = default;
};
inline constexpr std::size_t max_statement_bytes = 16 << 10;
inline constexpr std::size_t max_bundle_bytes = 64 << 10;
inline constexpr std::size_t max_key_sets = 8;
inline constexpr std::size_t max_key_set_bytes = 4096;

// A version's files beside its model as they lie on a device.
std::vector<Part> parts_of(const std::vector<PartOffer>& offers);

struct DesiredModel {
  std::string model;
  std::string version;
  std::int64_t rollout = 0;  // whose wish this is; 0: none
  int attempt = 1;           // a retry raises it
  std::string format;        // "onnx"; the file is stored as model.<format>
  BlobRef artifact;
  // Which devices it is for, by its publisher's word and by the model's own.
  Selector selector = {};
  std::optional<OnnxReach> onnx = {};
  std::vector<PatchOffer> patches;
  std::vector<PartOffer> parts = {};  // each name once; to agents alone that take parts
  ValidationSpec validation;
  std::optional<ShadowSpec> shadow = {};  // before activation; none: no shadow run
  ProbationSpec probation;
  std::vector<FeatureReference> features;
  std::optional<ReleaseSignature> signature;
  friend bool operator==(const DesiredModel&, const DesiredModel&) = default;
};

struct Desired {
  std::string device;
  std::int64_t rev = 0;
  std::vector<DesiredModel> models;
  friend bool operator==(const Desired&, const Desired&) = default;
};

std::string encode(const Desired& desired);
// Errc::malformed_json with the path of the wrong field; at most 1 MiB.
Result<Desired> decode_desired(std::string_view json);

nlohmann::json json_of(const ValidationSpec& spec);
void read_validation_spec(JsonReader& fields, ValidationSpec& spec);

// One model's wish alone, as the agent keeps it in its journal.
std::string encode(const DesiredModel& model);
Result<DesiredModel> decode_desired_model(std::string_view json);

}  // namespace argosy::wire
