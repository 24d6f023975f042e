-- An alert is about a device, a site or a rollout; what holds it back, and how its life goes.

alter table alerts drop constraint alerts_scope;
alter table alerts
  add column rollout_id   bigint references rollouts on delete cascade,
  add column subject      text generated always as (
    case when device_id is not null then 'device/' || device_id when site is not null then 'site/' || site
         else 'rollout/' || rollout_id::text end) stored,
  add column group_key    text not null default '',      -- site/berlin, rollout/12 or rule/drift: those told together
  add column condition    text check (condition in ('ok', 'pending', 'firing')), -- what its rule says; null: the state
  add column inhibited_by bigint,                        -- the alert that stands for it
  add column silenced_by  bigint,                        -- the silence that covers it
  add column flapping     boolean not null default false,
  add column turns        jsonb not null default '[]',   -- [ms]: when it fired and resolved lately, also before this one
  add column told_at      timestamptz,                   -- null: nobody was told
  add column waits_since  timestamptz,                   -- for somebody to acknowledge it
  add column escalations  int not null default 0,
  add column look_at      timestamptz,                   -- when the clock has something to do with it
  add column acknowledgement text not null default '',   -- what who acknowledged it wrote
  add constraint alerts_scope check (num_nonnulls(device_id, site, rollout_id) = 1);
update alerts set group_key = coalesce('site/' || site, 'rule/' || rule);
update alerts set told_at = fired_at, waits_since = now(), look_at = now() where state = 'firing';
-- Devices of a site that is dark have alerts of their own from now on, under that of the site.
insert into level_changes (device_id) select device_id from device_state where presence = 'offline';

drop index alerts_open;
drop index alerts_open_site;
create unique index alerts_open on alerts (subject, rule, model) where state <> 'resolved';
create index alerts_subject on alerts (subject, id desc);
create index alerts_group on alerts (group_key, id desc);
create index alerts_look on alerts (look_at) where look_at is not null;
create index alerts_inhibited on alerts (inhibited_by) where inhibited_by is not null;
create index alerts_silenced on alerts (silenced_by) where silenced_by is not null;
create index alerts_of_rollouts on alerts (rollout_id) where rollout_id is not null;

create table alert_history (                             -- what became of each alert, and by whom
  id       bigint generated always as identity primary key,
  alert_id bigint not null references alerts on delete cascade,
  at       timestamptz not null,
  change   text not null,                                -- pending, firing, told, inhibited, silenced, flapping, ...
  actor    text not null default '',                     -- '': nobody, it came so
  reason   text not null default ''
);
create index alert_history_of_alert on alert_history (alert_id, id);

create table alert_silences (                            -- also those that are planned, and come back every week
  id         bigint generated always as identity primary key,
  filter     text not null default '',                   -- of devices; '': all, and what is about no device
  rule       text not null default '',                   -- '': any
  model      text not null default '',
  severity   text not null default '',
  starts_at  timestamptz not null,
  ends_at    timestamptz not null,
  weekly     jsonb,                                      -- in these hours of the week alone; null: all the time
  author     text not null,
  comment    text not null,
  created_at timestamptz not null,
  changed_at timestamptz not null,
  changed_by text not null,
  ended_at   timestamptz,                                -- by itself at ends_at, or before by somebody
  ended_by   text,
  in_effect  boolean not null default false              -- as the alerts know it
);
create index alert_silences_live on alert_silences (id) where ended_at is null;
create index alert_silences_ended on alert_silences (ended_at) where ended_at is not null;

create index rollouts_paused on rollouts (id) where state = 'paused';
