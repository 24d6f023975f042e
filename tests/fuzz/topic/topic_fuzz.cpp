// The fuzz target of MQTT topics, in libFuzzer's form: whatever the topic, it is no device's, or exactly one that a
// device may speak on, and nothing else has the same meaning.
#include <cstdint>
#include <string>

#include "common/base/id.hpp"
#include "server/app/device_topic.hpp"
#include "tests/support/promise.hpp"

using namespace argosy;
using namespace argosy::server;
using argosy::test::promise;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto topic = parse_up_topic(text);
  if (!topic) return 0;
  promise(is_name(topic->device) && topic->device != "argosyd", "a device's name");
  const std::string kind = topic->kind == UpKind::state   ? "state"
                           : topic->kind == UpKind::event ? "event"
                                                          : "telemetry";
  promise(text == "argosy/v1/" + std::string(topic->device) + "/up/" + kind, "one spelling for each topic");
  promise(size_limit(topic->kind) > 0 && size_limit(topic->kind) <= (1U << 20), "a limit for each kind");
  return 0;
}
