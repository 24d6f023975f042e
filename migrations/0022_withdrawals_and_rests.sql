-- Releases that were taken back: refused for new rollouts, and a rollout of one tells no further device. A release itself
-- never changes, so that it was withdrawn stands beside it.

create table release_withdrawals (
  release_id bigint primary key references releases on delete cascade,
  at         timestamptz not null,
  actor      text not null,
  reason     text not null
);
create index rollouts_release on rollouts (release_id);
