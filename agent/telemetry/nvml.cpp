#include "agent/telemetry/nvml.hpp"

#include <algorithm>
#include <string>
#include <type_traits>

#include <dlfcn.h>

#include "agent/telemetry/sysfs.hpp"
#include "agent/telemetry/thermal_sensors.hpp"

namespace argosy::agent {

namespace {

// The few things of NVML's interface that are asked here; a library may lack what a card can tell. 0 is success.
using Card = void*;
struct CardLoad {
  unsigned gpu = 0;  // percent of the last second or less
  unsigned memory = 0;
};
struct CardMemory {
  unsigned long long total = 0, free = 0, used = 0;  // bytes
};
constexpr int of_the_chip = 0;
constexpr unsigned hottest_c = 150;  // more is a fault of the sensor

template <class Function>
bool find_function(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

void add_to(std::optional<double>& sum, double value) {
  sum = sum.value_or(0) + value;
}

}  // namespace

struct Nvml::Functions {
  int (*init)() = nullptr;
  int (*shutdown)() = nullptr;
  int (*count)(unsigned*) = nullptr;
  int (*card)(unsigned, Card*) = nullptr;
  int (*utilisation)(Card, CardLoad*) = nullptr;  // this and what follows may be null
  int (*memory)(Card, CardMemory*) = nullptr;
  int (*temperature)(Card, int, unsigned*) = nullptr;
  int (*power)(Card, unsigned*) = nullptr;             // milliwatts
  int (*energy)(Card, unsigned long long*) = nullptr;  // millijoules since the driver was loaded

  bool find(void* library) {
    find_function(library, "nvmlDeviceGetUtilizationRates", utilisation);
    find_function(library, "nvmlDeviceGetMemoryInfo", memory);
    find_function(library, "nvmlDeviceGetTemperature", temperature);
    find_function(library, "nvmlDeviceGetPowerUsage", power);
    find_function(library, "nvmlDeviceGetTotalEnergyConsumption", energy);
    return find_function(library, "nvmlInit_v2", init) && find_function(library, "nvmlShutdown", shutdown) &&
           find_function(library, "nvmlDeviceGetCount_v2", count) &&
           find_function(library, "nvmlDeviceGetHandleByIndex_v2", card);
  }

  // Whether the card told.
  template <class... Arguments>
  static bool ask(int (*function)(Card, Arguments...), Card device, std::type_identity_t<Arguments>... arguments) {
    return function != nullptr && function(device, arguments...) == 0;
  }

  std::optional<double> watts(Card device, const std::string& name, std::optional<double> at_s, Rates& rates) const {
    unsigned long long millijoules = 0;
    if (ask(energy, device, &millijoules))
      if (const auto mean = rates.per_second(name, static_cast<double>(millijoules), at_s);
          mean && *mean < 1000 * sysfs::most_watts)
        return *mean / 1000;
    unsigned milliwatts = 0;
    if (!ask(power, device, &milliwatts) || milliwatts >= 1000 * sysfs::most_watts) return std::nullopt;
    return milliwatts / 1000.0;
  }
};

std::unique_ptr<Nvml> Nvml::open(const char* library) {
  void* const opened = ::dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (opened == nullptr) return nullptr;
  auto functions = std::make_unique<Functions>();
  if (functions->find(opened) && functions->init() == 0)
    return std::unique_ptr<Nvml>(new Nvml(opened, std::move(functions)));
  ::dlclose(opened);
  return nullptr;
}

Nvml::Nvml(void* library, std::unique_ptr<Functions> functions) : library_(library), call_(std::move(functions)) {}

Nvml::~Nvml() {
  call_->shutdown();
  ::dlclose(library_);
}

bool Nvml::read(wire::HealthSample& sample, Rates& rates) const {
  unsigned cards = 0;
  if (call_->count(&cards) != 0) return false;
  for (unsigned i = 0; i < std::min(cards, most_cards); ++i) {
    Card device = nullptr;
    if (call_->card(i, &device) != 0) continue;
    CardLoad busy;
    if (Functions::ask(call_->utilisation, device, &busy) && busy.gpu <= 100)
      raise_to(sample.gpu_percent, static_cast<double>(busy.gpu));
    CardMemory memory;
    if (Functions::ask(call_->memory, device, &memory) && memory.total > 0) {
      add_to(sample.gpu_memory_used_mb, static_cast<double>(memory.used) / sysfs::bytes_per_mb);
      add_to(sample.gpu_memory_total_mb, static_cast<double>(memory.total) / sysfs::bytes_per_mb);
    }
    unsigned degrees = 0;
    if (Functions::ask(call_->temperature, device, of_the_chip, &degrees) && degrees <= hottest_c)
      raise_to(sample.gpu_temperature_c, static_cast<double>(degrees));
    if (const auto watts = call_->watts(device, "nvml/" + std::to_string(i), sample.uptime_s, rates))
      add_to(sample.gpu_power_w, *watts);
  }
  return true;
}

}  // namespace argosy::agent
