// blob_server.py as a child of the test, with an authority of its own.
#pragma once

#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/link/https_client.hpp"
#include "common/base/file.hpp"
#include "common/crypto/certificates.hpp"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent::test {

class BlobServer {
 public:
  explicit BlobServer(const std::string& blob, ServerNames names = {{"localhost"}, {"127.0.0.1"}}) {
    const Validity validity{wall_clock_now() - std::chrono::hours(1), wall_clock_now() + std::chrono::hours(1)};
    authority_ = make_authority("Test fleet", validity).value();
    const CertificateAndKey server = make_server_certificate(authority_, names, validity).value();
    put("server.pem", server.certificate_pem + authority_.certificate_pem);
    put("server.key", server.private_key_pem);
    put("blob", blob);
    int out[2];
    int in[2];
    EXPECT_EQ(::pipe(out) + ::pipe(in), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(out[1], STDOUT_FILENO);
      ::dup2(in[0], STDIN_FILENO);
      for (const int fd : {out[0], out[1], in[0], in[1]}) ::close(fd);
      ::execlp("python3", "python3", ARGOSY_BLOB_SERVER, path("server.pem").c_str(), path("server.key").c_str(),
               path("blob").c_str(), path("manners").c_str(), nullptr);
      ::_exit(127);
    }
    ::close(out[1]);
    ::close(in[0]);
    stdin_ = in[1];
    char c = 0;
    while (::read(out[0], &c, 1) == 1 && c != '\n') port_.push_back(c);
    EXPECT_FALSE(port_.empty()) << "the server did not start";
    ::close(out[0]);
  }
  ~BlobServer() {
    ::close(stdin_);
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  BlobServer(const BlobServer&) = delete;
  BlobServer& operator=(const BlobServer&) = delete;

  void behave(const std::string& words) { put("manners", words); }
  Endpoint endpoint(const std::string& host = "127.0.0.1") const { return {host, port_}; }
  const CertificateAndKey& authority() const { return authority_; }
  Trust trust() const {
    Trust trust;
    trust.ca_pem = authority_.certificate_pem;
    return trust;
  }
  // "Range|If-Range|word" of each request.
  std::vector<std::string> requests() const {
    std::istringstream log(read_file(path("manners.log")).value());
    std::vector<std::string> lines;
    for (std::string line; std::getline(log, line);) lines.push_back(line);
    return lines;
  }

 private:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void put(const std::string& name, const std::string& text) { EXPECT_TRUE(write_file_atomically(path(name), text)); }

  TempFolder folder_;
  CertificateAndKey authority_;
  pid_t pid_ = -1;
  int stdin_ = -1;
  std::string port_;
};

}  // namespace argosy::agent::test
