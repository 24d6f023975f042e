// Plain HTTP to programs beside the agent: model servers and what they publish. One connection a request. Blocking, for
// the job thread; only stop() may be called from others.
#pragma once

#include <atomic>

#include "agent/serving/http_port.hpp"

namespace argosy::agent {

class LocalHttp : public HttpPort {
 public:
  Result<HttpReply> send(const HttpCall& call) override;
  void stop() override { stopped_ = true; }

 private:
  std::atomic<bool> stopped_ = false;
};

}  // namespace argosy::agent
