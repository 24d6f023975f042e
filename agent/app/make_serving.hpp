// The serving adapter that the configuration names.
#pragma once

#include <cstdint>
#include <memory>

#include "agent/app/config.hpp"
#include "agent/serving/http_port.hpp"
#include "agent/serving/serving.hpp"

namespace argosy::agent {

// `http` outlives it.
std::unique_ptr<Serving> make_serving(const ServingConfig& config, HttpPort& http, std::uint64_t seed);

}  // namespace argosy::agent
