// The command line of argosy-digits-classifier. Start-up only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace digits {

struct Arguments {
  std::filesystem::path model;     // the `current` link
  std::filesystem::path data;      // field.npz: x uint8 [N,1,8,8], y int64 [N]
  std::string socket;              // the agent's; empty: observations are not sent
  std::filesystem::path control;   // faults for demonstrations; empty: none
  std::filesystem::path pid_file;  // where the agent finds whom to send SIGHUP; empty: none
  double rate = 10;                // images a second, 0.01..10000
  double label_share = 0.5;        // 0..1
  std::uint64_t seed = 1;
};

extern const char* const usage;

// Throws std::invalid_argument with what is wrong.
Arguments parse_arguments(int argc, const char* const* argv);

}  // namespace digits
