// The fuzz target of the topics that devices publish on, in libFuzzer's form: what is taken for a device's topic is
// exactly the text that its name and kind make, and the name is one.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "common/base/id.hpp"
#include "server/app/device_topic.hpp"

using namespace argosy;
using namespace argosy::server;

namespace {

void require(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

std::string word_of(UpKind kind) {
  if (kind == UpKind::state) return "state";
  return kind == UpKind::telemetry ? "telemetry" : "event";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto topic = parse_up_topic(text);
  if (!topic) return 0;
  require(is_name(topic->device), "the device has a name");
  require(topic->device != "argosyd", "the server is no device");
  require("argosy/v1/" + std::string(topic->device) + "/up/" + word_of(topic->kind) == text,
          "the topic is named exactly");
  require(size_limit(topic->kind) > 0, "its kind has a limit");
  return 0;
}
