-- A tick of a rollout, and a look at it, count no rows: what hangs on presence is kept in the device's row and counted by
-- wave as rows move. And plans of large fleets are made in pieces, beside everything else.

-- Plans that are being made ---------------------------------------------------------------------------------------------
create table rollout_plans (                           -- a row while the devices of a rollout are being planned
  rollout_id bigint primary key references rollouts on delete cascade,
  attempt    int not null default 1,                   -- raised by whoever begins to make it: who began before writes no more
  done       bigint not null default 0,                -- devices whose rows are as planned
  total      bigint                                    -- null: they have not been looked for yet
);

-- Who of a rollout can be told something now -----------------------------------------------------------------------------
alter table rollout_devices
  add column reachable_since timestamptz;              -- null: it cannot be reached; kept while it has no outcome
alter table rollout_waves
  add column queued_reachable  bigint not null default 0,
  add column running_reachable bigint not null default 0, -- told, reachable, without an outcome
  add column fetching_reachable bigint not null default 0, -- of these, told or downloading
  add column suspects          bigint not null default 0, -- fell silent in activating or probation
  add column going_back_reachable bigint not null default 0; -- told to go back, reachable, not back yet

-- Devices that became reachable or ceased to be, or whose rows need a look; the leader's tick carries it to their rows. Who
-- writes here waits for nobody.
create table rollout_reach_changes (
  id        bigint generated always as identity primary key,
  device_id text not null
);
create function note_reach() returns trigger language plpgsql as $$
begin
  insert into rollout_reach_changes (device_id) values (new.device_id);
  return null;
end $$;
create trigger device_state_reach after update on device_state for each row
  when ((old.presence in ('online', 'late')) <> (new.presence in ('online', 'late'))) execute function note_reach();
create trigger device_state_reach_new after insert on device_state for each row
  when (new.presence in ('online', 'late')) execute function note_reach();

create function rollout_reach_of(state text, reachable boolean) returns text language sql immutable as $$
  select case
    when state = 'queued' and reachable then 'queued'
    when state in ('notified', 'downloading') and reachable then 'fetching'
    when state in ('patching', 'verifying', 'validating', 'activating', 'probation') and reachable then 'running'
    when state in ('activating', 'probation') then 'suspect'
    when state = 'rolling_back' and reachable then 'going_back' end
$$;
create type rollout_reach_change as (rollout_id bigint, wave int, reach text, by bigint);
-- Waves are locked in one order, so that two transactions wait for each other instead of deadlocking.
create function add_rollout_reach(changes rollout_reach_change[]) returns void language plpgsql as $$
begin
  perform from rollout_waves w
    where (w.rollout_id, w.wave) in (select c.rollout_id, c.wave from unnest(changes) as c) order by w.rollout_id, w.wave for update;
  update rollout_waves w set queued_reachable = w.queued_reachable + c.queued, running_reachable = w.running_reachable + c.running,
      fetching_reachable = w.fetching_reachable + c.fetching, suspects = w.suspects + c.suspect, going_back_reachable = w.going_back_reachable + c.going_back
    from (select rollout_id, wave, coalesce(sum(by) filter (where reach = 'queued'), 0) as queued,
              coalesce(sum(by) filter (where reach in ('running', 'fetching')), 0) as running,
              coalesce(sum(by) filter (where reach = 'fetching'), 0) as fetching,
              coalesce(sum(by) filter (where reach = 'suspect'), 0) as suspect,
              coalesce(sum(by) filter (where reach = 'going_back'), 0) as going_back
            from unnest(changes) group by 1, 2) as c
   where w.rollout_id = c.rollout_id and w.wave = c.wave;
end $$;
create function count_rollout_reach() returns trigger language plpgsql as $$
declare changes rollout_reach_change[];
begin
  select array_agg(row(rollout_id, wave, reach, by)::rollout_reach_change) into changes
    from (select rollout_id, wave, reach, sum(by)::bigint as by
            from (select n.rollout_id, n.wave, rollout_reach_of(n.state, n.reachable_since is not null) as reach, 1 as by from new_rows n
                  union all
                  select o.rollout_id, o.wave, rollout_reach_of(o.state, o.reachable_since is not null), -1 from old_rows o) as moved
           where reach is not null group by 1, 2, 3 having sum(by) <> 0) as c;
  if changes is not null then perform add_rollout_reach(changes); end if;
  return null;
end $$;
create function count_rollout_reach_new() returns trigger language plpgsql as $$
declare changes rollout_reach_change[];
begin
  select array_agg(row(rollout_id, wave, reach, by)::rollout_reach_change) into changes
    from (select rollout_id, wave, rollout_reach_of(state, reachable_since is not null) as reach, count(*) as by from new_rows
           group by 1, 2, 3) as c
   where reach is not null;
  if changes is not null then perform add_rollout_reach(changes); end if;
  return null;
end $$;
create function count_rollout_reach_gone() returns trigger language plpgsql as $$
declare changes rollout_reach_change[];
begin
  select array_agg(row(rollout_id, wave, reach, by)::rollout_reach_change) into changes
    from (select rollout_id, wave, rollout_reach_of(state, reachable_since is not null) as reach, -count(*) as by from old_rows
           group by 1, 2, 3) as c
   where reach is not null;
  if changes is not null then perform add_rollout_reach(changes); end if;
  return null;
end $$;

update rollout_devices q set reachable_since = s.presence_since
  from device_state s
 where s.device_id = q.device_id and s.presence in ('online', 'late') and q.state not in ('succeeded', 'failed', 'rolled_back');
-- Of those that wait because their owners want it and went away, the clock of the time-out runs from then.
update rollout_devices q set clock_from = greatest(q.started_at, s.presence_since)
  from device_state s
 where s.device_id = q.device_id and q.held and q.reachable_since is null and q.state in ('downloading', 'patching', 'verifying', 'validating', 'activating', 'probation');
update rollout_waves w set queued_reachable = c.queued, running_reachable = c.running,
    fetching_reachable = c.fetching, suspects = c.suspect, going_back_reachable = c.going_back
  from (select rollout_id, wave, count(*) filter (where reach = 'queued') as queued, count(*) filter (where reach in ('running', 'fetching')) as running,
            count(*) filter (where reach = 'fetching') as fetching, count(*) filter (where reach = 'suspect') as suspect, count(*) filter (where reach = 'going_back') as going_back
          from (select rollout_id, wave, rollout_reach_of(state, reachable_since is not null) as reach from rollout_devices) as r
         group by 1, 2) as c
 where w.rollout_id = c.rollout_id and w.wave = c.wave;

create trigger rollout_devices_reach after update on rollout_devices referencing old table as old_rows new table as new_rows
  for each statement execute function count_rollout_reach();
create trigger rollout_devices_reach_new after insert on rollout_devices referencing new table as new_rows
  for each statement execute function count_rollout_reach_new();
create trigger rollout_devices_reach_gone after delete on rollout_devices referencing old table as old_rows
  for each statement execute function count_rollout_reach_gone();

-- The next to be told, and the oldest clock: each look reads a few rows from the front of an index.
create index rollout_devices_ready on rollout_devices (rollout_id, wave, device_id) where state = 'queued' and reachable_since is not null;
create index rollout_devices_told on rollout_devices (rollout_id, greatest(notified_at, reachable_since))
  where state = 'notified' and reachable_since is not null;
create index rollout_devices_begun on rollout_devices (rollout_id, coalesce(clock_from, started_at))
  where state in ('downloading', 'patching', 'verifying', 'validating', 'activating', 'probation') and (not held or reachable_since is null);
-- Not beside an index by rollout of all that are at work: while few rows are known to be, sorting those would seem as cheap.
drop index rollout_devices_running;
drop index rollout_devices_wave;
drop index rollout_devices_rolling_back;
-- Who rests is not told; so few rest that they are looked up at each tick.
create index device_failures_resting on device_failures (model, resting_until) where resting_until is not null;
