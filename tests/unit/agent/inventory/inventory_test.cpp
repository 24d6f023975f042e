// What an inventory makes of files that are missing, foreign or absurd.
#include "agent/inventory/inventory.hpp"

#include <fstream>

#include <gtest/gtest.h>

#include "common/wire/state.hpp"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent {
namespace {

class InventoryTest : public ::testing::Test {
 protected:
  void put(const std::string& path, const std::string& content) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << content;
  }
  wire::Inventory take() const { return take_inventory(root_.path()); }

 private:
  test::TempFolder root_;
};

TEST_F(InventoryTest, WithoutFilesKnowsNothing) {
  EXPECT_EQ(take(), wire::Inventory{});
}

TEST_F(InventoryTest, ThisMachineHasOne) {
  const wire::Inventory here = take_inventory();
  EXPECT_GE(here.cores.value_or(0), 1U);
  EXPECT_TRUE(here.versions.contains("kernel"));
}

TEST_F(InventoryTest, WhateverABoardSaysFitsIntoAStateDocument) {
  put("proc/device-tree/model", std::string(4000, '\xff') + std::string(4000, 'm'));
  std::string words;
  for (int i = 0; i < 100; ++i) words += std::string(200, 'w') + '\0';
  put("proc/device-tree/compatible", words);
  put("proc/cpuinfo",
      "model name : " + std::string(100'000, 'c') + "\nflags : avx2 avx2 mmx " + std::string(9000, 'f'));
  put("proc/sys/kernel/osrelease", std::string(3000, '6'));
  for (int i = 0; i < 40; ++i) {
    put("sys/bus/usb/devices/1-" + std::to_string(i) + "/idVendor", "1a6e\n");
    put("sys/bus/usb/devices/1-" + std::to_string(i) + "/idProduct", "089a\n");
  }
  wire::DeviceState state;
  state.device = "cam-7";
  state.capabilities.inventory = take();
  EXPECT_EQ(state.capabilities.inventory.parts.size(), wire::most_parts);
  EXPECT_EQ(state.capabilities.inventory.cpu_features, std::vector<std::string>{"avx2"});
  const auto read = wire::decode_device_state(wire::encode(state));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->capabilities.inventory, state.capabilities.inventory);
}

TEST_F(InventoryTest, MakersWhoLeftTheNameOutHaveNone) {
  put("sys/class/dmi/id/sys_vendor", "System manufacturer\n");
  put("sys/class/dmi/id/product_name", "System Product Name\n");
  EXPECT_EQ(take().board, "");
  put("sys/class/dmi/id/board_vendor", "ASUSTeK COMPUTER INC.\n");
  put("sys/class/dmi/id/board_name", "PRIME B450M-A\n");
  EXPECT_EQ(take().board, "ASUSTeK COMPUTER INC. PRIME B450M-A");
  put("sys/class/dmi/id/sys_vendor", "Dell Inc.\n");
  put("sys/class/dmi/id/product_name", "Dell Inc. Edge Gateway 3200\n");
  EXPECT_EQ(take().board, "Dell Inc. Edge Gateway 3200");
}

TEST_F(InventoryTest, JetPackIsKnownByItsPackageOrByItsLinux) {
  put("etc/nv_tegra_release", "# R35 (release), REVISION: 4.1, GCID: 1, BOARD: t186ref\n");
  EXPECT_EQ(take().versions.at("jetpack"), "5.1.2");
  put("etc/nv_tegra_release", "# R36 (release), REVISION: 4.2, GCID: 1\n");
  EXPECT_EQ(take().versions.at("jetpack"), "6.1") << "the one before it";
  put("etc/nv_tegra_release", "# R99 (release), REVISION: 1.0, GCID: 1\n");
  EXPECT_FALSE(take().versions.contains("jetpack")) << "of a series that is not known";
  put("var/lib/dpkg/status",
      "Package: nvidia-jetpack-dev\nVersion: 9.9\n\nPackage: nvidia-jetpack\nVersion: 8.1.2-b7\n");
  EXPECT_EQ(take().versions.at("jetpack"), "8.1.2");
  put("etc/nv_tegra_release", "no release\n");
  EXPECT_FALSE(take().versions.contains("l4t"));
}

TEST_F(InventoryTest, OfLibrariesTheNameThatSaysMostCounts) {
  for (const char* file : {"libnvinfer.so", "libnvinfer.so.8", "libnvinfer.so.8.5.2", "libnvinfer.so.8.4.1",
                           "libnvinfer_plugin.so.9.9.9", "libcudnn.so.beta"})
    put(std::string("usr/lib/aarch64-linux-gnu/") + file, "");
  const auto versions = take().versions;
  EXPECT_EQ(versions.at("tensorrt"), "8.5.2");
  EXPECT_FALSE(versions.contains("cudnn"));
}

TEST_F(InventoryTest, CoresAreCountedInRanges) {
  const auto cores_of = [&](const std::string& present) {
    put("sys/devices/system/cpu/present", present + "\n");
    return take().cores;
  };
  EXPECT_EQ(cores_of("0"), 1U);
  EXPECT_EQ(cores_of("0-2,4,6-7"), 6U);
  for (const char* nonsense : {"", "x", "3-1", "0-", "0;1", "0-99999999", "4294967296"})
    EXPECT_EQ(cores_of(nonsense), std::nullopt) << nonsense;
}

TEST_F(InventoryTest, ACoreThatHasNoNameHereIsToldByItsNumbers) {
  put("proc/cpuinfo", "CPU implementer : 0x48\nCPU part : 0xd01\n");
  EXPECT_EQ(take().cpu, "ARM 0x48:0xd01");
}

TEST_F(InventoryTest, IntelsNpuIsFoundWithItsDriver) {
  put("sys/bus/pci/devices/0000:00:0b.0/vendor", "0x8086\n");
  put("sys/bus/pci/devices/0000:00:0b.0/device", "0x7d1d\n");
  put("sys/bus/pci/devices/0000:00:0b.0/class", "0x120000\n");
  EXPECT_EQ(take().parts, std::vector<std::string>{"intel_npu PCI 8086:7d1d"});
}

}  // namespace
}  // namespace argosy::agent
