#include <array>
#include <fstream>

#include "agent/inventory/facts.hpp"

namespace argosy::agent::facts {

namespace {

constexpr std::size_t most_devices = 512;  // looked at on a bus

// "0x1ac1" or "1a6e": four digits in lower case.
std::string id_of(const sysfs::Path& file) {
  const std::string text = text_of(file, 16);
  return text.starts_with("0x") ? text.substr(2) : text;
}

std::string driver_of(const sysfs::Path& device) {
  std::error_code failed;
  const auto driver = std::filesystem::read_symlink(device / "driver", failed);
  return failed ? std::string() : printable(driver.filename().string(), 32);
}

void add(std::vector<std::string>& parts, const std::string& kind, const std::string& about) {
  if (parts.size() < wire::most_parts)
    parts.push_back(printable(about.empty() ? kind : kind + " " + about, wire::most_part_bytes));
}

struct Kind {
  const char* word;
  std::string_view vendor;
  std::string_view device;     // empty: any
  std::string_view pci_class;  // how it begins; empty: any
};
// Ids of https://pci-ids.ucw.cz and of the makers' drivers. 03: display, 12: processing accelerator.
constexpr std::array pci_kinds{Kind{"edgetpu", "1ac1", "089a", ""}, Kind{"hailo", "1e60", "", ""},
                               Kind{"intel_npu", "8086", "", "12"}, Kind{"intel_gpu", "8086", "", "03"},
                               Kind{"amd_npu", "1022", "1502", ""}, Kind{"amd_npu", "1022", "17f0", ""},
                               Kind{"amd_gpu", "1002", "", "03"},   Kind{"nvidia_gpu", "10de", "", "03"}};
// An Edge TPU has the first until its firmware is loaded by the first program that uses it.
constexpr std::array usb_kinds{Kind{"edgetpu", "1a6e", "089a", ""}, Kind{"edgetpu", "18d1", "9302", ""}};

// By the names that NVIDIA's driver gives them.
void add_nvidia_cards(const sysfs::Path& root, std::vector<std::string>& parts) {
  for (const auto& card : sysfs::children(root / "proc/driver/nvidia/gpus", "")) {
    std::ifstream lines(card / "information");
    std::string line;
    while (std::getline(lines, line) && !line.starts_with("Model:")) {
    }
    if (line.starts_with("Model:")) add(parts, "nvidia_gpu", printable(line.substr(6), wire::most_part_bytes));
  }
}

void add_from_pci(const sysfs::Path& root, std::vector<std::string>& parts, bool nvidia_is_named) {
  std::size_t looked_at = 0;
  for (const auto& device : sysfs::children(root / "sys/bus/pci/devices", "")) {
    if (++looked_at > most_devices) return;
    const std::string vendor = id_of(device / "vendor");
    const std::string id = id_of(device / "device");
    const std::string pci_class = id_of(device / "class");
    for (const Kind& kind : pci_kinds) {
      const bool is_it =
          kind.vendor == vendor && (kind.device.empty() || kind.device == id) && pci_class.starts_with(kind.pci_class);
      if (!is_it || (nvidia_is_named && kind.vendor == "10de")) continue;
      const std::string driver = driver_of(device);
      add(parts, kind.word, "PCI " + vendor + ":" + id + (driver.empty() ? "" : " " + driver));
      break;
    }
  }
}

void add_from_usb(const sysfs::Path& root, std::vector<std::string>& parts) {
  std::size_t looked_at = 0;
  for (const auto& device : sysfs::children(root / "sys/bus/usb/devices", "")) {
    if (++looked_at > most_devices) return;
    const std::string vendor = id_of(device / "idVendor");
    const std::string product = id_of(device / "idProduct");
    for (const Kind& kind : usb_kinds)
      if (kind.vendor == vendor && kind.device == product) add(parts, kind.word, "USB " + vendor + ":" + product);
  }
}

// What has no bus that names it.
void add_from_chip(const sysfs::Path& root, std::vector<std::string>& parts) {
  if (sysfs::is_there(root / "etc/nv_tegra_release")) add(parts, "nvidia_gpu", "Tegra");
  for (const auto& device : sysfs::children(root / "sys/class/devfreq", ""))
    if (device.filename().string().ends_with(".npu")) add(parts, "rknpu", device.filename().string());
}

}  // namespace

std::vector<std::string> parts_of(const sysfs::Path& root) {
  std::vector<std::string> parts;
  add_nvidia_cards(root, parts);
  add_from_pci(root, parts, !parts.empty());
  add_from_usb(root, parts);
  add_from_chip(root, parts);
  return parts;
}

}  // namespace argosy::agent::facts
