#include "agent/telemetry/power_sensors.hpp"

#include <algorithm>

namespace argosy::agent {

namespace {

constexpr int ina3221_channels = 3;

bool is_whole_input(const std::string& label) {
  return label == "VDD_IN" || label == "POM_5V_IN";
}

// A mouse has a battery, too.
bool powers_the_board(const sysfs::Path& supply) {
  const auto type = sysfs::read_line(supply / "type");
  return (type == "Battery" || type == "UPS") && sysfs::read_line(supply / "scope") != "Device";
}

}  // namespace

PowerSensors::PowerSensors(const sysfs::Path& sys) {
  for (const auto& chip : sysfs::hwmons(sys, "ina3221"))
    for (int channel = 1; channel <= ina3221_channels; ++channel) {
      const std::string number = std::to_string(channel);
      if (is_whole_input(sysfs::read_line(chip / ("in" + number + "_label")).value_or("")))
        input_ = Rail{chip / ("in" + number + "_input"), chip / ("curr" + number + "_input")};
    }
  for (const auto& chip : sysfs::hwmons(sys, "rpi_volt")) under_voltage_alarms_.push_back(chip / "in0_lcrit_alarm");
  for (const auto& supply : sysfs::children(sys / "class/power_supply", ""))
    if (powers_the_board(supply)) batteries_.push_back(supply);
}

// mV and mA: Documentation/hwmon/ina3221.rst. The Raspberry Pi's alarm: Documentation/hwmon/raspberrypi-hwmon.rst.
// Batteries: Documentation/ABI/testing/sysfs-class-power. Of several the emptiest counts.
void PowerSensors::read(wire::HealthSample& sample) const {
  if (input_) {
    const auto millivolts = sysfs::read_number(input_->millivolts);
    const auto milliamperes = sysfs::read_number(input_->milliamperes);
    const double watts = millivolts.value_or(-1) * milliamperes.value_or(-1) / 1e6;
    if (millivolts && milliamperes && *millivolts > 0 && *milliamperes >= 0 && watts < sysfs::most_watts)
      sample.power_w = watts;
  }
  for (const auto& alarm : under_voltage_alarms_)
    if (const auto low = sysfs::read_flag(alarm)) sample.under_voltage = *low ? 1 : 0;
  for (const auto& battery : batteries_) {
    const auto percent = sysfs::read_number(battery / "capacity");
    if (percent && *percent >= 0 && *percent <= 100)
      sample.battery_percent = std::min(sample.battery_percent.value_or(*percent), *percent);
    const auto status = sysfs::read_line(battery / "status");
    if (status && *status != "Unknown")
      sample.on_battery = std::max(sample.on_battery.value_or(0), *status == "Discharging" ? 1.0 : 0.0);
  }
}

}  // namespace argosy::agent
