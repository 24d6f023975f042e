#include "server/app/parts/model_parts.hpp"

#include <chrono>
#include <utility>

#include "server/app/leader_work.hpp"
#include "server/app/part_options.hpp"
#include "server/base/round_of.hpp"
#include "server/models/draft_api.hpp"
#include "server/models/model_api.hpp"
#include "server/models/patch_api.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

PatchOptions observed_patch_options(Platform& platform) {
  PatchOptions options = patch_options(platform.config);
  options.observe = loop_observer(platform.metrics);
  return options;
}

}  // namespace

Result<BlobService> open_store(Platform& platform) {
  return BlobService::open(platform.db, platform.worker, blob_options(platform.config));
}

ModelParts::ModelParts(Platform& platform, BlobService store)
    : patch_worker(platform.io, patch_worker_options(platform.config)),
      blobs(std::move(store)),
      models(platform.db, blobs),
      patches(platform.db, blobs, patch_worker, observed_patch_options(platform)),
      platform_(platform) {}

void ModelParts::start() {
  patches.start(platform_.io, patch_makers(platform_.config));
}

void ModelParts::add_jobs(LeaderWork& leader) {
  leader.every("demand for patches", 15s, round_of<&PatchService::count_demand>(patches));
  leader.every("clearing patches", 5min, round_of<&PatchService::clear>(patches));
}

void ModelParts::add_routes(Router& router) {
  add_model_routes(router, models);
  add_draft_routes(router, models);
  add_patch_routes(router, patches);
  add_blob_routes(router, blobs);
}

void ModelParts::add_figures(Metrics& metrics) {
  add_metrics(metrics, patches);
}

}  // namespace argosy::server
