#include <array>
#include <fstream>
#include <optional>

#include "agent/inventory/facts.hpp"
#include "common/base/version_range.hpp"

namespace argosy::agent::facts {

namespace {

using Versions = std::map<std::string, std::string>;

constexpr std::size_t most_libraries = 20'000;         // looked at in a folder
constexpr std::size_t most_package_lines = 2'000'000;  // of what dpkg knows
constexpr std::size_t most_line_bytes = 4096;

struct Library {
  const char* name;
  std::string_view file;  // how its name begins; its version follows
};
constexpr std::array libraries{Library{"tensorrt", "libnvinfer.so."},
                               Library{"cuda", "libcudart.so."},
                               Library{"cudnn", "libcudnn.so."},
                               Library{"onnxruntime", "libonnxruntime.so."},
                               Library{"openvino", "libopenvino.so."},
                               Library{"hailort", "libhailort.so."},
                               Library{"tflite", "libtensorflowlite_c.so."},
                               Library{"edgetpu", "libedgetpu.so."}};
constexpr std::array folders{"usr/lib",
                             "usr/lib64",
                             "usr/local/lib",
                             "usr/lib/x86_64-linux-gnu",
                             "usr/lib/aarch64-linux-gnu",
                             "usr/lib/arm-linux-gnueabihf",
                             "usr/local/cuda/lib64",
                             "opt/intel/openvino/runtime/lib/intel64",
                             "opt/intel/openvino/runtime/lib/aarch64"};

std::size_t dots_in(std::string_view version) {
  return static_cast<std::size_t>(std::count(version.begin(), version.end(), '.'));
}

// libnvinfer.so.8 leads to libnvinfer.so.8.5.2: the one that says more, and of such the newer.
bool says_more(const std::string& found, const std::string& known) {
  if (dots_in(found) != dots_in(known)) return dots_in(found) > dots_in(known);
  return *VersionNumber::of(found) > *VersionNumber::of(known);
}

void take_library(std::string_view file, Versions& versions) {
  for (const Library& library : libraries) {
    if (!file.starts_with(library.file)) continue;
    const std::string found = printable(file.substr(library.file.size()), wire::most_version_bytes);
    if (!VersionNumber::of(found)) return;
    const auto [known, is_new] = versions.emplace(library.name, found);
    if (!is_new && says_more(found, known->second)) known->second = found;
  }
}

void take_libraries(const sysfs::Path& folder, Versions& versions) {
  std::error_code failed;
  std::size_t looked_at = 0;
  for (std::filesystem::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    if (++looked_at > most_libraries) return;
    take_library(at->path().filename().string(), versions);
  }
}

// "# R35 (release), REVISION: 4.1, GCID: ..." is 35.4.1.
std::optional<std::string> l4t_of(const sysfs::Path& root) {
  const std::string line = text_of(root / "etc/nv_tegra_release", 256);
  const std::size_t release = line.find('R');
  const std::size_t revision = line.find("REVISION: ");
  if (release == std::string::npos || revision == std::string::npos) return std::nullopt;
  const auto major = VersionNumber::of(std::string_view(line).substr(release + 1));
  const auto minor = VersionNumber::of(std::string_view(line).substr(revision + 10));
  if (!major || !minor) return std::nullopt;
  return major->text() + "." + minor->text();
}

// Of a package that dpkg has installed. Of a line only its beginning is looked at.
std::optional<std::string> package_version(const sysfs::Path& root, std::string_view package) {
  std::ifstream lines(root / "var/lib/dpkg/status");
  std::string line;
  bool is_it = false;
  for (std::size_t read = 0; read < most_package_lines && std::getline(lines, line); ++read) {
    if (line.size() > most_line_bytes) continue;
    if (line.starts_with("Package: ")) is_it = line.substr(9) == package;
    if (is_it && line.starts_with("Version: ")) return printable(line.substr(9), wire::most_version_bytes);
  }
  return std::nullopt;
}

struct JetPack {
  const char* l4t;
  const char* version;
};
// https://developer.nvidia.com/embedded/jetson-linux-archive. A revision in between is of the JetPack before it.
constexpr std::array jetpacks{
    JetPack{"32.4.3", "4.4"},   JetPack{"32.4.4", "4.4.1"}, JetPack{"32.5", "4.5"},     JetPack{"32.5.1", "4.5.1"},
    JetPack{"32.6.1", "4.6"},   JetPack{"32.7.1", "4.6.1"}, JetPack{"32.7.2", "4.6.2"}, JetPack{"32.7.3", "4.6.3"},
    JetPack{"32.7.4", "4.6.4"}, JetPack{"32.7.5", "4.6.5"}, JetPack{"32.7.6", "4.6.6"}, JetPack{"34.1", "5.0"},
    JetPack{"34.1.1", "5.0.1"}, JetPack{"35.1", "5.0.2"},   JetPack{"35.2.1", "5.1"},   JetPack{"35.3.1", "5.1.1"},
    JetPack{"35.4.1", "5.1.2"}, JetPack{"35.5.0", "5.1.3"}, JetPack{"35.6.0", "5.1.4"}, JetPack{"35.6.1", "5.1.5"},
    JetPack{"36.2", "6.0"},     JetPack{"36.4.0", "6.1"},   JetPack{"36.4.3", "6.2"},   JetPack{"36.4.4", "6.2.1"}};

// The package tells it where it is installed; a board can be flashed without it.
std::optional<std::string> jetpack_of(const sysfs::Path& root, const std::string& l4t) {
  if (const auto version = package_version(root, "nvidia-jetpack"))
    if (const auto number = VersionNumber::of(*version)) return number->text();
  const auto wanted = VersionNumber::of(l4t);
  std::optional<std::string> found;
  for (const JetPack& jetpack : jetpacks) {
    const auto series = *VersionNumber::of(std::string_view(jetpack.l4t).substr(0, 2));
    const bool is_of_series = holds(*wanted, VersionOperator::series, series);
    if (is_of_series && *wanted >= *VersionNumber::of(jetpack.l4t)) found = jetpack.version;
  }
  return found;
}

}  // namespace

std::map<std::string, std::string> installed_versions(const sysfs::Path& root) {
  Versions versions;
  for (const char* folder : folders) take_libraries(root / folder, versions);
  const auto put = [&](const char* name, const std::string& version) {
    if (!version.empty()) versions[name] = version;
  };
  put("kernel", text_of(root / "proc/sys/kernel/osrelease", wire::most_version_bytes));
  put("nvidia_driver", text_of(root / "sys/module/nvidia/version", wire::most_version_bytes));
  if (const auto l4t = l4t_of(root)) {
    put("l4t", *l4t);
    put("jetpack", jetpack_of(root, *l4t).value_or(""));
  }
  return versions;
}

}  // namespace argosy::agent::facts
