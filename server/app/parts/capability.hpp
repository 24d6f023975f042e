// What every part of the composition has: lines of its own in what all of them share. Each part owns what it is made
// of, in the order in which that is made, and knows what was made before it; it ends before that does. Made, asked and
// ended by the composition root. On the I/O thread.
#pragma once

namespace argosy::server {

class LeaderWork;
class Metrics;
class Router;

class Capability {
 public:
  Capability() = default;
  Capability(const Capability&) = delete;
  Capability& operator=(const Capability&) = delete;
  virtual ~Capability() = default;

  virtual void add_jobs(LeaderWork&) {}  // what comes round on the instance that leads
  virtual void add_routes(Router&) {}    // of both listeners: those under /device/ are the devices'
  virtual void add_figures(Metrics&) {}  // what it shows of itself in /metrics; loops put theirs there by themselves
};

}  // namespace argosy::server
