-- What a rollout's first canary can find out, told when its devices are planned (server/rollouts/guards/canary_reach.hpp).
alter table rollouts
  add column canary_reach jsonb;                       -- as the API shows it; null: no guards, or not planned yet
