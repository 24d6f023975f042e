// The fuzz target of what is read of a signature, in libFuzzer's form: text from a stolen server is refused with a
// cause of its own or read in bounds, as a bundle, as a signed payload and as a statement, and no key ever finds it
// good.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <nlohmann/json.hpp>

#include "common/signing/key_set.hpp"
#include "common/signing/release_signature.hpp"

using namespace argosy;
using namespace argosy::signing;

namespace {

void require(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

const TrustedKeys& somebody() {
  static const TrustedKeys keys = TrustedKeys::of({public_half({make_signing_key("").value(), ""}).value()}).value();
  return keys;
}

void read_as_bundle(const std::string& text) {
  const auto bundle = read_bundle(text);
  if (!bundle) return require(bundle.error().code == Errc::signature_malformed, "an error of form");
  const auto& resources = bundle->manifest.resources;
  require(!resources.empty() && resources.size() <= max_resources, "a bounded number of files");
  for (std::size_t i = 0; i < resources.size(); ++i) {
    const std::string& name = resources[i].name;
    require(!name.empty() && name.size() <= max_resource_name_bytes && name.front() != '/', "a relative path");
    require(("/" + name + "/").find("/../") == std::string::npos, "a path that stays below its folder");
    require(i == 0 || resources[i - 1].name < name, "sorted names, each once");
  }
  require(!somebody().check(bundle->envelope, bundle->key_hint), "nobody's signature but its maker's");
  require(!somebody().check(bundle->envelope, ""), "nobody's signature without a hint either");
}

// A payload that somebody really signed.
void read_as_payload(const std::string& text) {
  const Envelope envelope{"application/vnd.in-toto+json", text, {1, 2, 3}};
  const nlohmann::json bundle = {{"mediaType", "application/vnd.dev.sigstore.bundle.v0.3+json"},
                                 {"verificationMaterial", {{"publicKey", nlohmann::json::object()}}},
                                 {"dsseEnvelope", envelope_to_json(envelope)}};
  read_as_bundle(bundle.dump());
}

void read_as_statement(const std::string& text) {
  const auto statement = decode_statement(text);
  if (!statement) return require(statement.error().code == Errc::signature_malformed, "an error of form");
  require(!statement->files.empty() && statement->files.size() <= max_statement_files, "a bounded number of files");
  const auto again = decode_statement(encode(*statement));
  require(again && *again == *statement, "what was read is written and read again");
}

// Whoever signed it, it was nobody who is trusted.
void read_as_key_set(const std::string& text) {
  const auto set = read_key_set(text);
  if (!set) return require(set.error().code == Errc::signature_malformed, "an error of form");
  require(set->number > 0 && !set->keys.empty() && set->keys.size() <= max_trusted_keys, "a bounded number of keys");
  require(!follow({0, somebody()}, {text}), "a key set that nobody follows");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  read_as_bundle(text);
  read_as_payload(text);
  read_as_statement(text);
  read_as_key_set(text);
  return 0;
}
