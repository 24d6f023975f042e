// Models: the files in the store, releases of them, and the patches that lead from one to the next. On the I/O thread;
// patches are made on workers.
#pragma once

#include "server/app/parts/capability.hpp"
#include "server/app/parts/platform.hpp"
#include "server/models/blob_service.hpp"
#include "server/models/model_service.hpp"
#include "server/models/patch_service.hpp"
#include "server/work/worker_pool.hpp"

namespace argosy::server {

// The store of files, as the configuration has it; blocking.
Result<BlobService> open_store(Platform& platform);

class ModelParts : public Capability {
 public:
  ModelParts(Platform& platform, BlobService store);

  WorkerPool patch_worker;
  BlobService blobs;
  ModelService models;
  PatchService patches;

  void start();

  void add_jobs(LeaderWork& leader) override;
  void add_routes(Router& router) override;
  void add_figures(Metrics& metrics) override;

 private:
  Platform& platform_;
};

}  // namespace argosy::server
