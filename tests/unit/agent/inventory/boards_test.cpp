// What the agent tells of boards as people have them: tests/data/boards/README.md says what they were made from.
#include <gtest/gtest.h>

#include "agent/inventory/inventory.hpp"
#include "tests/unit/agent/telemetry/fake_board.hpp"

namespace argosy::agent {
namespace {

using test::FakeBoard;
using wire::HealthSample;
using wire::Inventory;
using Words = std::vector<std::string>;
using Versions = std::map<std::string, std::string>;

const Instant noon = instant_from_ms(1'700'000'000'000);

std::filesystem::path tree_of(const std::string& board) {
  return std::filesystem::path(ARGOSY_BOARDS) / board;
}

// The board's own heat, power and disk, without what the machine that runs this test tells.
HealthSample sensors_only(HealthSample sample) {
  sample.at = noon;
  sample.disk_free_mb = sample.disk_total_mb = sample.uptime_s = std::nullopt;
  return sample;
}

HealthSample health_of(const std::string& board, const std::string& models_on) {
  FakeBoard copy(tree_of(board));
  copy.keep_models_on(models_on);
  return sensors_only(copy.sampler().sample(noon));
}

HealthSample nothing() {
  HealthSample sample;
  sample.at = noon;
  return sample;
}

TEST(Boards, RaspberryPi4WithAWeakSupplyAndACoral) {
  Inventory board;
  board.board = "Raspberry Pi 4 Model B Rev 1.4";
  board.compatible = {"raspberrypi,4-model-b", "brcm,bcm2711"};
  board.cpu = "Cortex-A72";
  board.cpu_features = {"neon"};
  board.cores = 4;
  board.parts = {"edgetpu USB 18d1:9302"};
  board.versions = {{"edgetpu", "1.0"}, {"kernel", "6.1.21-v8+"}};
  EXPECT_EQ(take_inventory(tree_of("raspberry-pi-4")), board);

  HealthSample health = nothing();
  health.cpu_temperature_c = 62.808;
  health.under_voltage = 1;
  health.throttled = 1;
  EXPECT_EQ(health_of("raspberry-pi-4",
                      "sys/devices/platform/emmc2bus/fe340000.mmc/mmc_host/mmc0/mmc0:aaaa/block/mmcblk0/mmcblk0p2"),
            health);
}

TEST(Boards, RaspberryPi5ThatWasThrottledEarlier) {
  Inventory board;
  board.board = "Raspberry Pi 5 Model B Rev 1.0";
  board.compatible = {"raspberrypi,5-model-b", "brcm,bcm2712"};
  board.cpu = "Cortex-A76";
  board.cpu_features = {"dotprod", "fp16", "neon"};
  board.cores = 4;
  board.parts = {"hailo PCI 1e60:2864 hailo"};
  board.versions = {{"hailort", "4.17.0"}, {"kernel", "6.6.31+rpt-rpi-2712"}};
  EXPECT_EQ(take_inventory(tree_of("raspberry-pi-5")), board);

  HealthSample health = nothing();
  health.cpu_temperature_c = 51.75;
  health.disk_temperature_c = 45.85;
  health.under_voltage = 0;
  health.throttled = 0;
  EXPECT_EQ(health_of("raspberry-pi-5",
                      "sys/devices/platform/axi/1000110000.pcie/pci0000:00/0000:00:00.0/"
                      "0000:01:00.0/nvme/nvme0/nvme0n1/nvme0n1p2"),
            health);
}

TEST(Boards, JetsonOrinNanoThatIsHot) {
  Inventory board;
  board.board = "NVIDIA Jetson Orin Nano Developer Kit";
  board.compatible = {"nvidia,p3768-0000+p3767-0005", "nvidia,p3767-0005", "nvidia,tegra234"};
  board.cpu = "Cortex-A78AE";
  board.cpu_features = {"dotprod", "fp16", "neon"};
  board.cores = 6;
  board.parts = {"nvidia_gpu Tegra"};
  board.versions = {{"cuda", "12.2.140"},         {"cudnn", "8.9.4"}, {"jetpack", "6.0"},
                    {"kernel", "5.15.136-tegra"}, {"l4t", "36.3.0"},  {"tensorrt", "8.6.2"}};
  EXPECT_EQ(take_inventory(tree_of("jetson-orin-nano")), board);

  HealthSample health = nothing();
  health.cpu_temperature_c = 52.593;
  health.gpu_temperature_c = 49.843;
  health.throttled = 1;
  health.gpu_percent = 43.7;
  health.power_w = 4968 * 1250 / 1e6;
  health.disk_temperature_c = 41.85;
  EXPECT_EQ(health_of("jetson-orin-nano",
                      "sys/devices/platform/bus@0/14160000.pcie/pci0004:00/0004:00:00.0/"
                      "0004:01:00.0/nvme/nvme0/nvme0n1/nvme0n1p1"),
            health);
}

TEST(Boards, JetsonXavierNxOfJetPack4) {
  Inventory board;
  board.board = "NVIDIA Jetson Xavier NX Developer Kit";
  board.compatible = {"nvidia,p3449-0000+p3668-0000", "nvidia,jetson-xavier-nx", "nvidia,tegra194"};
  board.cpu = "Carmel";
  board.cpu_features = {"fp16", "neon"};
  board.cores = 6;
  board.parts = {"nvidia_gpu Tegra"};
  board.versions = {{"jetpack", "4.6.1"}, {"kernel", "4.9.253-tegra"}, {"l4t", "32.7.1"}, {"tensorrt", "8.2.1"}};
  EXPECT_EQ(take_inventory(tree_of("jetson-xavier-nx")), board);

  HealthSample health = nothing();
  health.cpu_temperature_c = 39.5;
  health.gpu_temperature_c = 37;
  health.gpu_percent = 0;
  health.power_w = 3.412;
  health.disk_wear_percent = 20;
  health.disk_pre_eol = 1;
  EXPECT_EQ(health_of("jetson-xavier-nx", "sys/devices/3460000.sdhci/mmc_host/mmc0/mmc0:0001/block/mmcblk0/mmcblk0p1"),
            health);
}

TEST(Boards, IntelNucThatIsSlowedDownBetweenTwoSamples) {
  Inventory board;
  board.board = "Intel(R) Client Systems NUC11PAHi5";
  board.cpu = "11th Gen Intel(R) Core(TM) i5-1135G7 @ 2.40GHz";
  board.cpu_features = {"avx", "avx2", "avx512_vnni", "avx512bw", "avx512f", "f16c", "fma", "sse4_2"};
  board.cores = 8;
  board.parts = {"intel_gpu PCI 8086:9a49 i915", "edgetpu PCI 1ac1:089a apex"};
  board.versions = {{"kernel", "6.8.0-45-generic"}, {"openvino", "2024.3.0"}};
  EXPECT_EQ(take_inventory(tree_of("intel-nuc")), board);

  FakeBoard nuc(tree_of("intel-nuc"));
  nuc.keep_models_on("sys/devices/pci0000:00/0000:00:1d.0/0000:58:00.0/nvme/nvme0/nvme0n1/nvme0n1p2");
  HealthSampler sampler = nuc.sampler();
  HealthSample health = nothing();
  health.cpu_temperature_c = 47;
  health.npu_temperature_c = 48.55;
  health.throttled = 0;
  health.disk_temperature_c = 38.85;
  EXPECT_EQ(sensors_only(sampler.sample(noon)), health);

  nuc.put("proc/uptime", "1060.00 7900.00\n");
  nuc.put("sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_total_time_ms", "6340\n");
  nuc.put("sys/class/powercap/intel-rapl:0/energy_uj", "1000000000\n");
  nuc.put("sys/class/powercap/intel-rapl:1/energy_uj", "2050000000\n");
  nuc.put("sys/class/drm/card0/gt/gt0/rc6_residency_ms", "545000\n");
  health.throttled = 1;
  health.cpu_power_w = 15;
  health.power_w = 30;
  health.gpu_awake_percent = 25;
  EXPECT_EQ(sensors_only(sampler.sample(noon)), health) << "6 s of 60 are more than an accident";

  nuc.put("proc/uptime", "1120.00 8300.00\n");
  nuc.put("sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_total_time_ms", "6390\n");
  nuc.put("sys/class/powercap/intel-rapl:0/energy_uj", "5\n");
  const HealthSample later = sampler.sample(noon);
  EXPECT_EQ(later.throttled, 0) << "50 ms of 60 s are the usual turbo";
  EXPECT_EQ(later.cpu_power_w, std::nullopt) << "the counter began anew";
}

TEST(Boards, RockchipThatIsHot) {
  Inventory board;
  board.board = "Orange Pi 5";
  board.compatible = {"rockchip,rk3588s-orangepi-5", "rockchip,rk3588"};
  board.cpu = "Cortex-A55 + Cortex-A76";
  board.cpu_features = {"dotprod", "fp16", "neon"};
  board.cores = 8;
  board.parts = {"rknpu fdab0000.npu"};
  board.versions = {{"kernel", "5.10.110-rockchip-rk3588"}};
  EXPECT_EQ(take_inventory(tree_of("orange-pi-5")), board);

  HealthSample health = nothing();
  health.cpu_temperature_c = 45.307;
  health.gpu_temperature_c = 43.461;
  health.npu_temperature_c = 42.538;
  health.throttled = 1;
  health.disk_wear_percent = 20;
  health.disk_pre_eol = 1;
  EXPECT_EQ(
      health_of("orange-pi-5", "sys/devices/platform/fe2e0000.mmc/mmc_host/mmc0/mmc0:0001/block/mmcblk0/mmcblk0p2"),
      health);
}

TEST(Boards, CoralDevBoard) {
  Inventory board;
  board.board = "Freescale i.MX8MQ Phanbell";
  board.compatible = {"google,imx8mq-phanbell", "fsl,imx8mq"};
  board.cpu = "Cortex-A53";
  board.cpu_features = {"neon"};
  board.cores = 4;
  board.parts = {"edgetpu PCI 1ac1:089a apex"};
  board.versions = {{"edgetpu", "1.0"}, {"kernel", "4.14.98-imx"}};
  EXPECT_EQ(take_inventory(tree_of("coral-dev-board")), board);

  HealthSample health = nothing();
  health.cpu_temperature_c = 47;
  health.gpu_temperature_c = 46;
  health.npu_temperature_c = 52.8;
  health.throttled = 0;
  health.disk_wear_percent = 10;
  health.disk_pre_eol = 1;
  EXPECT_EQ(health_of("coral-dev-board",
                      "sys/devices/platform/30b40000.usdhc/mmc_host/mmc0/mmc0:0001/block/mmcblk0/mmcblk0p3"),
            health);
}

TEST(Boards, EpycServerWithAnNvidiaCard) {
  Inventory board;
  board.board = "ASRockRack ROMED8-2T";
  board.cpu = "AMD EPYC 7313P 16-Core Processor";
  board.cpu_features = {"avx", "avx2", "f16c", "fma", "sse4_2"};
  board.cores = 32;
  board.parts = {"nvidia_gpu NVIDIA L4"};
  board.versions = {
      {"cuda", "12.4.127"}, {"kernel", "6.5.0-41-generic"}, {"nvidia_driver", "550.54.15"}, {"tensorrt", "10.0.1"}};
  EXPECT_EQ(take_inventory(tree_of("epyc-server")), board);

  FakeBoard server(tree_of("epyc-server"));
  HealthSampler sampler = server.sampler();
  HealthSample health = nothing();
  health.cpu_temperature_c = 41.25;
  EXPECT_EQ(sensors_only(sampler.sample(noon)), health);
  server.put("proc/uptime", "1010.00 30200.00\n");
  server.put("sys/class/powercap/intel-rapl:0/energy_uj", "5900000000\n");
  EXPECT_EQ(sampler.sample(noon).cpu_power_w, 90);
}

}  // namespace
}  // namespace argosy::agent
