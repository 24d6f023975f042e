#include "common/wire/desired.hpp"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace argosy::wire {
namespace {

std::string golden(const std::string& name) {
  std::ifstream file(std::string(ARGOSY_GOLDEN) + "/" + name);
  std::stringstream text;
  text << file.rdbuf();
  std::string content = text.str();
  while (content.ends_with('\n')) content.pop_back();
  return content;
}

Desired whole() {
  DesiredModel model;
  model.model = "digits";
  model.version = "1.1.0-rc.1+build";
  model.rollout = 3;
  model.attempt = 2;
  model.format = "onnx";
  model.artifact = {std::string(64, 'a'), 123456};
  model.patches = {{std::string(64, 'b'), "bsdiff", {std::string(64, 'c'), 2345}, {}}};
  model.validation.dataset = BlobRef{std::string(64, 'd'), 77};
  model.validation.threshold = 0.94;
  model.validation.max_latency_ms = 5.5;
  model.validation.max_loss = 0.01;
  model.validation.max_latency_ratio = 1.5;
  model.probation.max_latency_ratio = 1.5;
  model.probation.max_error_rate = 0.02;
  model.features = {{"sharpness", {0.5, 1.5}, {1, 2, 3, 0}}, {"brightness", {0.25}, {}}};
  model.signature = ReleaseSignature{R"({"v":1,"model":"digits"})", R"({"mediaType":"m"})", {"a key set"}};
  return {"cam-7", 812, {model}};
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const auto at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return at == std::string::npos ? text : text.replace(at, what.size(), with);
}

TEST(Desired, BytesStayAsTheyAre) {
  EXPECT_EQ(encode(whole()), golden("desired.json"));
}

TEST(Desired, WhatIsWrittenIsRead) {
  const auto decoded = decode_desired(encode(whole()));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(*decoded, whole());
  EXPECT_EQ(*decode_desired(encode(Desired{"cam-7", 0, {}})), (Desired{"cam-7", 0, {}}));
}

Desired with_parts(std::vector<PartOffer> parts) {
  Desired desired{"cam-7", 812, {whole().models.front()}};
  desired.models.front().parts = std::move(parts);
  return desired;
}

TEST(Desired, PartsStandInTheseBytes) {
  const BlobRef weights{std::string(64, 'e'), 9};
  const PatchOffer patch{std::string(64, 'f'), "tensor", {std::string(64, '0'), 3}, {}};
  const Desired desired = with_parts({{"labels.txt", weights, {}}, {"model.onnx.data", weights, {patch}}});
  EXPECT_EQ(encode(desired), golden("desired_of_several_files.json"));
  EXPECT_EQ(decode_desired(encode(desired)).value(), desired);
}

TEST(Desired, NamesOfPartsThatCouldLeaveTheirFolderOrHideAFileAreRefused) {
  const BlobRef blob{std::string(64, 'e'), 9};
  for (const char* name :
       {"", ".", "..", "../labels.txt", "a/b", "a\\b", ".hidden", "release.json", "Release.JSON", "calibration.json",
        "wish.json", "model.onnx", "MODEL.ONNX", "labels.tmp", "lab els.txt", "labels\n"})
    EXPECT_FALSE(decode_desired(encode(with_parts({{name, blob, {}}})))) << name;
  EXPECT_FALSE(decode_desired(encode(with_parts({{std::string(129, 'a'), blob, {}}}))));
  EXPECT_FALSE(decode_desired(encode(with_parts({{"labels.txt", blob, {}}, {"Labels.txt", blob, {}}}))));
  EXPECT_FALSE(decode_desired(encode(with_parts(std::vector<PartOffer>(33, {"labels.txt", blob, {}})))));
  for (const char* name : {"model.onnx.data", "model.onnx_data", "labels.txt", "vocab-1.2+x.json", "model.tflite"})
    EXPECT_TRUE(decode_desired(encode(with_parts({{name, blob, {}}})))) << name;
}

TEST(Desired, AShadowRunIsAskedForInTheseBytes) {
  Desired desired{"cam-7", 812, {whole().models.front()}};
  desired.models.front().shadow = ShadowSpec{.samples = 400, .max_s = 900, .required = true};
  EXPECT_NE(encode(desired).find(golden("shadow_spec.json")), std::string::npos);
  EXPECT_EQ(*decode_desired(encode(desired)), desired);
  for (const auto& [good, wrong] : {std::pair{R"("samples":400)", R"("samples":0)"},
                                    {R"("samples":400)", R"("samples":1000001)"},
                                    {R"("max_s":900)", R"("max_s":0)"},
                                    {R"("max_s":900)", R"("max_s":86401)"}}) {
    const auto decoded = decode_desired(replaced(encode(desired), good, wrong));
    ASSERT_FALSE(decoded) << wrong;
    EXPECT_NE(decoded.error().message.find("models[0].shadow."), std::string::npos) << decoded.error().message;
  }
}

TEST(Desired, AStepOnTheWayNamesItsResult) {
  Desired desired = whole();
  desired.models.front().patches.front().result = BlobRef{std::string(64, 'e'), 99};
  EXPECT_EQ(*decode_desired(encode(desired)), desired);
}

TEST(Desired, OneModelAloneIsReadToo) {
  const DesiredModel model = whole().models.front();
  EXPECT_EQ(*decode_desired_model(encode(model)), model);
}

TEST(Desired, AReleaseWithoutASignatureSaysNothingOfOne) {
  Desired desired = whole();
  desired.models.front().signature.reset();
  EXPECT_EQ(encode(desired).find("signature"), std::string::npos);
  EXPECT_EQ(*decode_desired(encode(desired)), desired);
}

TEST(Desired, ASignatureMayBeLongerThanOtherTextsButNotEndless) {
  Desired desired = whole();
  desired.models.front().signature->bundle = std::string(max_bundle_bytes, 'x');
  EXPECT_EQ(*decode_desired(encode(desired)), desired);
  desired.models.front().signature->bundle += 'x';
  EXPECT_NE(decode_desired(encode(desired)).error().message.find("models[0].signature.bundle"), std::string::npos);
}

TEST(Desired, AnOlderServerHoldsNothingAgainstTheServingVersion) {
  Desired desired = whole();
  const std::string older = replaced(encode(desired), "\"max_latency_ratio\":1.5,\"max_loss\":0.01,", "");
  desired.models.front().validation.max_loss.reset();
  desired.models.front().validation.max_latency_ratio.reset();
  EXPECT_EQ(*decode_desired(older), desired);
  EXPECT_EQ(encode(desired), older);
}

TEST(Desired, UnknownFieldsOfANewerServerAreLetThrough) {
  const std::string newer = replaced(encode(whole()), "\"rev\":", "\"colour\":\"red\",\"rev\":");
  EXPECT_EQ(*decode_desired(newer), whole());
}

TEST(Desired, NewerProtocolIsRefused) {
  const auto decoded = decode_desired(replaced(encode(whole()), "\"v\":1", "\"v\":2"));
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, Errc::incompatible);
}

TEST(Desired, ErrorNamesThePathOfTheWrongField) {
  const std::string good = encode(whole());
  const std::pair<std::string, std::string> cases[] = {
      {replaced(good, "\"size\":123456", "\"size\":-1"), "models[0].artifact.size"},
      {replaced(good, "\"size\":123456", "\"size\":1.5"), "models[0].artifact.size"},
      {replaced(good, "\"size\":123456", "\"size\":9007199254740993"), "models[0].artifact.size"},
      {replaced(good, std::string(64, 'c'), std::string(64, 'C')), "models[0].patches[0].blob.digest"},
      {replaced(good, std::string(64, 'a'), "../../etc/passwd"), "models[0].artifact.digest"},
      {replaced(good, "\"model\":\"digits\"", "\"model\":\"../x\""), "models[0].model"},
      {replaced(good, "\"version\":\"1.1.0-rc.1+build\"", "\"version\":\"a/b\""), "models[0].version"},
      {replaced(good, "\"direction\":\"higher\"", "\"direction\":\"up\""), "models[0].validation.direction"},
      {replaced(good, "[0.5,1.5]", "[1.5,0.5]"), "models[0].features[0].edges"},
      {replaced(good, "[1,2,3,0]", "[1,2,3]"), "models[0].features[0].counts"},
      {replaced(good, "\"format\":\"onnx\"", "\"format\":\"o/x\""), "models[0].format"},
      {replaced(good, "\"rev\":812", "\"rev\":\"812\""), "rev"},
      {replaced(good, "\"device\":\"cam-7\"", "\"device\":\"cam 7\""), "device"},
  };
  for (const auto& [text, path] : cases) {
    const auto decoded = decode_desired(text);
    ASSERT_FALSE(decoded) << path;
    EXPECT_EQ(decoded.error().code, Errc::malformed_json);
    EXPECT_NE(decoded.error().message.find("'" + path + "' "), std::string::npos) << decoded.error().message;
  }
}

TEST(Desired, NoTruncationIsRead) {
  const std::string text = encode(whole());
  for (std::size_t size = 0; size < text.size(); ++size) EXPECT_FALSE(decode_desired(text.substr(0, size))) << size;
}

TEST(Desired, LimitsHold) {
  EXPECT_EQ(decode_desired(std::string((1 << 20) + 1, ' ')).error().code, Errc::too_large);
  EXPECT_FALSE(decode_desired(std::string(1 << 15, '[')));
  Desired many = whole();
  many.models.resize(65, many.models.front());
  EXPECT_FALSE(decode_desired(encode(many)));
}

}  // namespace
}  // namespace argosy::wire
