#include "common/signing/signed_evidence.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/json/json_text.hpp"

namespace argosy::signing {
namespace {

class Evidence : public testing::Test {
 protected:
  static Errc refusal(const std::string& file, const TrustedKeys& keys = {}) {
    const auto read = read_evidence(file);
    if (!read) return read.error().code;
    const auto checked = check_evidence(*read, keys);
    return checked ? Errc::internal : checked.error().code;
  }
  static TrustedKeys only(const SigningKey& key) { return TrustedKeys::of({public_half(key).value()}).value(); }

  SigningKey key_{make_signing_key("").value(), ""}, other_{make_signing_key("").value(), ""};
  std::string text_ = R"({"rollout": {"id": 3, "name": "Brücke \"1\""}, "decisions": []})";
  std::string file_ = sign_evidence(text_, key_).value();
};

TEST_F(Evidence, IsReadAsItWasSigned) {
  const auto read = read_evidence(file_);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->envelope.payload, text_);
  EXPECT_TRUE(check_evidence(*read, only(key_)));
  EXPECT_TRUE(check_evidence(*read, {})) << "by the key that it names";
}

TEST_F(Evidence, SurvivesBeingWrittenInAnotherSpelling) {
  const auto again = nlohmann::json(parse_json(file_).value()).dump(2, ' ', true);
  EXPECT_NE(again, file_);
  EXPECT_TRUE(check_evidence(read_evidence(again).value(), only(key_)));
}

TEST_F(Evidence, OfAnotherKeyIsNotTaken) {
  EXPECT_EQ(refusal(file_, only(other_)), Errc::signature_key);
}

TEST_F(Evidence, SignedAnewByAStrangerIsNotTaken) {
  auto file = parse_json(sign_evidence(text_, other_).value()).value();
  EXPECT_EQ(refusal(file.dump(), only(key_)), Errc::signature_key);
  file["signature"]["key"] = parse_json(file_).value()["signature"]["key"];
  EXPECT_EQ(refusal(file.dump(), only(key_)), Errc::signature_invalid) << "under a name that is not its own";
}

TEST_F(Evidence, EachChangedByteIsSeen) {
  const TrustedKeys keys = only(key_);
  for (std::size_t at = 0; at < file_.size(); ++at) {
    std::string changed = file_;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_NE(refusal(changed, keys), Errc::internal) << "at " << at << ": " << changed.substr(at, 20);
  }
}

TEST_F(Evidence, CutOffIsRefusedAtEachLength) {
  for (std::size_t size = 0; size < file_.size(); ++size)
    EXPECT_EQ(refusal(file_.substr(0, size)), Errc::signature_malformed) << size;
}

TEST_F(Evidence, OfAnotherTypeOrAlgorithmIsRefused) {
  for (const char* path : {"/type", "/signature/algorithm", "/signature/key/sha256", "/signature/key/pem"}) {
    auto file = parse_json(file_).value();
    file[nlohmann::json::json_pointer(path)] = "another";
    EXPECT_EQ(refusal(file.dump()), Errc::signature_malformed) << path;
  }
}

}  // namespace
}  // namespace argosy::signing
