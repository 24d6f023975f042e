#include "common/signing/release_signature.hpp"

#include <gtest/gtest.h>

#include "tests/unit/common/signing/signed_release.hpp"

namespace argosy::signing {
namespace {

const SigningKey& publisher() {
  static const SigningKey key{make_signing_key("").value(), ""};
  return key;
}

TrustedKeys trusted() {
  return TrustedKeys::of({public_half(publisher()).value()}).value();
}

const Instant today = instant_from_ms(1'800'000'000'000);
constexpr const char* bytes = "a model";

ReleaseStatement statement() {
  ReleaseStatement said;
  said.model = "digits";
  said.version = "1.1";
  said.sequence = 7;
  return said;
}

wire::ReleaseSignature signature_of(const ReleaseStatement& said, const SigningKey& key = publisher()) {
  return sign_release(said, {{{"digits.onnx", "onnx", 7, {}}, sha256(as_bytes(bytes))}}, key).value();
}

wire::DesiredModel wish(std::optional<wire::ReleaseSignature> signature) {
  wire::DesiredModel model;
  model.model = "digits";
  model.version = "1.1";
  model.format = "onnx";
  model.artifact = {sha256(as_bytes(bytes)).to_hex(), 7};
  model.signature = std::move(signature);
  return model;
}

Errc refusal(const wire::DesiredModel& wish, Instant now = today) {
  const auto checked = check_wish(wish, trusted(), {}, now);
  return checked ? Errc::internal : checked.error().code;
}

TEST(ReleaseSignature, OfThisReleaseIsTaken) {
  const auto checked = check_wish(wish(signature_of(statement())), trusted(), {}, today);
  ASSERT_TRUE(checked) << checked.error().message;
  EXPECT_EQ(checked->sequence, 7U);
}

TEST(ReleaseSignature, WhatTheReferenceSignedIsTakenToo) {
  const wire::ReleaseSignature signature{
      test::golden("release/argosy-release.json"), test::golden("reference.sig"), {}};
  wire::DesiredModel model = wish(signature);
  const std::string file = test::golden("release/digits.onnx");
  model.artifact = {sha256(as_bytes(file)).to_hex(), file.size()};
  const auto checked = check_wish(model, TrustedKeys::of({test::golden("publisher.key.pub")}).value(), {}, today);
  ASSERT_TRUE(checked) << checked.error().message;
  EXPECT_EQ(checked->sequence, 7U);
}

TEST(ReleaseSignature, EachRefusalHasACauseOfItsOwn) {
  const wire::ReleaseSignature good = signature_of(statement());
  EXPECT_EQ(refusal(wish(std::nullopt)), Errc::signature_missing);
  EXPECT_EQ(refusal(wish(wire::ReleaseSignature{good.statement, "{}", {}})), Errc::signature_malformed);
  const SigningKey stranger{make_signing_key("").value(), ""};
  EXPECT_EQ(refusal(wish(signature_of(statement(), stranger))), Errc::signature_key);

  auto forged = good;
  forged.bundle = test::resealed(good.bundle, "\"allow_symlinks\":false", "\"allow_symlinks\":true");
  EXPECT_EQ(refusal(wish(forged)), Errc::signature_invalid);

  auto other_statement = good;
  other_statement.statement = test::replaced(good.statement, "\"sequence\":7", "\"sequence\":9");
  EXPECT_EQ(refusal(wish(other_statement)), Errc::signature_digest);

  wire::DesiredModel other_file = wish(good);
  other_file.artifact.digest = sha256(as_bytes("a foreign model")).to_hex();
  EXPECT_EQ(refusal(other_file), Errc::signature_digest);
  wire::DesiredModel other_format = wish(good);
  other_format.format = "tflite";
  EXPECT_EQ(refusal(other_format), Errc::signature_digest) << "a format that the runner does not know is not measured";
  wire::DesiredModel other_size = wish(good);
  other_size.artifact.size = 8;
  EXPECT_EQ(refusal(other_size), Errc::signature_digest);

  wire::DesiredModel other_version = wish(good);
  other_version.version = "1.2";
  EXPECT_EQ(refusal(other_version), Errc::signature_release);
  wire::DesiredModel other_model = wish(good);
  other_model.model = "letters";
  EXPECT_EQ(refusal(other_model), Errc::signature_release);

  ReleaseStatement expiring = statement();
  expiring.expires_at = today;
  EXPECT_EQ(refusal(wish(signature_of(expiring)), today), Errc::signature_expired);
  EXPECT_EQ(refusal(wish(signature_of(expiring)), today - std::chrono::seconds(1)), Errc::internal);
}

wire::ValidationSpec validation() {
  wire::ValidationSpec spec;
  spec.dataset = wire::BlobRef{std::string(64, 'd'), 77};
  spec.threshold = 0.9;
  return spec;
}

wire::ReleaseSignature signature_of_several(ReleaseStatement said = statement()) {
  const ReleaseFile file{"digits.onnx", "onnx", 7, {}, {{"labels.txt", "fp32/labels.txt", 3}}};
  return sign_release(std::move(said), {{file, sha256(as_bytes(bytes)), {sha256(as_bytes("cat"))}}}, publisher())
      .value();
}

wire::DesiredModel with_part(wire::DesiredModel model, const std::string& name, const std::string& content) {
  model.parts.push_back({name, {sha256(as_bytes(content)).to_hex(), content.size()}, {}});
  return model;
}

TEST(ReleaseSignature, IsOfEveryFileThatComesBesideTheModelAndOfNoOther) {
  const auto several = signature_of_several();
  EXPECT_EQ(refusal(with_part(wish(several), "labels.txt", "cat")), Errc::internal) << "is taken";
  EXPECT_EQ(refusal(wish(several)), Errc::signature_digest) << "one is missing";
  EXPECT_EQ(refusal(with_part(wish(several), "labels.txt", "dog")), Errc::signature_digest);
  EXPECT_EQ(refusal(with_part(wish(several), "names.txt", "cat")), Errc::signature_digest);
  EXPECT_EQ(refusal(with_part(with_part(wish(several), "labels.txt", "cat"), "more.txt", "cat")),
            Errc::signature_digest);
  EXPECT_EQ(refusal(with_part(wish(signature_of(statement())), "labels.txt", "cat")), Errc::signature_digest)
      << "signed when releases were of one file";
}

TEST(ReleaseSignature, BindsHowItIsValidatedWhereItSaysSo) {
  ReleaseStatement said = statement();
  said.validation = validation();
  wire::DesiredModel model = wish(signature_of(said));
  EXPECT_EQ(refusal(model), Errc::signature_validation);
  model.validation = *said.validation;
  EXPECT_EQ(refusal(model), Errc::internal) << "is taken";
  model.validation.threshold = 0.1;
  EXPECT_EQ(refusal(model), Errc::signature_validation);
  model.validation = *said.validation;
  model.validation.dataset->digest = std::string(64, 'e');
  EXPECT_EQ(refusal(model), Errc::signature_validation);
  model.signature = signature_of(statement());
  EXPECT_EQ(refusal(model), Errc::internal) << "the publisher left it open";
}

TEST(ReleaseStatement, SeveralFilesAndTheValidationStandInTheseBytes) {
  ReleaseStatement said = statement();
  said.validation = validation();
  EXPECT_EQ(signature_of_several(said).statement, test::golden("statement_of_several_files.json"));
  EXPECT_EQ(decode_statement(signature_of_several(said).statement)->files.front().parts.size(), 1U);
}

TEST(ReleaseStatement, APartOfAnImpossibleNameIsRefused) {
  const std::string good = signature_of_several().statement;
  EXPECT_FALSE(decode_statement(test::replaced(good, "\"name\":\"labels.txt\"", "\"name\":\"../labels.txt\"")));
}

TEST(ReleaseSignature, ASequenceNeverFallsUnlessItsPublisherSaysSo) {
  ReleaseStatement said = statement();
  EXPECT_TRUE(check_sequence(said, {}));
  EXPECT_TRUE(check_sequence(said, {6, "1.0"}));
  EXPECT_TRUE(check_sequence(said, {7, "1.1"})) << "the same again";
  EXPECT_EQ(check_sequence(said, {7, "1.0"}).error().code, Errc::signature_sequence) << "two with one sequence";
  EXPECT_EQ(check_sequence(said, {8, "1.2"}).error().code, Errc::signature_sequence);
  said.allow_downgrade_from = 8;
  EXPECT_TRUE(check_sequence(said, {8, "1.2"}));
  EXPECT_EQ(check_sequence(said, {9, "1.3"}).error().code, Errc::signature_sequence);
}

TEST(ReleaseSignature, TheHighestSequenceStaysThroughAPermittedWayBack) {
  ReleaseStatement said = statement();
  EXPECT_EQ(after({}, said), (Seen{7, "1.1"}));
  EXPECT_EQ(after({6, "1.0"}, said), (Seen{7, "1.1"}));
  EXPECT_EQ(after({9, "1.3"}, said), (Seen{9, "1.3"}));
}

TEST(ReleaseStatement, WhatIsWrittenIsRead) {
  ReleaseStatement said = statement();
  said.files = {{"a.onnx", "onnx", 5}, {"b.tflite", "tflite", 6}};
  said.expires_at = today;
  said.allow_downgrade_from = 9;
  EXPECT_EQ(decode_statement(encode(said)).value(), said);
}

TEST(ReleaseStatement, AWrongFieldIsNamed) {
  ReleaseStatement said = statement();
  EXPECT_FALSE(decode_statement(encode(said))) << "no files";
  said.files = {{"a.onnx", "onnx", 5}};
  const std::string good = encode(said);
  for (const auto& [what, with] : {std::pair{"\"sequence\":7", "\"sequence\":-7"},
                                   {"\"sequence\":7", "\"sequence\":\"7\""},
                                   {"\"v\":1", "\"v\":2"},
                                   {"\"v\":1", "\"w\":1"},
                                   {"\"model\":\"digits\"", "\"model\":\"../digits\""},
                                   {"\"format\":\"onnx\"", "\"format\":\"o/x\""}}) {
    const auto read = decode_statement(test::replaced(good, what, with));
    ASSERT_FALSE(read) << with;
    EXPECT_EQ(read.error().code, Errc::signature_malformed);
  }
}

}  // namespace
}  // namespace argosy::signing
