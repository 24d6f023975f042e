-- What rules do beside telling people, once for each alert; what a device says of itself when it is asked; and which
-- rules there are, told by one value.

create table rule_reactions (                          -- made with the alert that is told, so that none is lost
  id            bigint generated always as identity primary key,
  alert_id      bigint not null references alerts on delete cascade,
  rule          text not null,
  rule_version  bigint not null,                       -- as it was when the alert was told
  reaction      text not null,                         -- pause_rollouts, roll_back, diagnostics
  most_per_hour int not null,                          -- of this rule, and what is beyond is left
  state         text not null default 'waiting',       -- done, left (nothing was done, on purpose), failed
  outcome       text not null default '',              -- a sentence
  details       jsonb not null default '{}',
  attempts      int not null default 0,
  created_at    timestamptz not null,
  due_at        timestamptz not null,                  -- of one that waits
  ended_at      timestamptz,
  unique (alert_id, reaction)
);
create index rule_reactions_due on rule_reactions (due_at, id) where state = 'waiting';
create index rule_reactions_done on rule_reactions (rule, reaction, ended_at) where state = 'done';
create index rule_reactions_of_rule on rule_reactions (rule, id desc);

-- Of an alert that people are told of for the first time: one that is held back by a silence or by another alert does
-- nothing, either.
create function note_reactions() returns trigger language plpgsql as $$
begin
  insert into rule_reactions (alert_id, rule, rule_version, reaction, most_per_hour, created_at, due_at)
    select a.id, r.name, r.version, w.reaction ->> 'do', (w.reaction ->> 'most_per_hour')::int, t.at, t.at
    from told t
    join alerts a on a.id = t.alert_id
    join rules r on r.name = a.rule and r.is_enabled and r.deleted_at is null
    cross join lateral jsonb_array_elements(r.document -> 'reactions') with ordinality as w(reaction, place)
    where t.change = 'told'
    order by a.id, w.place
    on conflict (alert_id, reaction) do nothing;
  return null;
end $$;
create trigger alert_told after insert on alert_history referencing new table as told
  for each statement execute function note_reactions();

create table diagnostics (                             -- that a device was asked for, and what it said
  id          bigint generated always as identity primary key,
  device_id   text not null references devices on delete cascade,
  asked_at    timestamptz not null,
  asked_by    text not null,
  reason      text not null default '',
  state       text not null default 'waiting',         -- answered, unanswered
  tries       int not null default 0,
  due_at      timestamptz not null,                    -- when it is asked the next time
  ends_at     timestamptz not null,                    -- when it is given up
  answered_at timestamptz,
  document    text                                     -- as the device sent it
);
create index diagnostics_of_device on diagnostics (device_id, id desc);
create unique index diagnostics_waiting on diagnostics (device_id) where state = 'waiting';
create index diagnostics_due on diagnostics (due_at) where state = 'waiting';
create index diagnostics_asked on diagnostics (asked_at);

-- Another value after each change of a rule or of the names of routes: who knows the value knows the rules.
create table rules_state (
  only_row boolean primary key default true check (only_row),
  state    uuid not null default gen_random_uuid()
);
insert into rules_state default values;
create function note_rules_change() returns trigger language plpgsql as $$
begin
  update rules_state set state = gen_random_uuid();
  return null;
end $$;
create trigger rules_changed after insert or update or delete on rules for each statement execute function note_rules_change();
create trigger routes_renamed after insert or update of name or delete on notice_routes
  for each statement execute function note_rules_change();

-- What is so already is looked at again when a rule that follows the verdicts of others covers other devices than before.
create function judge_levels_again() returns trigger language plpgsql as $$
begin
  if new.name = 'gone_dark' then
    insert into level_changes (device_id) select device_id from device_state where presence = 'offline';
  elsif new.name = 'drift' then
    insert into level_changes (device_id) select distinct device_id from drift_state where drifted;
  elsif new.name = 'input_contract' then
    insert into level_changes (device_id) select distinct device_id from contract_breaches;
  end if;
  return null;
end $$;
create trigger rule_covers_others after update of document on rules for each row
  when (new.name in ('gone_dark', 'drift', 'input_contract') and new.is_enabled
        and (old.document -> 'filter', old.document -> 'model', old.document -> 'enabled')
          is distinct from (new.document -> 'filter', new.document -> 'model', new.document -> 'enabled'))
  execute function judge_levels_again();

-- The rule of that name raised nothing: the alerts on paused rollouts are those of rollout_paused.
update rules
  set name = 'rollout_paused',
    document = document || '{"name": "rollout_paused", "title": "A rollout is paused and waits for somebody"}'
  where name = 'rollout_stopped' and deleted_at is null;

create index rollouts_halted on rollouts (ended_at) where state = 'halted';
