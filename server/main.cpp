#include <exception>
#include <iostream>

#include "server/app/argosyd.hpp"

int main(int argc, char** argv) {
  try {
    return argosy::server::run_argosyd(argc, argv);
  } catch (const std::exception& exception) {
    std::cerr << "argosyd: " << exception.what() << "\n";
    return 1;
  }
}
