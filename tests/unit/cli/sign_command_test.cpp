// `argosy key`, `sign` and `verify` on files, without a server.
#include "cli/sign_command.hpp"

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "common/base/file.hpp"
#include "common/signing/key_set.hpp"
#include "common/signing/release_statement.hpp"
#include "tests/support/temporary_folder.hpp"

namespace argosy::cli {
namespace {

namespace fs = std::filesystem;

class SignCommand : public testing::Test {
 protected:
  SignCommand() {
    EXPECT_TRUE(make_key(quiet_, {at("publisher.key"), false}));
    fs::create_directory(release_);
    EXPECT_TRUE(write_file_atomically(at("digits.onnx"), "a model"));
    EXPECT_TRUE(write_file_atomically(at("digits-int8.tflite"), "another"));
  }
  // Keys lie beside the release's folder.
  std::string at(const std::string& name) const {
    const bool is_key = name.find(".key") != std::string::npos || name.starts_with("keys-");
    return ((is_key ? fs::path(folder_.path()) : release_) / name).string();
  }
  SignFlags sign_flags() const {
    SignFlags flags;
    flags.release = "digits@1.1";
    flags.files = {at("digits.onnx"), at("digits-int8.tflite")};
    flags.key = at("publisher.key");
    flags.sequence = 7;
    return flags;
  }
  Result<int> check(const std::string& key = "publisher.key.pub") const {
    return verify(quiet_, {release_.string(), "", {at(key)}});
  }

  OutputOptions quiet_{.json = false, .quiet = true};
  test::TemporaryFolder folder_;
  fs::path release_ = fs::path(folder_.path()) / "release";
};

TEST_F(SignCommand, WhatIsSignedIsVerified) {
  ASSERT_TRUE(sign(quiet_, sign_flags()));
  const auto verified = check();
  ASSERT_TRUE(verified) << verified.error().message;
  const auto said = signing::decode_statement(read_file(at("argosy-release.json")).value()).value();
  EXPECT_EQ(said.sequence, 7U);
  EXPECT_EQ(said.files.at(1).format, "tflite");
  EXPECT_TRUE(load_signature(at("model.sig"), {}));
}

TEST_F(SignCommand, AChangedFileAMissingOneAndAnotherKeyAreSeen) {
  ASSERT_TRUE(sign(quiet_, sign_flags()));
  ASSERT_TRUE(make_key(quiet_, {at("other.key"), false}));
  EXPECT_EQ(check("other.key.pub").error().code, Errc::signature_key);
  ASSERT_TRUE(write_file_atomically(at("digits.onnx"), "a modem"));
  EXPECT_EQ(check().error().code, Errc::signature_digest);
  fs::remove(at("digits.onnx"));
  EXPECT_EQ(check().error().code, Errc::not_found);
}

TEST_F(SignCommand, AFileThatNobodySignedIsSeen) {
  ASSERT_TRUE(sign(quiet_, sign_flags()));
  fs::create_directory(release_ / "more");
  ASSERT_TRUE(write_file_atomically(at("more/labels.txt"), "cat"));
  const auto refused = check();
  EXPECT_EQ(refused.error().code, Errc::signature_digest);
  EXPECT_NE(refused.error().message.find("more/labels.txt was signed by nobody"), std::string::npos);
  EXPECT_TRUE(verify(quiet_, {release_.string(), "", {at("publisher.key.pub")}, true}));
  fs::remove(at("more/labels.txt"));
  fs::create_symlink(at("digits.onnx"), at("more/digits.onnx"));
  EXPECT_FALSE(check()) << "a link leads who knows where";
}

TEST_F(SignCommand, TheValidationIsSignedAsFlagsSayIt) {
  ASSERT_TRUE(write_file_atomically(at("test.npz"), "a data set"));
  SignFlags flags = sign_flags();
  flags.limits.dataset = at("test.npz");
  flags.limits.metric = "mae";
  EXPECT_NE(sign(quiet_, flags).error().message.find("--threshold"), std::string::npos);
  flags.limits.threshold = 0.2;
  flags.limits.max_latency_ms = 20;
  ASSERT_TRUE(sign(quiet_, flags));
  const auto said = signing::decode_statement(read_file(at("argosy-release.json")).value()).value().validation;
  ASSERT_TRUE(said);
  EXPECT_EQ(said->metric, "mae");
  EXPECT_FALSE(said->higher_is_better);
  EXPECT_EQ(said->threshold, 0.2);
  EXPECT_EQ(said->max_latency_ms, 20);
  EXPECT_EQ(said->dataset->size, 10U);
  flags.validation = at("release.json");
  EXPECT_NE(sign(quiet_, flags).error().message.find("--validation names a document"), std::string::npos);
}

TEST_F(SignCommand, PartsAndTheValidationAreSigned) {
  ASSERT_TRUE(write_file_atomically(at("labels.txt"), "cat"));
  ASSERT_TRUE(write_file_atomically(at("tokens-en.json"), "{}"));
  ASSERT_TRUE(write_file_atomically(at("test.npz"), "a data set"));
  ASSERT_TRUE(
      write_file_atomically(at("release.json"), R"({"validation": {"dataset": "test.npz", "threshold": 0.9}})"));
  SignFlags flags = sign_flags();
  flags.parts = {at("labels.txt"), "digits.onnx:tokens.json=" + at("tokens-en.json")};
  flags.validation = at("release.json");
  ASSERT_TRUE(sign(quiet_, flags));
  const auto said = signing::decode_statement(read_file(at("argosy-release.json")).value()).value();
  EXPECT_EQ(said.files.at(0).parts,
            (std::vector<signing::ReleasePart>{{"labels.txt", "labels.txt", 3}, {"tokens.json", "tokens-en.json", 2}}));
  EXPECT_EQ(said.files.at(1).parts.size(), 1U);
  EXPECT_EQ(said.validation->threshold, 0.9);
  EXPECT_EQ(said.validation->dataset->size, 10U);
  fs::remove(at("test.npz"));
  fs::remove(at("release.json"));
  EXPECT_TRUE(check());
  ASSERT_TRUE(write_file_atomically(at("labels.txt"), "dog"));
  EXPECT_EQ(check().error().code, Errc::signature_digest);
}

TEST_F(SignCommand, AChangedStatementIsNotPublished) {
  ASSERT_TRUE(sign(quiet_, sign_flags()));
  std::string said = read_file(at("argosy-release.json")).value();
  ASSERT_TRUE(write_file_atomically(at("argosy-release.json"), said.replace(said.find("1.1"), 3, "1.2")));
  EXPECT_EQ(load_signature(at("model.sig"), {}).error().code, Errc::signature_digest);
}

TEST_F(SignCommand, ThePrivateKeyIsItsOwnersAndIsNeverOverwritten) {
  EXPECT_EQ(fs::status(at("publisher.key")).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(make_key(quiet_, {at("publisher.key"), false}).error().code, Errc::conflict);
}

TEST_F(SignCommand, AnEncryptedKeyNeedsItsPassphrase) {
  ::setenv("ARGOSY_KEY_PASSPHRASE", "open sesame", 1);
  ASSERT_TRUE(make_key(quiet_, {at("locked.key"), true}));
  SignFlags flags = sign_flags();
  flags.key = at("locked.key");
  EXPECT_TRUE(sign(quiet_, flags));
  ::setenv("ARGOSY_KEY_PASSPHRASE", "open", 1);
  EXPECT_FALSE(sign(quiet_, flags));
  ::unsetenv("ARGOSY_KEY_PASSPHRASE");
}

TEST_F(SignCommand, AWrongFlagIsNamed) {
  SignFlags flags = sign_flags();
  flags.expires_at = "tomorrow";
  EXPECT_NE(sign(quiet_, flags).error().message.find("tomorrow"), std::string::npos);
  flags = sign_flags();
  flags.release = "digits";
  EXPECT_NE(sign(quiet_, flags).error().message.find("MODEL@VERSION"), std::string::npos);
  flags = sign_flags();
  flags.files = {at("digits.onnx"), at("digits.onnx")};
  EXPECT_FALSE(sign(quiet_, flags)) << "two files of one name";
}

TEST_F(SignCommand, KeysAreRotatedUnderTheOldOne) {
  ASSERT_TRUE(make_key(quiet_, {at("next.key"), false}));
  ASSERT_TRUE(rotate_keys(quiet_, {at("publisher.key"), {at("next.key.pub")}, 1, at("keys-1.json")}));
  const auto pinned = signing::TrustedKeys::of({read_file(at("publisher.key.pub")).value()}).value();
  const auto trust = signing::follow({0, pinned}, {read_file(at("keys-1.json")).value()});
  ASSERT_TRUE(trust) << trust.error().message;
  EXPECT_EQ(trust->keys.pems(), std::vector<std::string>{read_file(at("next.key.pub")).value()});
  ASSERT_TRUE(sign(quiet_, sign_flags()));
  EXPECT_EQ(load_signature(at("model.sig"), {at("keys-1.json")})->at("key_sets").size(), 1U);
}

}  // namespace
}  // namespace argosy::cli
