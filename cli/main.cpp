#include "cli/app.hpp"

int main(int argc, char** argv) {
  return argosy::cli::run(argc, argv);
}
