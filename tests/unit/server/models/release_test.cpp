#include "server/models/release.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/signing/release_signature.hpp"
#include "common/wire/input_contract.hpp"

namespace argosy::server {
namespace {

using Json = nlohmann::json;

const std::string model_digest(64, 'a');
const std::string data_digest(64, 'b');

Json document() {
  return {{"version", "1.1"},
          {"notes", "better"},
          {"variants", Json::array({{{"name", "fp32"},
                                     {"digest", model_digest},
                                     {"format", "onnx"},
                                     {"selector", {{"precision", "fp32"}, {"min_memory_mb", 256}}},
                                     {"priority", 2}}})},
          {"validation",
           {{"dataset", data_digest},
            {"metric", "accuracy"},
            {"direction", "higher"},
            {"threshold", 0.94},
            {"max_latency_ms", nullptr},
            {"max_memory_mb", 512},
            {"timeout_s", 60}}},
          {"reference",
           {{"features", Json::array({{{"name", "sharpness"}, {"edges", {0.5, 1.5}}, {"counts", {10, 20, 30, 4}}}})}}}};
}

std::string complaint(const Json& json) {
  const auto draft = parse_release(json.dump());
  return draft ? "parsed" : draft.error().message;
}

TEST(Release, ReadsTheWholeDocument) {
  const ReleaseDraft draft = parse_release(document().dump()).value();
  EXPECT_EQ(draft.version, "1.1");
  EXPECT_EQ(draft.variants.at(0).selector.min_memory_mb, 256U);
  EXPECT_EQ(draft.variants.at(0).priority, 2);
  EXPECT_EQ(draft.validation->dataset->digest, data_digest);
  EXPECT_DOUBLE_EQ(draft.validation->threshold, 0.94);
  EXPECT_EQ(draft.features.at(0).counts.size(), 4U);
  EXPECT_EQ(referenced_blobs(draft), (std::vector<std::string>{model_digest, data_digest}));
}

// Under another name than devices and checks know the format by, nobody would look at the file.
TEST(Release, AFormatIsWrittenInSmallLetters) {
  Json release = document();
  release["variants"][0]["format"] = "ONNX";
  EXPECT_EQ(complaint(release), "field 'variants[0].format' is written in small letters, such as onnx");
}

TEST(Release, AMetricMayBeAProgramOfTheDevicesOwner) {
  Json release = document();
  release["validation"]["metric"] = "exec-own";
  release["validation"]["direction"] = "lower";
  EXPECT_FALSE(parse_release(release.dump()).value().validation->higher_is_better);
}

wire::ReleaseSignature signature_of(const std::string& version, const std::string& file_digest) {
  signing::ReleaseStatement said;
  said.model = "digits";
  said.version = version;
  said.sequence = 7;
  const SigningKey key{make_signing_key("").value(), ""};
  return signing::sign_release(said, {{{"model.onnx", "onnx", 5}, Digest::parse(file_digest).value()}}, key).value();
}

TEST(Release, ASignatureIsOfThisReleaseAndAllItsVariants) {
  const wire::ReleaseSignature signature = signature_of("1.1", model_digest);
  Json json = document();
  json["signature"] = {{"statement", signature.statement}, {"bundle", signature.bundle}};
  ReleaseDraft draft = parse_release(json.dump()).value();
  ASSERT_EQ(draft.signature, signature);
  ASSERT_TRUE(fill_sizes(draft, {{model_digest, 5}, {data_digest, 6}}));
  EXPECT_TRUE(check_signature(draft, "digits"));
  EXPECT_EQ(check_signature(draft, "letters").error().code, Errc::signature_release);
  draft.signature = signature_of("1.0", model_digest);
  EXPECT_EQ(check_signature(draft, "digits").error().code, Errc::signature_release);
  draft.signature = signature_of("1.1", data_digest);
  EXPECT_EQ(check_signature(draft, "digits").error().code, Errc::signature_digest);
  draft.signature = wire::ReleaseSignature{signature.statement, "{}", {}};
  EXPECT_EQ(check_signature(draft, "digits").error().code, Errc::signature_malformed);
  json["signature"].erase("bundle");
  EXPECT_EQ(complaint(json), "field 'signature.bundle' is missing");
  json["signature"]["bundle"] = std::string(wire::max_bundle_bytes + 1, ' ');
  EXPECT_NE(complaint(json), "parsed");
}

TEST(Release, TheDirectionFollowsTheMetricAndMayNotContradictIt) {
  const auto with = [](const Json& validation) {
    Json json = document();
    json["validation"] = validation;
    return parse_release(json.dump());
  };
  EXPECT_FALSE(with({{"metric", "mae"}, {"threshold", 0.5}})->validation->higher_is_better);
  EXPECT_TRUE(with({{"metric", "cosine"}, {"threshold", 0.5}})->validation->higher_is_better);
  EXPECT_NE(with({{"metric", "mae"}, {"threshold", 0.5}, {"direction", "higher"}})
                .error()
                .message.find("of mae lower is better, and the direction is higher"),
            std::string::npos);
  EXPECT_NE(with({{"metric", "recall"}}).error().message.find("metric 'recall' is unknown"), std::string::npos);
  EXPECT_NE(with({{"metric", "mse"}}).error().message.find("threshold' is needed where lower values are better"),
            std::string::npos);
}

TEST(Release, MayBeHeldAgainstTheServingVersion) {
  Json json = document();
  json["validation"]["max_loss"] = 0.01;
  json["validation"]["max_latency_ratio"] = 1.5;
  const auto draft = parse_release(json.dump());
  ASSERT_TRUE(draft) << draft.error().message;
  EXPECT_EQ(draft->validation->max_loss, 0.01);
  EXPECT_EQ(draft->validation->max_latency_ratio, 1.5);
  EXPECT_EQ(validation_from_json(validation_to_json(draft->validation)).value(), draft->validation);
  json["validation"]["max_loss"] = -0.01;
  EXPECT_EQ(parse_release(json.dump()).error().message, "field 'validation.max_loss' must be 0 or more");
}

TEST(Release, ValidationKeptBeforeThereWereRelativeThresholdsIsRead) {
  const auto kept = validation_from_json(R"({"dataset": null, "metric": "accuracy", "direction": "higher",
      "threshold": 0.9, "max_latency_ms": null, "max_memory_mb": 512, "timeout_s": 60})");
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ((*kept)->max_loss, std::nullopt);
}

TEST(Release, ValidationAndReferenceAreOptional) {
  Json json = document();
  json.erase("validation");
  json.erase("reference");
  const ReleaseDraft draft = parse_release(json.dump()).value();
  EXPECT_FALSE(draft.validation);
  EXPECT_TRUE(draft.features.empty());
}

TEST(Release, AMistypedKeyIsAnErrorThatNamesIt) {
  Json json = document();
  json["validation"]["treshold"] = 0.9;
  EXPECT_EQ(parse_release(json.dump()).error().code, Errc::unknown_key);
  json = document();
  json["variants"][0]["selector"]["colour"] = "red";
  EXPECT_EQ(
      complaint(json),
      "field 'variants[0].selector.colour' is not known here; known are: accelerator, architecture, "
      "cores, cpu, cuda, cudnn, edgetpu, hailort, hardware_class, ir, jetpack, kernel, l4t, memory_mb, min_memory_mb, "
      "nvidia_driver, onnxruntime, openvino, opset, part, precision, runtime, tensorrt, tflite");
}

TEST(Release, WrongValuesAreNamed) {
  const auto with = [](const char* pointer, Json value) {
    Json json = document();
    json[Json::json_pointer(pointer)] = std::move(value);
    return complaint(json);
  };
  EXPECT_EQ(with("/version", "1 1"), "field 'version' must match [A-Za-z0-9_.+-]{1,64} and not begin with a dot");
  EXPECT_EQ(with("/variants", Json::array()), "field 'variants' must hold at least one variant");
  EXPECT_EQ(with("/variants/0/digest", std::string(64, 'A')),
            "field 'variants[0].digest' must be a lower-case hex SHA-256");
  EXPECT_EQ(with("/variants/1", document()["variants"][0]), "field 'variants' must have different names");
  EXPECT_EQ(with("/validation/direction", "up"), "field 'validation.direction' must be higher or lower");
  EXPECT_EQ(with("/reference/features/0/edges", {2, 1}), "field 'reference.features[0].edges' must ascend");
  EXPECT_EQ(with("/reference/features/0/counts", {1, 2}),
            "field 'reference.features[0].counts' must hold two more numbers than edges: under the first, over the "
            "last, and NaN");
}

TEST(Release, AReferenceThatWillNotDoIsRefusedWithTheNumberNeeded) {
  const auto with = [](const Json& counts) {
    Json json = document();
    json["reference"]["features"][0]["counts"] = counts;
    return complaint(json);
  };
  EXPECT_EQ(with({0, 0, 0, 0}),
            "field 'reference.features[0].counts' of \"sharpness\" has no samples: give the counts of a sample of the "
            "training data");
  EXPECT_EQ(
      with({0, 2, 1, 0}),
      "field 'reference.features[0].counts' of \"sharpness\" has 3 samples in 2 bins, and needs 30: give a larger "
      "sample");
  EXPECT_EQ(with(Json::array()), "parsed") << "bins alone";
  EXPECT_EQ(reference_from_json(R"({"features": [{"name": "x", "edges": [1], "counts": [0, 0, 0]}]})").value().size(),
            1u)
      << "one that lies there is read";
}

TEST(Release, HasTheContractThatItsReferenceMakesAndWhatThePublisherSays) {
  const auto made = parse_release(document().dump()).value().contract;
  ASSERT_EQ(made.features.size(), 1u);
  EXPECT_EQ(made.features[0], (FeatureContract{"sharpness", 0, 2, 4.0 / 64 + 0.05, true}));
  Json json = document();
  json["contract"] = {{"features", Json::array({{{"name", "sharpness"}, {"least", 0.25}, {"most", 1}}})},
                      {"per_minute", {{"least", 30}}}};
  const auto given = parse_release(json.dump()).value().contract;
  EXPECT_EQ(given.features[0], (FeatureContract{"sharpness", 0.25, 1, 0, true}));
  EXPECT_EQ(given.least_per_minute, 30);
  EXPECT_EQ(wire::contract_from_json(wire::contract_to_json(given).dump()).value(), given);
  json["contract"]["features"][0]["name"] = "blur";
  EXPECT_EQ(complaint(json), "field 'contract' must name features of the reference alone");
  json["contract"]["features"][0] = {{"name", "sharpness"}, {"least", 2}, {"most", 1}};
  EXPECT_EQ(complaint(json), "field 'contract.features[0].most' must not be under `least`");
}

TEST(Release, TheStoredFormsReadBackTheSame) {
  ReleaseDraft draft = parse_release(document().dump()).value();
  ASSERT_TRUE(fill_sizes(draft, {{model_digest, 10}, {data_digest, 20}}));
  EXPECT_EQ(validation_from_json(validation_to_json(draft.validation)).value(), draft.validation);
  EXPECT_EQ(reference_from_json(reference_to_json(draft.features)).value(), draft.features);
  EXPECT_EQ(selector_from_json(wire::encode(draft.variants[0].selector)).value(), draft.variants[0].selector);
  EXPECT_EQ(validation_from_json("{}").value(), std::nullopt);
  EXPECT_TRUE(reference_from_json("{}").value().empty());
}

TEST(Release, AMissingBlobIsNamedWithTheRemedy) {
  ReleaseDraft draft = parse_release(document().dump()).value();
  const auto filled = fill_sizes(draft, {{model_digest, 10}});
  EXPECT_EQ(filled.error().code, Errc::not_found);
  EXPECT_EQ(filled.error().message,
            "validation.dataset: there is no blob " + data_digest + "; PUT /api/v1/blobs/" + data_digest + " first");
}

}  // namespace
}  // namespace argosy::server
