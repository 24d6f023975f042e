// What a device is made of, as it found out by itself: board, processor, accelerators, and the versions of what models
// run with. Only what devices of a kind share, nothing that tells one from another. What is not known is absent. Part
// of the capabilities in the state document. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/json/json_reader.hpp"

namespace argosy::wire {

inline constexpr std::size_t most_board_bytes = 128;  // of the board's and the processor's names
inline constexpr std::size_t most_compatible = 8;
inline constexpr std::size_t most_parts = 16;
inline constexpr std::size_t most_part_bytes = 96;
inline constexpr std::size_t most_version_bytes = 64;
inline constexpr std::uint32_t most_cores = 65'536;
inline constexpr std::uint32_t most_opset = 1'000'000;

// What a version may be known of.
inline constexpr std::array<std::string_view, 12> version_names{"cuda",        "cudnn",    "edgetpu",  "hailort",
                                                                "jetpack",     "kernel",   "l4t",      "nvidia_driver",
                                                                "onnxruntime", "openvino", "tensorrt", "tflite"};
bool is_version_name(std::string_view name);

// Of a processor, those that speed models up; the kernel's words, but "neon" for asimd, "dotprod" for asimddp and
// "fp16" for asimdhp.
inline constexpr std::array<std::string_view, 20> cpu_feature_names{
    "amx_bf16", "amx_int8", "amx_tile", "avx", "avx2", "avx512_bf16", "avx512_vnni", "avx512bw", "avx512f", "avx_vnni",
    "bf16",     "dotprod",  "f16c",     "fma", "fp16", "i8mm",        "neon",        "sse4_2",   "sve",     "sve2"};
bool is_cpu_feature(std::string_view name);

// What a model in ONNX asks of an engine, or an engine can do at most.
struct OnnxReach {
  std::uint32_t opset = 0;
  std::uint32_t ir = 0;
  friend bool operator==(const OnnxReach&, const OnnxReach&) = default;
};

nlohmann::json json_of(const OnnxReach& reach);  // {"opset": 17, "ir": 8}
void read_reach(JsonReader& fields, OnnxReach& reach);

struct Inventory {
  std::string board;                    // "NVIDIA Jetson Orin Nano Developer Kit"; empty: not known
  std::vector<std::string> compatible;  // of the device tree, the most special first: "nvidia,p3768-0000+p3767-0005"
  std::string cpu;                      // "Cortex-A78AE"
  std::vector<std::string> cpu_features;
  std::optional<std::uint32_t> cores;
  // Accelerators that are there, with what can be told of each: "edgetpu USB 18d1:9302", "nvidia_gpu Orin".
  std::vector<std::string> parts;
  std::map<std::string, std::string> versions;  // by a name of version_names
  std::optional<OnnxReach> onnx;                // of the engine that validates here
  friend bool operator==(const Inventory&, const Inventory&) = default;
};

void put(nlohmann::json& capabilities, const Inventory& inventory);
// What is over a bound is an error that names it.
void read_inventory(JsonReader& capabilities, Inventory& inventory);

}  // namespace argosy::wire
