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

// JetPack 4's driver: rail_name_0 to _2 and in_power0_input to 2 of an IIO device, in mW.
std::optional<sysfs::Path> jetpack4_input(const sysfs::Path& sys) {
  for (const auto& chip : sysfs::children(sys / "bus/i2c/drivers/ina3221x", ""))
    for (const auto& device : sysfs::children(chip, "iio:device"))
      for (int channel = 0; channel < ina3221_channels; ++channel) {
        const std::string number = std::to_string(channel);
        if (is_whole_input(sysfs::read_line(device / ("rail_name_" + number)).value_or("")))
          return device / ("in_power" + number + "_input");
      }
  return std::nullopt;
}

bool is_sane(double watts) {
  return watts >= 0 && watts < sysfs::most_watts;
}

// The sum; absent as long as one is not known.
std::optional<double> watts_of(const std::vector<sysfs::Path>& energies, Rates& rates, std::optional<double> uptime_s) {
  std::optional<double> watts;
  for (const auto& file : energies) {
    const auto microwatts = rates.per_second(file.string(), sysfs::read_number(file), uptime_s);
    if (!microwatts || !is_sane(*microwatts / 1e6)) return std::nullopt;
    watts = watts.value_or(0) + *microwatts / 1e6;
  }
  return watts;
}

}  // namespace

PowerSensors::PowerSensors(const sysfs::Path& sys)
    : input_mw_(jetpack4_input(sys)), pi_faults_(sysfs::raspberry_pi_faults(sys)) {
  find_rails(sys);
  for (const auto& chip : sysfs::hwmons(sys, "rpi_volt")) under_voltage_alarms_.push_back(chip / "in0_lcrit_alarm");
  for (const auto& supply : sysfs::children(sys / "class/power_supply", ""))
    if (powers_the_board(supply)) batteries_.push_back(supply);
}

// The zones of RAPL: Documentation/power/powercap/powercap.rst. "psys" is the whole board, "package-0" a processor;
// what lies in a package has a second colon. Since 2020 only root may read the energy.
void PowerSensors::find_rails(const sysfs::Path& sys) {
  for (const auto& chip : sysfs::hwmons(sys, "ina3221"))
    for (int channel = 1; channel <= ina3221_channels; ++channel) {
      const std::string number = std::to_string(channel);
      if (is_whole_input(sysfs::read_line(chip / ("in" + number + "_label")).value_or("")))
        input_ = Rail{chip / ("in" + number + "_input"), chip / ("curr" + number + "_input")};
    }
  for (const auto& zone : sysfs::children(sys / "class/powercap", "intel-rapl:")) {
    const std::string name = sysfs::read_line(zone / "name").value_or("");
    if (name == "psys") board_energies_.push_back(zone / "energy_uj");
    if (name.starts_with("package-")) cpu_energies_.push_back(zone / "energy_uj");
  }
}

std::optional<double> PowerSensors::board_watts() const {
  if (input_mw_) {
    const auto milliwatts = sysfs::read_number(*input_mw_);
    if (milliwatts && is_sane(*milliwatts / 1e3)) return *milliwatts / 1e3;
  }
  if (!input_) return std::nullopt;
  const auto millivolts = sysfs::read_number(input_->millivolts);
  const auto milliamperes = sysfs::read_number(input_->milliamperes);
  if (!millivolts || !milliamperes || *millivolts <= 0 || *milliamperes < 0) return std::nullopt;
  const double watts = *millivolts * *milliamperes / 1e6;
  return is_sane(watts) ? std::optional(watts) : std::nullopt;
}

// mV and mA: Documentation/hwmon/ina3221.rst. The Raspberry Pi's alarm: Documentation/hwmon/raspberrypi-hwmon.rst.
// Batteries: Documentation/ABI/testing/sysfs-class-power. Of several the emptiest counts.
void PowerSensors::read(wire::HealthSample& sample, Rates& rates) const {
  sample.power_w = board_watts();
  const auto whole_board = watts_of(board_energies_, rates, sample.uptime_s);
  if (!sample.power_w) sample.power_w = whole_board;
  sample.cpu_power_w = watts_of(cpu_energies_, rates, sample.uptime_s);
  if (pi_faults_)
    if (const auto faults = sysfs::read_codes(*pi_faults_); faults.size() == 1)
      sample.under_voltage = (faults[0] & sysfs::pi_under_voltage) != 0 ? 1 : 0;
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
