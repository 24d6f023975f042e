// NVML, asked on a thread of its own: the driver of a card that fell off the bus never answers, and takes whoever asked
// along. Then the cards' readings are absent, and the agent goes on. Where there is no such library there is no thread.
// One owner, who never waits for longer than its patience.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "common/base/instant.hpp"
#include "common/wire/health.hpp"

namespace argosy::agent {

class PatientNvml {
 public:
  static constexpr Duration usual_patience{250};
  // What a slow driver told later than that is good for the next sample, if that is no further away.
  static constexpr double longest_delay_s = 120;

  // Null where there is no such library.
  static std::unique_ptr<PatientNvml> open(const std::string& library, Duration patience = usual_patience);
  ~PatientNvml();  // leaves a driver that hangs to itself
  PatientNvml(const PatientNvml&) = delete;
  PatientNvml& operator=(const PatientNvml&) = delete;

  // Adds what the cards tell. False when there is no driver to ask: then look for one later.
  bool read(wire::HealthSample& sample);

 private:
  struct Talk;
  PatientNvml(std::shared_ptr<Talk> talk, std::thread thread, Duration patience);

  std::shared_ptr<Talk> talk_;
  std::thread thread_;
  Duration patience_;
};

}  // namespace argosy::agent
