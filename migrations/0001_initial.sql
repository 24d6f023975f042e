-- The first schema. Times are timestamptz in UTC; digests are lower-case hex SHA-256; documents are jsonb.

-- People and programs that may call the API ---------------------------------------------------------------------------
create table users (
  id            bigint generated always as identity primary key,
  name          text not null unique,
  role          text not null check (role in ('admin', 'operator', 'publisher', 'viewer')),
  password_hash text,                                  -- Argon2id, encoded form; null: no password login yet
  created_at    timestamptz not null default now(),
  disabled_at   timestamptz
);
create table login_links (                             -- one-time links, stored as SHA-256 of the token
  token_hash bytea primary key,
  user_id    bigint not null references users on delete cascade,
  expires_at timestamptz not null,
  used_at    timestamptz
);
create table sessions (
  token_hash bytea primary key,
  user_id    bigint not null references users on delete cascade,
  csrf       text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create table api_tokens (
  id           bigint generated always as identity primary key,
  name         text not null,
  role         text not null check (role in ('admin', 'operator', 'publisher', 'viewer')),
  token_hash   bytea not null unique,
  created_by   text not null,
  created_at   timestamptz not null default now(),
  expires_at   timestamptz,
  revoked_at   timestamptz,
  last_used_at timestamptz
);
create table idempotency_keys (
  actor       text not null,
  key         text not null,
  route       text not null,
  body_digest text not null,
  status      int not null,
  response    text not null,
  created_at  timestamptz not null default now(),
  primary key (actor, key)
);
create table audit (                                   -- one row for every change that a person or a token made
  id      bigint generated always as identity primary key,
  at      timestamptz not null default now(),
  actor   text not null,
  action  text not null,                               -- "rollout.start", "token.create", ...
  object  text not null,                               -- "rollout/3", "device/cam-7", ...
  details jsonb not null default '{}'
);

-- What happened, for timelines and the live stream. Readers take only rows whose transaction every snapshot sees, so
-- that an id is never passed over: where xact < pg_snapshot_xmin(pg_current_snapshot()).
create table events (
  id         bigint generated always as identity primary key,
  at         timestamptz not null default now(),
  xact       xid8 not null default pg_current_xact_id(),
  kind       text not null,                            -- "device.enrolled", "update.state", "rollout.decision", "alert.firing", ...
  severity   text not null default 'info' check (severity in ('info', 'warning', 'critical')),
  device_id  text,
  rollout_id bigint,
  model      text,
  message    text not null,
  details    jsonb not null default '{}'
);
create index events_device on events (device_id, id desc) where device_id is not null;
create index events_rollout on events (rollout_id, id desc) where rollout_id is not null;

-- Devices -------------------------------------------------------------------------------------------------------------
create table claims (                                  -- enrolment tokens: counted and expiring
  id             bigint generated always as identity primary key,
  token_hash     bytea not null unique,
  hardware_class text,                                 -- when set, forced on the device
  labels         jsonb not null default '{}',
  max_uses       int not null,
  uses           int not null default 0,
  expires_at     timestamptz not null,
  created_by     text not null,
  created_at     timestamptz not null default now(),
  revoked_at     timestamptz
);
create table devices (
  id                      text primary key,
  hardware_class          text not null,
  labels                  jsonb not null default '{}',
  capabilities            jsonb not null default '{}',
  key_sha256              text,                        -- of its public key: the same key may enrol again without a new claim
  certificate_fingerprint text,                        -- SHA-256 of the DER form, hex
  next_fingerprint        text,                        -- issued since; takes the place of the other at its first use
  certificate_not_after   timestamptz,
  enrolled_at             timestamptz not null default now(),
  revoked_at              timestamptz,
  desired_rev             bigint not null default 0,   -- bumped in the transaction that changes what it should run
  published_rev           bigint not null default 0    -- last desired_rev that reached the broker
);
create index devices_class on devices (hardware_class, id);
create index devices_labels on devices using gin (labels jsonb_path_ops);
create index devices_unpublished on devices (id) where desired_rev > published_rev;

create table device_state (                            -- one narrow row a device, written often
  device_id       text primary key references devices on delete cascade,
  agent_version   text,
  reported_rev    bigint not null default 0,
  session_nonce   bigint not null default 0,           -- of the newest birth; an older will is ignored
  report          jsonb not null default '{}',         -- the last state document, whole
  interval_s      int not null default 60,             -- how often the device promised a sign of life
  last_seen_at    timestamptz,
  presence        text not null default 'never_seen' check (presence in ('online', 'late', 'offline', 'never_seen')),
  presence_since  timestamptz not null default now(),
  presence_reason text not null default 'enrolled, not seen yet',
  health          jsonb not null default '{}',         -- the last health sample
  health_at       timestamptz
) with (fillfactor = 70);

-- Models --------------------------------------------------------------------------------------------------------------
create table models (
  name        text primary key,
  description text not null default '',
  created_at  timestamptz not null default now()
);
create table blobs (                                   -- the content-addressed store: models, data sets, patches
  digest     text primary key,
  size       bigint not null,
  created_at timestamptz not null default now()
);
create table releases (
  id         bigint generated always as identity primary key,
  model      text not null references models,
  version    text not null,
  notes      text not null default '',
  validation jsonb not null default '{}',              -- {dataset: {digest,size}, metric, direction, threshold, max_latency_ms, max_memory_mb}
  reference  jsonb not null default '{}',              -- {features: [{name, edges, counts}]}
  published_at timestamptz,                            -- null: draft; a published release never changes
  created_by text not null,
  created_at timestamptz not null default now(),
  unique (model, version)
);
create table variants (
  id         bigint generated always as identity primary key,
  release_id bigint not null references releases on delete cascade,
  name       text not null,
  digest     text not null references blobs,
  size       bigint not null,
  format     text not null,                            -- "onnx", "tflite", ...
  selector   jsonb not null default '{}',              -- {architecture, accelerator, runtime, precision, hardware_class, min_memory_mb}
  priority   int not null default 0,                   -- the highest that suits wins
  unique (release_id, name)
);
create table patches (                                 -- one row a (from, to) pair, made once
  from_digest  text not null references blobs,
  to_digest    text not null references blobs,
  state        text not null check (state in ('pending', 'making', 'ready', 'declined', 'failed')),
  codec        text,
  digest       text references blobs,
  size         bigint,
  encode_ms    bigint,
  reason       text,
  demand       int not null default 1,
  requested_at timestamptz not null default now(),
  claimed_at   timestamptz,
  primary key (from_digest, to_digest)
);

-- What each device should run, and what it says it runs ---------------------------------------------------------------
create table device_targets (
  device_id  text not null references devices on delete cascade,
  model      text not null references models,
  release_id bigint not null references releases,
  rollout_id bigint,                                   -- whose wish this is
  attempt    int not null default 1,                   -- raised by a retry, so that the agent tries the same release again
  since      timestamptz not null default now(),
  primary key (device_id, model)
);
create table device_models (
  device_id       text not null references devices on delete cascade,
  model           text not null,
  version         text,                                -- serving now; null: none yet
  digest          text,
  previous_version text,
  previous_digest text,
  update_state    text not null default 'idle',
  update_version  text,
  updated_at      timestamptz not null default now(),
  primary key (device_id, model)
) with (fillfactor = 70);
create index device_models_version on device_models (model, version);

-- Rollouts ------------------------------------------------------------------------------------------------------------
create table rollouts (
  id         bigint generated always as identity primary key,
  name       text not null,
  model      text not null references models,
  release_id bigint not null references releases,
  filter     text not null default '',
  policy     jsonb not null,                           -- waves, gate, abort criteria, guards, pace, probation
  seed       bigint not null,
  state      text not null default 'draft' check (state in
             ('draft', 'running', 'paused', 'completed', 'halted', 'rolling_back', 'rolled_back')),
  reason     text not null default '',
  wave       int not null default 0,                   -- the open wave
  version    int not null default 1,                   -- the ETag; every operator action raises it
  created_by text not null,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  ended_at   timestamptz
);
create table rollout_waves (
  rollout_id   bigint not null references rollouts on delete cascade,
  wave         int not null,
  share        double precision not null,              -- cumulative, 0..1
  planned      int not null default 0,
  counts       jsonb not null default '{}',            -- state or cause -> devices, kept as they move
  opened_at    timestamptz,
  bake_started_at timestamptz,
  passed_at    timestamptz,
  primary key (rollout_id, wave)
);
create table rollout_devices (
  rollout_id   bigint not null references rollouts on delete cascade,
  device_id    text not null references devices on delete cascade,
  wave         int not null,
  state        text not null default 'queued',         -- queued notified downloading patching verifying validating activating probation succeeded failed
  cause        text,                                   -- for failed: download verify validate_rejected activate probation_rolled_back ...
  message      text not null default '',
  previous_release_id bigint references releases,
  attempt      int not null default 1,
  source       text,                                   -- patch | full
  bytes        bigint,                                 -- downloaded for the model
  full_bytes   bigint,
  numbers      jsonb not null default '{}',            -- metric, value, threshold, latencies, ... of the outcome
  notified_at  timestamptz,
  started_at   timestamptz,
  finished_at  timestamptz,
  primary key (rollout_id, device_id)
) with (fillfactor = 80);
create index rollout_devices_wave on rollout_devices (rollout_id, wave, state);
create index rollout_devices_device on rollout_devices (device_id);
create table rollout_decisions (
  id         bigint generated always as identity primary key,
  rollout_id bigint not null references rollouts on delete cascade,
  at         timestamptz not null default now(),
  actor      text not null,                            -- "engine" or who pressed the button
  rule       text not null,                            -- "gate", "abort", "guard", "operator", ...
  decision   text not null,                            -- "open wave 2", "halt", "roll back", "complete", ...
  message    text not null,
  inputs     jsonb not null default '{}'
);
create index rollout_decisions_rollout on rollout_decisions (rollout_id, id);

-- Telemetry -----------------------------------------------------------------------------------------------------------
create table telemetry_cursors (                       -- the highest sequence stored; a window at or under it is a repeat
  device_id text not null references devices on delete cascade,
  epoch     text not null,                             -- the life of one outbox on the device
  seq       bigint not null,
  lost      bigint not null default 0,                 -- sequences the device dropped from a full outbox
  primary key (device_id, epoch)
) with (fillfactor = 70);
create table inference_windows (
  device_id  text not null,
  epoch      text not null,
  seq        bigint not null,
  started_at timestamptz not null,
  ended_at   timestamptz not null,
  model      text not null,
  version    text not null,
  count      bigint not null,
  errors     bigint not null,
  labelled   bigint not null,
  correct    bigint not null,
  latency    bytea not null,                           -- log-histogram, common/stats
  p50_ms     double precision,
  p95_ms     double precision,
  p99_ms     double precision,
  features   jsonb not null default '[]',              -- [{name, counts}] over the release's reference bins
  classes    jsonb not null default '[]'               -- predicted class -> count
) partition by range (started_at);
create index on inference_windows (device_id, started_at);
create index on inference_windows using brin (started_at);
create table health_samples (
  device_id  text not null,
  epoch      text not null,
  seq        bigint not null,
  at         timestamptz not null,
  sample     jsonb not null                            -- cpu_percent, memory_used_mb, memory_total_mb, temperature_c, disk_free_mb, ...; absent, never zero
) partition by range (at);
create index on health_samples (device_id, at);
create index on health_samples using brin (at);

create table drift_state (                             -- the present verdict per device, model and feature
  device_id  text not null references devices on delete cascade,
  model      text not null,
  version    text not null,
  feature    text not null,
  psi        double precision not null,
  samples    bigint not null,
  drifted    boolean not null,
  since      timestamptz not null,                     -- of the present verdict
  updated_at timestamptz not null,
  present    jsonb not null default '[]',              -- counts in the rolling window, beside the release's reference
  primary key (device_id, model, feature)
) with (fillfactor = 70);

create table alerts (
  id              bigint generated always as identity primary key,
  rule            text not null,                       -- latency_doubled, accuracy_low, gone_dark, drift
  severity        text not null check (severity in ('warning', 'critical')),
  device_id       text not null references devices on delete cascade,
  model           text not null default '',
  state           text not null check (state in ('pending', 'firing', 'resolved')),
  value           double precision,
  threshold       double precision,
  message         text not null,
  details         jsonb not null default '{}',
  opened_at       timestamptz not null,
  fired_at        timestamptz,
  resolved_at     timestamptz,
  acknowledged_at timestamptz,
  acknowledged_by text
);
create unique index alerts_open on alerts (rule, device_id, model) where state <> 'resolved';
create index alerts_device on alerts (device_id, id desc);
create table latency_baselines (                       -- a device's own usual latency; frozen while its alert is open
  device_id  text not null references devices on delete cascade,
  model      text not null,
  version    text not null,
  ln_p95_mean double precision not null,
  windows    bigint not null,
  updated_at timestamptz not null,
  primary key (device_id, model, version)
) with (fillfactor = 70);
