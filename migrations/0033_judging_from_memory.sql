-- Drift and alerts are judged from the memory of the instance that leads. What others must know lies here; all of it is
-- made anew by itself, so none of it needs the log.

create unlogged table unheard_windows (                -- windows that an instance stored that does not lead
  id        bigint generated always as identity primary key,
  device_id text not null,
  model     text not null,
  earliest  timestamptz not null                       -- of their starts
);

create unlogged table window_rates (                   -- what each instance stores
  instance            text primary key,
  windows_last_minute bigint not null,                 -- that ended in the minute up to counted_at
  counted_at          timestamptz not null
);

create unlogged table worst_lists (                    -- the worst of the fleet, as the leader told them last
  name    text primary key,                            -- latency, accuracy
  told_at timestamptz not null,
  items   jsonb not null                               -- [{device, model, version, value, usual, at}], the worst first
);

alter table latency_baselines
  add column fresh text not null default '[]';         -- [[at, labelled, correct]]: labels of the last minutes, oldest first
