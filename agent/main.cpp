#include "agent/app/command_line.hpp"

int main(int argc, char** argv) {
  return argosy::agent::run_command_line(argc, argv);
}
