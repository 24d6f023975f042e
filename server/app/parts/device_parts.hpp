// Devices: who they are, whether their certificates hold, whether they are there, and what they are asked. On the I/O
// thread.
#pragma once

#include <optional>

#include "common/base/error.hpp"
#include "server/app/parts/broker_parts.hpp"
#include "server/app/parts/capability.hpp"
#include "server/app/parts/platform.hpp"
#include "server/devices/connectivity_service.hpp"
#include "server/devices/device_service.hpp"
#include "server/devices/diagnostics_service.hpp"
#include "server/devices/enrolment_service.hpp"
#include "server/devices/presence_service.hpp"
#include "server/devices/revocation_service.hpp"
#include "server/devices/standing_service.hpp"

namespace argosy::server {

// Who signs devices' certificates; empty without a device listener.
Result<CertificateAndKey> read_authority(const Config& config);

class DeviceParts : public Capability {
 public:
  DeviceParts(Platform& platform, BrokerParts& broker, CertificateAndKey authority);

  DeviceService devices;
  PresenceService presence;
  ConnectivityService connectivity;
  DiagnosticsService diagnostics;
  // None of them without a device listener.
  std::optional<RevocationService> revocation;
  std::optional<EnrolmentService> enrolment;
  std::optional<StandingService> standing;

  // What holds for each certificate as soon as it has ended.
  void on_ended(std::function<void(const EndedCertificate&)> hear);
  // `leading`: whether this instance leads; it alone goes to the broker.
  void start(std::function<bool()> leading);

  void add_jobs(LeaderWork& leader) override;
  void add_routes(Router& router) override;
  void add_figures(Metrics& metrics) override;

 private:
  void make_enrolment(BrokerParts& broker, CertificateAndKey authority);
  Platform& platform_;
};

}  // namespace argosy::server
