#include "tests/bench/fleet_load/simulated_device.hpp"

#include <algorithm>
#include <cmath>

#include "common/wire/state.hpp"

namespace argosy::fleet_load {

std::string up_topic(const std::string& device, const char* kind) {
  return "argosy/v1/" + device + "/up/" + kind;
}

std::string down_topic(const std::string& device, const char* kind) {
  return "argosy/v1/" + device + "/down/" + kind;
}

std::string state_document(const SimulatedDevice& device, const Options& options, std::int64_t nonce,
                           std::int64_t now_ms) {
  wire::DeviceState state;
  state.device = device.name;
  state.nonce = nonce;
  state.agent_version = ARGOSY_VERSION;
  state.hardware_class = "cpu-fp32";
  state.capabilities = {"aarch64", {"cpu"}, {"onnxruntime"}, {"fp32"}, 4096};
  state.health_interval_s = static_cast<std::uint32_t>(std::max(1.0, std::ceil(options.state_s)));
  state.at = instant_from_ms(now_ms + device.skew_ms);
  const auto& shape = options.shape;
  state.models.push_back({shape.model,
                          shape.version,
                          options.digest,
                          {{"a", "serving", shape.version, options.digest, 165'074}},
                          std::nullopt});
  return wire::encode(state);
}

std::string will_document(const std::string& device, std::int64_t nonce) {
  return wire::encode(wire::LastWill{device, nonce});
}

}  // namespace argosy::fleet_load
