-- Guards are judged by device, at looks that come ever more seldom, over figures that are kept as telemetry comes.

-- The devices whose figures a rollout's guards compare: some thousand at most, drawn from every wave. Figures are those
-- of server/rollouts/guards/figures.hpp; of a wave that is over they say nothing any more.
create table rollout_panel (
  rollout_id    bigint not null references rollouts on delete cascade,
  device_id     text not null references devices on delete cascade,
  class         text not null,                         -- of hardware
  warm_up_s     bigint not null,                       -- of the rollout's policy
  old_version   text not null default '',              -- what it ran when the rollout began; '': nothing of this model
  is_before_read boolean not null default false,
  before        bytea,                                 -- on that version, before the rollout began
  waiting       bytea,                                 -- on that version, since waiting_wave opened
  waiting_wave  int not null default -1,
  updated_since timestamptz,                           -- its first window on the new release
  updated       bytea,                                 -- on the new release, since updated_wave opened
  updated_wave  int not null default -1,
  exposure_ms   bigint not null default 0,             -- of `updated`
  primary key (rollout_id, device_id)
) with (fillfactor = 70);
create index rollout_panel_device on rollout_panel (device_id);
create index rollout_panel_unread on rollout_panel (rollout_id) where not is_before_read;

-- What the guards said at each look. Looks are numbered over the whole rollout: what each may spend hangs on it.
create table rollout_looks (
  rollout_id      bigint not null references rollouts on delete cascade,
  number          int not null,
  wave            int not null,
  in_wave         int not null,
  shares_of_dwell jsonb not null,                      -- of the wave's looks, this one last
  is_final        boolean not null,
  is_overtime     boolean not null default false,      -- after a final one: an operator had the rollout go on
  at              timestamptz not null,
  guards          jsonb not null,                      -- verdicts, as the API shows them
  primary key (rollout_id, number)
);

alter table rollouts
  add column panel_drawn_at timestamptz,
  add column guards_unmeasured text not null default '';  -- why the guards cannot be measured now; '': they can
