// Somebody else has the server: its database, its blobs, its broker. What they wish for is downloaded by a real updater
// with real files and real keys, and refused with a cause of its own, while the old model serves on.
#include <gtest/gtest.h>

#include "common/signing/key_set.hpp"
#include "common/signing/release_signature.hpp"
#include "tests/unit/agent/update/update_bench.hpp"

namespace argosy::agent {
namespace {

using test::Bench;

SigningKey new_key() {
  return {make_signing_key("").value(), ""};
}

class StolenServer : public testing::Test {
 protected:
  StolenServer() { bench_.install(signed_wish("1.1", "model one", 1, 10)); }

  TrustPolicy policy() const {
    wire::Capabilities capabilities;
    capabilities.precisions = {"fp32", "int8"};
    return {signing::TrustedKeys::of({public_half(publisher_).value()}).value(), true, {capabilities, "cpu-fp32"}};
  }
  wire::ReleaseSignature signature(const wire::DesiredModel& of, std::uint64_t sequence, const SigningKey& key) const {
    signing::ReleaseStatement said;
    said.model = of.model;
    said.version = of.version;
    said.sequence = sequence;
    said.allow_downgrade_from = allow_downgrade_from_;
    said.expires_at = expires_at_;
    const auto digest = Digest::parse(of.artifact.digest).value();
    return signing::sign_release(said, {{{"model.onnx", of.format, of.artifact.size, selector_}, digest}}, key).value();
  }
  wire::DesiredModel signed_wish(const std::string& version, const std::string& bytes, std::int64_t rollout,
                                 std::uint64_t sequence) {
    wire::DesiredModel wish = bench_.wish(version, bytes, rollout);
    wish.signature = signature(wish, sequence, publisher_);
    return wish;
  }
  void expect_refused(const wire::DesiredModel& wish, const std::string& cause) {
    bench_.install(wish);
    EXPECT_EQ(bench_.phase(), Phase::rejected);
    EXPECT_EQ(bench_.updater().report().update->cause, cause) << bench_.updater().state().message;
    EXPECT_EQ(bench_.served(), "model one");
    bench_.start();  // nor does a restart bring it in
    bench_.run();
    EXPECT_EQ(bench_.phase(), Phase::rejected);
    EXPECT_EQ(bench_.served(), "model one");
  }

  SigningKey publisher_ = new_key();
  std::optional<std::uint64_t> allow_downgrade_from_;
  std::optional<Instant> expires_at_;
  wire::Selector selector_;
  Bench bench_{policy()};
};

TEST_F(StolenServer, ServesWhatThePublisherSigned) {
  EXPECT_EQ(bench_.phase(), Phase::committed) << bench_.updater().state().message;
  bench_.install(signed_wish("1.2", "model two", 2, 11));
  EXPECT_EQ(bench_.served(), "model two") << bench_.updater().state().message;
}

TEST_F(StolenServer, AModelWithoutASignatureIsRefused) {
  expect_refused(bench_.wish("1.2", "a foreign model", 2), "signature_missing");
}

TEST_F(StolenServer, AFileThatNobodySignedIsRefusedBesideAGenuineModel) {
  wire::DesiredModel wish = signed_wish("1.2", "model two", 2, 11);
  bench_.publish("a foreign tokenizer");
  wish.parts.push_back({"tokenizer.json", test::blob_of("a foreign tokenizer"), {}});
  expect_refused(wish, "signature_digest");
}

TEST_F(StolenServer, AMilderValidationThanThePublisherMeantIsRefused) {
  wire::DesiredModel wish = signed_wish("1.2", "model two", 2, 11);
  signing::ReleaseStatement said = signing::decode_statement(wish.signature->statement).value();
  said.validation = wish.validation;
  const signing::SignedFile file{said.files.front(), Digest::parse(wish.artifact.digest).value()};
  wish.signature = signing::sign_release(said, {file}, publisher_).value();
  const auto milder = [&] {
    wire::DesiredModel changed = wish;
    changed.validation.threshold = 0.1;
    return changed;
  }();
  expect_refused(milder, "signature_validation");
  wish.attempt = 2;
  bench_.install(wish);
  EXPECT_EQ(bench_.served(), "model two") << bench_.updater().state().message;
}

TEST_F(StolenServer, AStrangersSignatureIsRefused) {
  wire::DesiredModel wish = bench_.wish("1.2", "a foreign model", 2);
  wish.signature = signature(wish, 11, new_key());
  expect_refused(wish, "signature_key");
}

TEST_F(StolenServer, AStrangersSignatureUnderThePublishersHintIsRefused) {
  wire::DesiredModel wish = bench_.wish("1.2", "a foreign model", 2);
  const SigningKey stranger = new_key();
  wish.signature = signature(wish, 11, stranger);
  const std::string theirs = signing::hint_of(public_half(stranger).value());
  const std::string ours = signing::hint_of(public_half(publisher_).value());
  wish.signature->bundle.replace(wish.signature->bundle.find(theirs), theirs.size(), ours);
  expect_refused(wish, "signature_invalid");
}

TEST_F(StolenServer, ASignatureOfAnotherFileIsRefused) {
  wire::DesiredModel wish = bench_.wish("1.2", "a foreign model", 2);
  wish.signature = signed_wish("1.2", "model two", 2, 11).signature;
  expect_refused(wish, "signature_digest");
}

TEST_F(StolenServer, ASignatureOfAnotherVersionIsRefused) {
  wire::DesiredModel wish = signed_wish("1.2", "model two", 2, 11);
  wish.version = "1.3";
  expect_refused(wish, "signature_release");
}

TEST_F(StolenServer, ASignatureOfAnotherModelIsRefused) {
  wire::DesiredModel other = bench_.wish("1.2", "model two", 2);
  other.model = "letters";
  wire::DesiredModel wish = bench_.wish("1.2", "model two", 2);
  wish.signature = signature(other, 11, publisher_);
  expect_refused(wish, "signature_release");
}

TEST_F(StolenServer, AnOlderReleasePlayedAgainIsRefusedAlsoAfterARestart) {
  const wire::DesiredModel older = signed_wish("1.0", "model zero", 2, 9);
  bench_.start();
  expect_refused(older, "signature_sequence");
}

TEST_F(StolenServer, WhatWasSeenAndDidNotStayCountsAsSeen) {
  bench_.answer_with(0.1);
  bench_.install(signed_wish("1.2", "model two", 2, 12));
  EXPECT_EQ(bench_.updater().report().update->cause, "validate_rejected");
  bench_.answer_with(0.95);
  expect_refused(signed_wish("1.1.1", "model in between", 3, 11), "signature_sequence");
}

TEST_F(StolenServer, ADamagedRecordOfWhatWasSeenLetsNothingIn) {
  ASSERT_TRUE(write_file_atomically(bench_.storage().seen("digits"), "{}"));
  expect_refused(signed_wish("1.2", "model two", 2, 11), "signature_sequence");
}

TEST_F(StolenServer, AnExpiredReleaseIsRefused) {
  expires_at_ = instant_from_ms(1'600'000'000'000);
  expect_refused(signed_wish("1.2", "model two", 2, 11), "signature_expired");
}

TEST_F(StolenServer, AVariantForOtherDevicesIsRefused) {
  selector_.precision = "int8";
  selector_.hardware_class = "orin-nano";
  expect_refused(signed_wish("1.2", "model two", 2, 11), "signature_selector");
  EXPECT_NE(bench_.updater().state().message.find("needs the hardware class orin-nano, the device offers cpu-fp32"),
            std::string::npos)
      << bench_.updater().state().message;
  selector_.hardware_class = "cpu-fp32";
  bench_.install(signed_wish("1.3", "model three", 3, 12));
  EXPECT_EQ(bench_.served(), "model three") << bench_.updater().state().message;
}

TEST_F(StolenServer, ARangeCountsAsFarAsTheDeviceTells) {
  selector_.ranges.emplace("tflite", VersionRange::parse(">=2.10").value());
  bench_.install(signed_wish("1.2", "model two", 2, 11));
  EXPECT_EQ(bench_.served(), "model two") << "a runtime that was not at work since the start is no reason";
}

TEST_F(StolenServer, ABundleThatIsNoneIsRefused) {
  wire::DesiredModel wish = bench_.wish("1.2", "a foreign model", 2);
  wish.signature = wire::ReleaseSignature{"{}", "{}", {}};
  expect_refused(wish, "signature_malformed");
}

TEST_F(StolenServer, ThePublisherMayAllowTheWayBack) {
  allow_downgrade_from_ = 10;
  bench_.install(signed_wish("1.0", "model zero", 2, 9));
  EXPECT_EQ(bench_.served(), "model zero") << bench_.updater().state().message;
  allow_downgrade_from_.reset();
  bench_.install(signed_wish("0.9", "model minus one", 3, 9));
  EXPECT_EQ(bench_.updater().report().update->cause, "signature_sequence") << "the highest stays";
}

TEST_F(StolenServer, GoingBackOnThisDeviceNeedsNobodysLeave) {
  expires_at_ = instant_from_ms(1'700'000'060'000);
  bench_.install(signed_wish("1.2", "model two", 2, 11));
  ASSERT_EQ(bench_.served(), "model two") << bench_.updater().state().message;
  bench_.let_time_pass(std::chrono::hours(24));
  bench_.install(signed_wish("1.1", "model one", 3, 10));
  EXPECT_EQ(bench_.served(), "model one") << "the version before was proven here";
  bench_.install(signed_wish("1.2", "model two", 4, 11));
  EXPECT_EQ(bench_.served(), "model two") << "expired, but proven here too";
}

TEST_F(StolenServer, TheOldKeyAppointsTheNextAndIsThenNoLongerTrusted) {
  const SigningKey next = new_key();
  const auto key_set = signing::make_key_set({1, {public_half(next).value()}}, publisher_).value();
  wire::DesiredModel wish = bench_.wish("1.2", "model two", 2);
  wish.signature = signature(wish, 11, next);
  wish.signature->key_sets = {key_set};
  bench_.install(wish);
  EXPECT_EQ(bench_.served(), "model two") << bench_.updater().state().message;

  bench_.start();  // what was appointed is kept
  wire::DesiredModel later = bench_.wish("1.3", "model three", 3);
  later.signature = signature(later, 12, next);
  bench_.install(later);
  EXPECT_EQ(bench_.served(), "model three") << bench_.updater().state().message;
  bench_.install(signed_wish("1.4", "model four", 4, 13));
  EXPECT_EQ(bench_.updater().report().update->cause, "signature_key") << "by the key that was replaced";
  EXPECT_EQ(bench_.served(), "model three");
}

TEST_F(StolenServer, AStrangerAppointsNobody) {
  const SigningKey stranger = new_key();
  wire::DesiredModel wish = bench_.wish("1.2", "a foreign model", 2);
  wish.signature = signature(wish, 11, stranger);
  wish.signature->key_sets = {signing::make_key_set({1, {public_half(stranger).value()}}, stranger).value()};
  expect_refused(wish, "signature_key");
}

TEST_F(StolenServer, WithoutTheDutyToSignOnlyAWrongSignatureIsRefused) {
  TrustPolicy lenient = policy();
  lenient.required = false;
  Bench bench(lenient);
  bench.install(bench.wish("1.0", "model one", 1));
  EXPECT_EQ(bench.served(), "model one");
  wire::DesiredModel wish = bench.wish("1.1", "model two", 2);
  wish.signature = signature(wish, 1, new_key());
  bench.install(wish);
  EXPECT_EQ(bench.updater().report().update->cause, "signature_key");
  EXPECT_EQ(bench.served(), "model one");
}

}  // namespace
}  // namespace argosy::agent
