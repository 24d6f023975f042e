// The fuzz target of what people and new devices ask for, in libFuzzer's form: whatever the body, it is refused in a
// few words or is what the database holds, and what is stored of it reads as the same.
#include <cstdint>
#include <set>
#include <string>

#include "common/base/bounds.hpp"
#include "common/base/id.hpp"
#include "common/base/text.hpp"
#include "common/json/json_text.hpp"
#include "server/devices/enrolment.hpp"
#include "server/models/patch_request.hpp"
#include "server/models/release.hpp"
#include "server/rollouts/core/policy.hpp"
#include "tests/support/promise.hpp"

using namespace argosy;
using namespace argosy::server;
using argosy::test::promise;

namespace {

void check_reason(const Error& error) {
  promise(error.code == Errc::malformed_json || error.code == Errc::invalid_argument ||
              error.code == Errc::unknown_key || error.code == Errc::too_large || error.code == Errc::forbidden,
          "an error that is the caller's");
  promise(error.message.size() <= 1024 && is_text(error.message), "a reason that does not repeat the body");
}

void read_policy(const std::string& text) {
  const auto document = parse_json(text);
  if (!document) return check_reason(document.error());
  const auto policy = decode_policy(*document);
  if (!policy) return check_reason(policy.error());
  promise(!policy->waves.empty() && policy->waves.back().share == 1.0, "waves that reach everybody");
  const auto again = decode_policy(encode(*policy));
  promise(again.has_value() && encode(*again) == encode(*policy), "a policy that reads as it was stored");
}

void read_release(const std::string& text) {
  const auto draft = parse_release(text);
  if (!draft) return check_reason(draft.error());
  promise(is_version(draft->version) && !draft->variants.empty(), "a version with variants");
  for (const Variant& variant : draft->variants) {
    const auto selector = selector_from_json(wire::encode(variant.selector));
    promise(selector.has_value() && *selector == variant.selector, "a selector that reads as it was stored");
  }
  const auto features = reference_from_json(reference_to_json(draft->features));
  promise(features.has_value() && *features == draft->features, "a reference that reads as it was stored");
  if (!draft->validation) return;
  const auto validation = validation_from_json(validation_to_json(draft->validation));
  promise(validation.has_value() && *validation == draft->validation, "a validation that reads as it was stored");
}

// What a release says to a device is a document that the device takes.
void read_for_device(const std::string& text) {
  const auto draft = parse_release(text);
  if (!draft) return;
  wire::DesiredModel model;
  model.model = "m";
  model.version = draft->version;
  model.format = draft->variants.front().format;
  model.artifact = {draft->variants.front().digest, 1};
  model.validation = draft->validation.value_or(wire::ValidationSpec{});
  model.features = draft->features;
  const auto taken = wire::decode_desired_model(wire::encode(model));
  promise(taken.has_value() && *taken == model, "a wish that a device takes");
}

void read_enrolment(const std::string& text) {
  const auto request = parse_enrolment(text);
  if (!request) return check_reason(request.error());
  promise(is_name(request->device.value()) && request->device.value() != server_identity, "a device's name");
  promise(request->labels.size() <= max_labels, "labels with a limit");
  for (const auto& [key, value] : request->labels)
    promise(is_name(key) && value.size() <= max_label_bytes && is_text(value), "labels that a column holds");
}

void read_patch_request(const std::string& text) {
  const auto request = parse_patch_request(text);
  if (!request) return check_reason(request.error());
  promise(!request->pairs.empty() && request->pairs.size() <= max_pairs_asked, "some pairs, and not too many");
  promise(request->days >= 1 && request->days <= 90, "a time");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  read_policy(text);
  read_release(text);
  read_for_device(text);
  read_enrolment(text);
  read_patch_request(text);
  return 0;
}
