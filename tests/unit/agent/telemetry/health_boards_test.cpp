// The health of boards as people have them: each tree is what its kernel shows, as far as we read it.
#include <gtest/gtest.h>

#include "tests/unit/agent/telemetry/fake_board.hpp"

namespace argosy::agent {
namespace {

using test::FakeBoard;
using test::Tree;

const Instant noon = instant_from_ms(1'700'000'000'000);

// Jetson Orin Nano, JetPack 6, models on its NVMe disk.
const Tree jetson_orin_nano = {
    {"sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"},
    {"sys/class/thermal/thermal_zone0/temp", "51406\n"},
    {"sys/class/thermal/thermal_zone1/type", "gpu-thermal\n"},
    {"sys/class/thermal/thermal_zone1/temp", "49843\n"},
    {"sys/class/thermal/thermal_zone5/type", "soc0-thermal\n"},
    {"sys/class/thermal/thermal_zone5/temp", "52593\n"},
    {"sys/class/thermal/thermal_zone8/type", "tj-thermal\n"},
    {"sys/class/thermal/thermal_zone8/temp", "53000\n"},
    {"sys/class/thermal/cooling_device0/type", "pwm-fan\n"},
    {"sys/class/thermal/cooling_device0/cur_state", "2\n"},
    {"sys/class/thermal/cooling_device1/type", "thermal-cpufreq-0\n"},
    {"sys/class/thermal/cooling_device1/cur_state", "0\n"},
    {"sys/class/thermal/cooling_device2/type", "thermal-cpufreq-1\n"},
    {"sys/class/thermal/cooling_device2/cur_state", "3\n"},
    {"sys/devices/platform/bus@0/17000000.gpu/load", "437\n"},
    {"sys/devices/platform/gpu.0", "-> sys/devices/platform/bus@0/17000000.gpu"},
    {"sys/class/hwmon/hwmon1/name", "ina3221\n"},
    {"sys/class/hwmon/hwmon1/in1_label", "VDD_IN\n"},
    {"sys/class/hwmon/hwmon1/in1_input", "4968\n"},
    {"sys/class/hwmon/hwmon1/curr1_input", "1250\n"},
    {"sys/class/hwmon/hwmon1/in2_label", "VDD_CPU_GPU_CV\n"},
    {"sys/class/hwmon/hwmon1/in2_input", "4968\n"},
    {"sys/class/hwmon/hwmon1/curr2_input", "400\n"},
    {"sys/class/hwmon/hwmon1/in3_label", "VDD_SOC\n"},
    {"sys/class/hwmon/hwmon1/in3_input", "4968\n"},
    {"sys/class/hwmon/hwmon1/curr3_input", "300\n"},
    {"sys/devices/pci0004/nvme/nvme0/nvme0n1/nvme0n1p1/partition", "1\n"},
    {"sys/devices/pci0004/nvme/nvme0/hwmon4/name", "nvme\n"},
    {"sys/devices/pci0004/nvme/nvme0/hwmon4/temp1_input", "41850\n"},
    {"sys/class/net/eth0/device/vendor", "0x10ec\n"},
    {"sys/class/net/eth0/carrier", "1\n"},
    {"sys/class/net/eth0/speed", "1000\n"},
    {"sys/class/net/docker0/carrier", "1\n"},
};

TEST(HealthOfBoards, JetsonOrinNano) {
  FakeBoard board(jetson_orin_nano);
  board.keep_models_on("sys/devices/pci0004/nvme/nvme0/nvme0n1/nvme0n1p1");
  const auto sample = board.sampler().sample(noon);
  EXPECT_EQ(sample.cpu_temperature_c, 52.593);
  EXPECT_EQ(sample.gpu_temperature_c, 49.843);
  EXPECT_EQ(sample.throttled, 1);
  EXPECT_EQ(sample.gpu_percent, 43.7);
  EXPECT_FALSE(sample.gpu_memory_total_mb);  // it is the board's own
  EXPECT_NEAR(sample.power_w.value_or(0), 6.21, 1e-9);
  EXPECT_EQ(sample.disk_temperature_c, 41.85);
  EXPECT_FALSE(sample.disk_wear_percent);
  EXPECT_EQ(sample.network_links_up, 1);
  EXPECT_EQ(sample.network_speed_mbps, 1000);
  EXPECT_FALSE(sample.under_voltage);
  EXPECT_FALSE(sample.battery_percent);
  EXPECT_FALSE(sample.clock_offset_ms);
  EXPECT_FALSE(sample.clock_synchronised);
}

TEST(HealthOfBoards, JetsonOrinOfJetPack5HasItsGpuUnderAnotherName) {
  FakeBoard board({{"sys/class/thermal/thermal_zone0/type", "CPU-therm\n"},
                   {"sys/class/thermal/thermal_zone0/temp", "47500\n"},
                   {"sys/class/thermal/thermal_zone1/type", "GPU-therm\n"},
                   {"sys/class/thermal/thermal_zone1/temp", "-256000\n"},  // switched off
                   {"sys/devices/17000000.ga10b/load", "1000\n"},
                   {"sys/class/devfreq/17000000.ga10b/device", "-> sys/devices/17000000.ga10b"},
                   {"sys/devices/15340000.vic/load", "990\n"},
                   {"sys/class/devfreq/15340000.vic/device", "-> sys/devices/15340000.vic"}});
  const auto sample = board.sampler().sample(noon);
  EXPECT_EQ(sample.gpu_percent, 100);
  EXPECT_EQ(sample.cpu_temperature_c, 47.5);
  EXPECT_FALSE(sample.gpu_temperature_c);
  EXPECT_FALSE(sample.power_w);
}

// Its monitor measures rails that overlap, and none of them is the whole.
TEST(HealthOfBoards, JetsonAgxOrinTellsNoPowerOfTheWholeBoard) {
  FakeBoard board({{"sys/class/hwmon/hwmon3/name", "ina3221\n"},
                   {"sys/class/hwmon/hwmon3/in1_label", "VDD_GPU_SOC\n"},
                   {"sys/class/hwmon/hwmon3/in1_input", "19128\n"},
                   {"sys/class/hwmon/hwmon3/curr1_input", "160\n"}});
  EXPECT_FALSE(board.sampler().sample(noon).power_w);
}

// Raspberry Pi 4 and 5: a card without a measure of wear, a supply that is too weak.
TEST(HealthOfBoards, RaspberryPi) {
  FakeBoard board({{"sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"},
                   {"sys/class/thermal/thermal_zone0/temp", "48686\n"},
                   {"sys/class/hwmon/hwmon0/name", "cpu_thermal\n"},
                   {"sys/class/hwmon/hwmon0/temp1_input", "48686\n"},
                   {"sys/class/hwmon/hwmon1/name", "rpi_volt\n"},
                   {"sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n"},
                   {"sys/devices/emmc2bus/mmc_host/mmc0/mmc0:aaaa/type", "SD\n"},
                   {"sys/devices/emmc2bus/mmc_host/mmc0/mmc0:aaaa/block/mmcblk0/mmcblk0p2/partition", "2\n"},
                   {"sys/class/net/eth0/device/modalias", "of:genet\n"},
                   {"sys/class/net/eth0/carrier", "0\n"},
                   {"sys/class/net/eth0/speed", "-1\n"},
                   {"sys/class/net/wlan0/device/modalias", "sdio\n"},
                   {"sys/class/net/wlan0/carrier", "1\n"},
                   {"run/systemd/timesync/synchronized", ""}});
  board.keep_models_on("sys/devices/emmc2bus/mmc_host/mmc0/mmc0:aaaa/block/mmcblk0/mmcblk0p2");
  HealthSampler sampler = board.sampler();
  const auto sample = sampler.sample(noon);
  EXPECT_EQ(sample.under_voltage, 1);
  EXPECT_EQ(sample.cpu_temperature_c, 48.686);
  EXPECT_EQ(sample.network_links_up, 1);
  EXPECT_FALSE(sample.network_speed_mbps);
  EXPECT_EQ(sample.clock_synchronised, 1);
  EXPECT_FALSE(sample.disk_wear_percent);
  EXPECT_FALSE(sample.throttled);
  EXPECT_FALSE(sample.gpu_percent);
  board.put("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "0\n");
  EXPECT_EQ(sampler.sample(noon).under_voltage, 0);
}

// A gateway with eMMC, models on an encrypted volume, a battery behind it.
const Tree emmc_gateway = {
    {"sys/devices/mmc0/mmc0:0001/life_time", "0x02 0x08\n"},
    {"sys/devices/mmc0/mmc0:0001/pre_eol_info", "0x01\n"},
    {"sys/devices/mmc0/mmc0:0001/block/mmcblk0/mmcblk0p3/partition", "3\n"},
    {"sys/devices/virtual/block/dm-0/slaves/mmcblk0p3", "-> sys/devices/mmc0/mmc0:0001/block/mmcblk0/mmcblk0p3"},
    {"sys/class/power_supply/bat0/type", "Battery\n"},
    {"sys/class/power_supply/bat0/capacity", "81\n"},
    {"sys/class/power_supply/bat0/status", "Discharging\n"},
    {"sys/class/power_supply/ac/type", "Mains\n"},
    {"sys/class/power_supply/ac/online", "0\n"},
    {"sys/class/power_supply/hidpp_battery_0/type", "Battery\n"},
    {"sys/class/power_supply/hidpp_battery_0/scope", "Device\n"},
    {"sys/class/power_supply/hidpp_battery_0/capacity", "5\n"},
};

TEST(HealthOfBoards, GatewayWithEmmc) {
  FakeBoard board(emmc_gateway);
  board.keep_models_on("sys/devices/virtual/block/dm-0");
  HealthSampler sampler = board.sampler();
  auto sample = sampler.sample(noon);
  EXPECT_EQ(sample.disk_wear_percent, 80);  // 70 to 80, of the worse of its two kinds of cells
  EXPECT_EQ(sample.disk_pre_eol, 1);
  EXPECT_EQ(sample.battery_percent, 81);
  EXPECT_EQ(sample.on_battery, 1);
  board.put("sys/devices/mmc0/mmc0:0001/life_time", "0x02 0x0b\n");
  board.put("sys/devices/mmc0/mmc0:0001/pre_eol_info", "0x03\n");
  board.put("sys/class/power_supply/bat0/status", "Charging\n");
  sample = sampler.sample(noon);
  EXPECT_EQ(sample.disk_wear_percent, 110);
  EXPECT_EQ(sample.disk_pre_eol, 3);
  EXPECT_EQ(sample.on_battery, 0);
}

TEST(HealthOfBoards, UfsTellsItsWearAtItsController) {
  FakeBoard board({{"sys/devices/1d84000.ufshc/health_descriptor/life_time_estimation_a", "0x01\n"},
                   {"sys/devices/1d84000.ufshc/health_descriptor/life_time_estimation_b", "0x03\n"},
                   {"sys/devices/1d84000.ufshc/health_descriptor/eol_info", "0x02\n"},
                   {"sys/devices/1d84000.ufshc/host0/target0:0:0/0:0:0:0/block/sda/size", "1\n"}});
  board.keep_models_on("sys/devices/1d84000.ufshc/host0/target0:0:0/0:0:0:0/block/sda");
  const auto sample = board.sampler().sample(noon);
  EXPECT_EQ(sample.disk_wear_percent, 30);
  EXPECT_EQ(sample.disk_pre_eol, 2);
}

// A PC with an AMD card: its CPU has no thermal zone.
TEST(HealthOfBoards, PcWithAnAmdCard) {
  FakeBoard board({{"sys/class/hwmon/hwmon0/name", "k10temp\n"},
                   {"sys/class/hwmon/hwmon0/temp1_input", "61250\n"},
                   {"sys/class/drm/card0/device/gpu_busy_percent", "37\n"},
                   {"sys/class/drm/card0/device/mem_info_vram_total", "8573157376\n"},
                   {"sys/class/drm/card0/device/mem_info_vram_used", "1048576000\n"},
                   {"sys/class/drm/card0/device/hwmon/hwmon2/temp1_input", "55000\n"},
                   {"sys/class/drm/card0/device/hwmon/hwmon2/power1_average", "42500000\n"},
                   {"sys/class/drm/card0/device/power/runtime_status", "active\n"},
                   {"sys/class/drm/card0-HDMI-A-1/device/mem_info_vram_total", "1\n"}});
  HealthSampler sampler = board.sampler();
  auto sample = sampler.sample(noon);
  EXPECT_EQ(sample.cpu_temperature_c, 61.25);
  EXPECT_EQ(sample.gpu_percent, 37);
  EXPECT_EQ(sample.gpu_memory_used_mb, 1000);
  EXPECT_EQ(sample.gpu_memory_total_mb, 8176);
  EXPECT_EQ(sample.gpu_temperature_c, 55);
  EXPECT_EQ(sample.gpu_power_w, 42.5);
  EXPECT_FALSE(sample.gpu_awake_percent);
  board.put("sys/class/drm/card0/device/power/runtime_status", "suspended\n");
  sample = sampler.sample(noon);
  EXPECT_FALSE(sample.gpu_percent);
  EXPECT_FALSE(sample.gpu_memory_used_mb);
}

// A PC of Intel's: its graphics tell how long they slept, its NPU how long it worked, an Arc card what it used up.
TEST(HealthOfBoards, PcOfIntelWithAnNpuAndAnArcCard) {
  FakeBoard board({{"proc/uptime", "1000.0 5.0\n"},
                   {"sys/class/drm/card0/gt/gt0/rc6_residency_ms", "500000\n"},
                   {"sys/class/drm/card1/device/tile0/gt0/gtidle/idle_residency_ms", "900000\n"},
                   {"sys/class/drm/card1/device/hwmon/hwmon3/energy1_input", "7000000000\n"},
                   {"sys/class/accel/accel0/device/npu_busy_time_us", "10000000\n"},
                   {"sys/class/accel/accel0/device/npu_memory_utilization", "104857600\n"}});
  HealthSampler sampler = board.sampler();
  auto sample = sampler.sample(noon);
  EXPECT_FALSE(sample.gpu_awake_percent) << "nothing is known before the second sample";
  EXPECT_FALSE(sample.gpu_power_w);
  EXPECT_FALSE(sample.npu_percent);
  EXPECT_EQ(sample.npu_memory_used_mb, 100);
  board.put("proc/uptime", "1060.0 5.0\n");
  board.put("sys/class/drm/card0/gt/gt0/rc6_residency_ms", "530000\n");
  board.put("sys/class/drm/card1/device/tile0/gt0/gtidle/idle_residency_ms", "960000\n");
  board.put("sys/class/drm/card1/device/hwmon/hwmon3/energy1_input", "7600000000\n");
  board.put("sys/class/accel/accel0/device/npu_busy_time_us", "25000000\n");
  sample = sampler.sample(noon + Duration{60'000});
  EXPECT_NEAR(sample.gpu_awake_percent.value_or(0), 50, 1e-9) << "of the two the one that slept less";
  EXPECT_NEAR(sample.gpu_power_w.value_or(0), 10, 1e-9);
  EXPECT_NEAR(sample.npu_percent.value_or(0), 25, 1e-9);
  EXPECT_FALSE(sample.gpu_percent);
  EXPECT_EQ(sampler.sample(noon + Duration{61'000}).npu_percent, std::nullopt) << "no time has passed";
}

// A container on a server shows neither sensors nor devices: what is left is what /proc and the file system say.
TEST(HealthOfBoards, ContainerWithNothing) {
  FakeBoard board({{"proc/uptime", "10.0 5.0\n"}, {"sys/class/net/eth0/carrier", "1\n"}});
  wire::HealthSample sample = board.sampler().sample(noon);
  EXPECT_TRUE(sample.disk_free_mb);
  EXPECT_EQ(sample.uptime_s, 10.0);
  sample.disk_free_mb = sample.disk_total_mb = sample.uptime_s = std::nullopt;
  wire::HealthSample nothing;
  nothing.at = noon;
  EXPECT_EQ(sample, nothing);
}

TEST(HealthOfBoards, WhatMakesNoSenseIsAbsent) {
  Tree trees[] = {jetson_orin_nano, emmc_gateway};
  for (const char* nonsense :
       {"", "\n", "nan\n", "inf\n", "-700000\n", "twelve\n", "12 monkeys\n", "0x\n", "9e99\n", "1e999\n"})
    for (Tree& tree : trees) {
      for (auto& [path, content] : tree) {
        const bool names = path.ends_with("type") || path.ends_with("name") || path.ends_with("label") ||
                           path.ends_with("partition") || path.ends_with("scope") || content.starts_with("-> ");
        if (!names) content = nonsense;
      }
      FakeBoard board(tree);
      board.keep_models_on(&tree == trees ? "sys/devices/pci0004/nvme/nvme0/nvme0n1/nvme0n1p1"
                                          : "sys/devices/virtual/block/dm-0");
      const auto sample = board.sampler().sample(noon);
      for (const auto value : {sample.cpu_temperature_c, sample.gpu_temperature_c, sample.gpu_percent, sample.power_w,
                               sample.disk_temperature_c, sample.disk_wear_percent, sample.disk_pre_eol,
                               sample.network_speed_mbps, sample.battery_percent})
        EXPECT_FALSE(value) << nonsense << " was taken for " << *value;
    }
}

TEST(HealthOfBoards, SensorsThatCannotBeReadAreAbsent) {
  FakeBoard board;
  for (const char* folder :
       {"sys/class/thermal/thermal_zone0/temp/not-a-file", "sys/class/net/eth0/carrier/not-a-file"})
    board.put(folder, "");
  board.put("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n");
  board.put("sys/class/net/eth0/device/x", "");
  const auto sample = board.sampler().sample(noon);
  EXPECT_FALSE(sample.cpu_temperature_c);
  EXPECT_EQ(sample.network_links_up, 0);  // an interface that is down says nothing of its carrier
}

TEST(HealthOfBoards, SensorsThatComeLateAreFoundAndThoseThatGoAreAbsent) {
  FakeBoard board;
  HealthSampler sampler = board.sampler();
  EXPECT_FALSE(sampler.sample(noon).cpu_temperature_c);
  board.put("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n");
  board.put("sys/class/thermal/thermal_zone0/temp", "40000\n");
  EXPECT_FALSE(sampler.sample(noon + Duration{60'000}).cpu_temperature_c);
  EXPECT_EQ(sampler.sample(noon + HealthSampler::between_searches).cpu_temperature_c, 40);
  board.take_away("sys/class/thermal/thermal_zone0");
  EXPECT_FALSE(sampler.sample(noon + HealthSampler::between_searches).cpu_temperature_c);
}

TEST(HealthOfBoards, TheKernelsWordOnTheClockComesFirst) {
  FakeBoard board;
  board.put("run/systemd/timesync/synchronized", "");
  EXPECT_EQ(board.sampler(false).sample(noon).clock_synchronised, 0);
  EXPECT_EQ(board.sampler(true).sample(noon).clock_synchronised, 1);
  EXPECT_EQ(board.sampler().sample(noon).clock_synchronised, 1);
}

}  // namespace
}  // namespace argosy::agent
