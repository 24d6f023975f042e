#include "server/app/device_topic.hpp"

#include "common/base/id.hpp"

namespace argosy::server {

std::optional<UpTopic> parse_up_topic(std::string_view topic) {
  constexpr std::string_view prefix = "argosy/v1/";
  constexpr std::string_view up = "/up/";
  if (!topic.starts_with(prefix)) return std::nullopt;
  topic.remove_prefix(prefix.size());
  const std::string_view device = topic.substr(0, topic.find('/'));
  topic.remove_prefix(device.size());
  if (!is_name(device) || device == "argosyd" || !topic.starts_with(up)) return std::nullopt;
  topic.remove_prefix(up.size());
  if (topic == "state") return UpTopic{device, UpKind::state};
  if (topic == "telemetry") return UpTopic{device, UpKind::telemetry};
  if (topic == "event") return UpTopic{device, UpKind::event};
  return std::nullopt;
}

std::size_t size_limit(UpKind kind) {
  switch (kind) {
    case UpKind::state:
      return std::size_t{256} << 10;
    case UpKind::telemetry:
      return std::size_t{1} << 20;
    case UpKind::event:
      return std::size_t{1} << 10;
  }
  return 0;
}

}  // namespace argosy::server
