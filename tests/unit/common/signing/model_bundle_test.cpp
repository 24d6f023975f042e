// Bundles of the reference implementation (model-signing 1.1.1) and of our own, both made once over golden/release with
// a key that was thrown away, and what is wrong with others.
#include "common/signing/model_bundle.hpp"

#include <gtest/gtest.h>

#include "common/wire/desired.hpp"
#include "tests/unit/common/signing/signed_release.hpp"

namespace argosy::signing {
namespace {

using test::golden;
using test::resealed;

TrustedKeys golden_key() {
  return TrustedKeys::of({golden("publisher.key.pub")}).value();
}

void expect_golden(const std::string& name) {
  const auto bundle = read_bundle(golden(name));
  ASSERT_TRUE(bundle) << name << ": " << bundle.error().message;
  EXPECT_TRUE(golden_key().check(bundle->envelope, bundle->key_hint)) << name;
  ASSERT_EQ(bundle->manifest.resources.size(), 2U) << name;
  for (const Resource& resource : bundle->manifest.resources)
    EXPECT_EQ(resource.digest, sha256(as_bytes(golden("release/" + resource.name)))) << resource.name;
}

TEST(ModelBundle, TheReferenceImplementationsIsRead) {
  expect_golden("reference.sig");
}

TEST(ModelBundle, OursOfTheFirstDayIsStillRead) {
  expect_golden("release/model.sig");
}

TEST(ModelBundle, TheHintIsThatOfTheReference) {
  EXPECT_EQ(read_bundle(golden("reference.sig"))->key_hint, hint_of(golden("publisher.key.pub")));
  EXPECT_EQ(read_bundle(golden("release/model.sig"))->key_hint, hint_of(golden("publisher.key.pub")));
}

TEST(ModelBundle, PreAuthenticationEncodingIsThatOfTheSpecification) {
  EXPECT_EQ(signed_bytes("http://example.com/HelloWorld", "hello world"),
            "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
}

TEST(ModelBundle, WhatIsMadeIsRead) {
  const SigningKey key{make_signing_key("").value(), ""};
  const auto keys = TrustedKeys::of({public_half(key).value()}).value();
  const Manifest manifest{"digits-1.0", {{"b.onnx", sha256(as_bytes("b"))}, {"a/b.onnx", sha256(as_bytes("a"))}}};
  const auto bundle = read_bundle(make_bundle(manifest, key).value());
  ASSERT_TRUE(bundle) << bundle.error().message;
  EXPECT_TRUE(keys.check(bundle->envelope, bundle->key_hint));
  EXPECT_EQ(bundle->manifest.resources.front().name, "a/b.onnx");
  EXPECT_EQ(golden_key().check(bundle->envelope, bundle->key_hint).error().code, Errc::signature_key);
  EXPECT_EQ(golden_key().check(bundle->envelope, "").error().code, Errc::signature_key);
  EXPECT_TRUE(keys.check(bundle->envelope, "")) << "older signers give no hint";
}

TEST(ModelBundle, OneChangedByteIsSeen) {
  auto bundle = read_bundle(golden("release/model.sig")).value();
  bundle.envelope.payload.back() = ' ';
  EXPECT_EQ(golden_key().check(bundle.envelope, bundle.key_hint).error().code, Errc::signature_invalid);
  bundle = read_bundle(golden("release/model.sig")).value();
  bundle.envelope.signature.back() ^= 1;
  EXPECT_EQ(golden_key().check(bundle.envelope, bundle.key_hint).error().code, Errc::signature_invalid);
  bundle = read_bundle(golden("release/model.sig")).value();
  bundle.envelope.payload_type = "text/plain";
  EXPECT_EQ(golden_key().check(bundle.envelope, bundle.key_hint).error().code, Errc::signature_invalid);
}

TEST(ModelBundle, NamesThatLeadElsewhereOrStandTwiceAreNotSigned) {
  const SigningKey key{make_signing_key("").value(), ""};
  for (const char* name : {"", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "a\nb"})
    EXPECT_FALSE(make_bundle({"m", {{name, {}}}}, key)) << name;
  EXPECT_FALSE(make_bundle({"m", {{"a", {}}, {"a", {}}}}, key));
  EXPECT_FALSE(make_bundle({"m", {}}, key));
}

struct Wrong {
  const char* what;
  const char* with;
};

TEST(ModelBundle, WhatIsNotOfTheFormIsRefusedBeforeAnyKeyIsAsked) {
  const Wrong cases[] = {
      {"https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"},
      {"https://model_signing/signature/v1.0", "https://model_signing/Digests/v0.1"},
      {"\"method\":\"files\"", "\"method\":\"shards\""},
      {"\"hash_type\":\"sha256\"", "\"hash_type\":\"blake3\""},
      {"\"algorithm\":\"sha256\"", "\"algorithm\":\"blake2b\""},
      {"digits.onnx", "../digits.onnx"},
      {"digits.onnx", "argosy-release.json"},
      {"\"resources\":[", "\"resources\":[7,"},
      {"\"subject\":[", "\"subject\":[{\"name\":\"x\"},"},
      {"\"digest\":{\"sha256\":\"", "\"digest\":{\"sha256\":\"00"},
      {"\"predicate\":{", "\"predicate\":[{"},
  };
  for (const Wrong& wrong : cases) {
    const auto bundle = read_bundle(resealed(golden("release/model.sig"), wrong.what, wrong.with));
    ASSERT_FALSE(bundle) << wrong.with;
    EXPECT_EQ(bundle.error().code, Errc::signature_malformed) << wrong.with;
  }
}

TEST(ModelBundle, OuterFormAndLimitsHold) {
  const std::string good = golden("release/model.sig");
  const Wrong cases[] = {
      {"bundle.v0.3", "bundle.v0.1"},
      {"\"publicKey\"", "\"x509CertificateChain\""},
      {"\"dsseEnvelope\"", "\"messageSignature\""},
      {"vnd.in-toto+json", "vnd.other+json"},
      {"\"payload\":\"", "\"payload\":\"*"},
      {"\"signatures\":[", "\"signatures\":[{},"},
      {"\"hint\":\"", "\"hint\":7,\"x\":\""},
  };
  for (const Wrong& wrong : cases) {
    const auto bundle = read_bundle(test::replaced(good, wrong.what, wrong.with));
    ASSERT_FALSE(bundle) << wrong.with;
    EXPECT_EQ(bundle.error().code, Errc::signature_malformed) << wrong.with;
  }
  for (std::size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(read_bundle(good.substr(0, size))) << size;
  EXPECT_FALSE(read_bundle(std::string(wire::max_bundle_bytes + 1, ' ')));
  EXPECT_FALSE(read_bundle(std::string(60'000, '[')));
}

TEST(SigningKey, APassphraseKeepsItShut) {
  const std::string pem = make_signing_key("open sesame").value();
  EXPECT_NE(pem.find("ENCRYPTED"), std::string::npos);
  EXPECT_TRUE(public_half({pem, "open sesame"}));
  EXPECT_FALSE(public_half({pem, "open"}));
  EXPECT_FALSE(public_half({pem, ""}));
}

TEST(SigningKey, OtherCurvesAreNotTaken) {
  EXPECT_FALSE(TrustedKeys::of({golden("p384.pub")}));
  EXPECT_FALSE(TrustedKeys::of({"nonsense"}));
  EXPECT_FALSE(TrustedKeys::of(std::vector<std::string>(17, golden("publisher.key.pub"))));
}

}  // namespace
}  // namespace argosy::signing
