// NVML against a shared object that has its functions (nvml_stand_in.c), opened as the driver's library is.
#include "agent/telemetry/nvml.hpp"

#include <thread>

#include <dlfcn.h>
#include <gtest/gtest.h>

#include "agent/telemetry/patient_nvml.hpp"
#include "tests/unit/agent/telemetry/fake_board.hpp"

namespace argosy::agent {
namespace {

constexpr const char* library = ARGOSY_NVML_STAND_IN;

// The knobs of the stand-in.
class StandIn {
 public:
  StandIn() : library_(::dlopen(library, RTLD_NOW)) {
    set_driver(true);
    set_energy(0);
  }
  ~StandIn() { ::dlclose(library_); }
  void set_driver(bool is_there) { knob<void (*)(int)>("stand_in_driver")(is_there ? 1 : 0); }
  void set_hanging(bool hangs) { knob<void (*)(int)>("stand_in_hang")(hangs ? 1 : 0); }
  void set_energy(unsigned long long mj) { knob<void (*)(unsigned long long)>("stand_in_energy")(mj); }
  int opened() { return knob<int (*)()>("stand_in_inits")(); }

 private:
  template <class Function>
  Function knob(const char* name) {
    return reinterpret_cast<Function>(::dlsym(library_, name));
  }
  void* library_;
};

wire::HealthSample at_uptime(double uptime_s) {
  wire::HealthSample sample;
  sample.uptime_s = uptime_s;
  return sample;
}

TEST(Nvml, AddsUpWhatCardsTellAndLeavesOutWhatTheyDoNot) {
  StandIn stand_in;
  const auto nvml = Nvml::open(library);
  ASSERT_TRUE(nvml);
  Rates rates;
  auto sample = at_uptime(100);
  nvml->read(sample, rates);
  EXPECT_EQ(sample.gpu_percent, 64);
  EXPECT_EQ(sample.gpu_memory_used_mb, 2 * 2048);
  EXPECT_EQ(sample.gpu_memory_total_mb, 2 * 8192);
  EXPECT_EQ(sample.gpu_temperature_c, 71);
  EXPECT_EQ(sample.gpu_power_w, 30.5) << "what it draws now, until it is known what it drew since";
}

TEST(Nvml, PowerIsTheMeanSinceTheSampleBefore) {
  StandIn stand_in;
  const auto nvml = Nvml::open(library);
  Rates rates;
  auto first = at_uptime(100);
  stand_in.set_energy(1'000'000);
  nvml->read(first, rates);
  auto second = at_uptime(160);
  stand_in.set_energy(1'600'000);
  nvml->read(second, rates);
  EXPECT_EQ(second.gpu_power_w, 10);
  auto reloaded = at_uptime(220);
  stand_in.set_energy(5'000);  // the driver was loaded anew
  nvml->read(reloaded, rates);
  EXPECT_EQ(reloaded.gpu_power_w, 30.5);
}

TEST(Nvml, WithoutLibraryOrDriverThereIsNone) {
  EXPECT_FALSE(Nvml::open("/nowhere/libnvidia-ml.so.1"));
  EXPECT_FALSE(Nvml::open("libc.so.6")) << "it has none of the functions";
  StandIn stand_in;
  stand_in.set_driver(false);
  EXPECT_FALSE(Nvml::open(library));
}

TEST(Nvml, ALibraryThatLacksAFunctionTellsTheRest) {
  const auto nvml = Nvml::open(ARGOSY_NVML_THAT_TELLS_LITTLE);
  ASSERT_TRUE(nvml);
  Rates rates;
  auto sample = at_uptime(100);
  EXPECT_TRUE(nvml->read(sample, rates));
  EXPECT_EQ(sample.gpu_percent, 64);
  EXPECT_EQ(sample.gpu_temperature_c, 71);
  EXPECT_FALSE(sample.gpu_power_w);
}

TEST(PatientNvml, ADriverThatHangsKeepsNobodyWaiting) {
  StandIn stand_in;
  stand_in.set_hanging(true);
  {
    const auto nvml = PatientNvml::open(library);
    auto sample = at_uptime(100);
    EXPECT_TRUE(nvml->read(sample));
    EXPECT_FALSE(sample.gpu_percent);
    stand_in.set_hanging(false);
    while (!sample.gpu_percent) {
      sample = at_uptime(110);
      EXPECT_TRUE(nvml->read(sample));
    }
    EXPECT_EQ(sample.gpu_memory_total_mb, 2 * 8192);
    stand_in.set_hanging(true);
    EXPECT_TRUE(nvml->read(sample));
  }
  EXPECT_EQ(stand_in.opened(), 1) << "it is left to itself";
  stand_in.set_hanging(false);
  while (stand_in.opened() > 0) std::this_thread::yield();
}

TEST(PatientNvml, ADriverThatGoesIsLookedForAgain) {
  StandIn stand_in;
  test::FakeBoard board;
  HealthSampler sampler = board.sampler(std::nullopt, library);
  const Instant noon = instant_from_ms(1'700'000'000'000);
  EXPECT_EQ(sampler.sample(noon).gpu_percent, 64);
  stand_in.set_driver(false);
  EXPECT_FALSE(sampler.sample(noon + Duration{60'000}).gpu_percent);
  stand_in.set_driver(true);
  EXPECT_EQ(sampler.sample(noon + HealthSampler::between_searches).gpu_percent, 64);
}

TEST(Nvml, IsGivenBack) {
  StandIn stand_in;
  {
    const auto nvml = Nvml::open(library);
    EXPECT_EQ(stand_in.opened(), 1);
  }
  EXPECT_EQ(stand_in.opened(), 0);
}

TEST(Nvml, ADriverThatLoadsLateIsFoundByTheNextSearch) {
  StandIn stand_in;
  stand_in.set_driver(false);
  test::FakeBoard board;
  HealthSampler sampler = board.sampler(std::nullopt, library);
  const Instant noon = instant_from_ms(1'700'000'000'000);
  EXPECT_FALSE(sampler.sample(noon).gpu_percent);
  stand_in.set_driver(true);
  EXPECT_FALSE(sampler.sample(noon + Duration{60'000}).gpu_percent);
  EXPECT_EQ(sampler.sample(noon + HealthSampler::between_searches).gpu_percent, 64);
  EXPECT_EQ(sampler.sample(noon + 2 * HealthSampler::between_searches).gpu_percent, 64);
  EXPECT_EQ(stand_in.opened(), 1) << "it is opened once";
}

}  // namespace
}  // namespace argosy::agent
