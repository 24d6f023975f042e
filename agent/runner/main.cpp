#include "agent/runner/validation.hpp"

int main(int argc, char** argv) {
  return argosy::agent::run_argosy_runner(argc, argv);
}
