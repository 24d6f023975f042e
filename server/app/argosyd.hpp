// The program argosyd: reads the command line, does what it asks, and answers with the exit status.
#pragma once

namespace argosy::server {

int run_argosyd(int argc, char** argv);

}  // namespace argosy::server
