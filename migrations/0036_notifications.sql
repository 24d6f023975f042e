-- Telling people and systems: routes, and the outbox of what is told.

create table notice_routes (
  id           bigint generated always as identity primary key,
  name         text not null unique,
  settings     jsonb not null,                         -- without its secrets
  kinds        text[] not null,                        -- as in the settings: "rollout.halted", or "alert.*" for all that begin so
  enabled      boolean not null,
  secrets      bytea not null,                         -- sealed by a key that lies outside of the database
  version      bigint not null default 1,
  created_by   text not null,
  created_at   timestamptz not null,
  updated_at   timestamptz not null
);
-- How a route fares: apart, because it changes with each message.
create table notice_route_states (
  route_id      bigint primary key references notice_routes on delete cascade,
  waiting       bigint not null default 0,             -- deliveries
  waiting_bytes bigint not null default 0,
  failures      bigint not null default 0,             -- attempts in a row
  rests_until   timestamptz,
  last_error    text not null default ''
) with (fillfactor = 50);

-- Events that some route wants, written in the transaction that writes the event, and taken off in the one that makes
-- deliveries of it: so none is lost, in whatever order transactions commit.
create table untold_events (
  event_id bigint primary key references events on delete cascade
);
create function note_untold() returns trigger language plpgsql as $$
begin
  insert into untold_events (event_id)
    select a.id from added a
    where exists (
      select from notice_routes r, unnest(r.kinds) as k
      where r.enabled and (k = a.kind or (right(k, 1) = '*' and starts_with(a.kind, left(k, -1))) or a.details ? 'routes'));
  return null;
end $$;
create trigger events_untold after insert on events referencing new table as added
  for each statement execute function note_untold();

create table deliveries (
  id          bigint generated always as identity primary key,
  key         text not null unique,                    -- of this message for ever, in every repeat
  route_id    bigint not null references notice_routes on delete cascade,
  line        text not null,                           -- deliveries of one line go one after the other
  state       text not null check (state in ('waiting', 'delivered', 'given_up')),
  severity    text not null,
  title       text not null,
  events      bigint not null,
  bytes       bigint not null,
  is_test     boolean not null default false,
  gathers     boolean not null default false,          -- more events may join, until it is read to be sent
  attempts    bigint not null default 0,
  created_at  timestamptz not null,
  waits_since timestamptz not null,
  due_at      timestamptz not null,
  ended_at    timestamptz,
  last_error  text not null default ''
) with (fillfactor = 80);
create index deliveries_due on deliveries (route_id, due_at, id) where state = 'waiting';
create index deliveries_line on deliveries (route_id, line, id) where state = 'waiting';
create index deliveries_tests on deliveries (route_id) where state = 'waiting' and is_test;
create index deliveries_waiting on deliveries (waits_since) where state = 'waiting';
create index deliveries_ended on deliveries (ended_at) where state <> 'waiting';
create index deliveries_route on deliveries (route_id, id desc);

create table delivery_events (
  delivery_id bigint not null references deliveries on delete cascade,
  place       bigint not null,
  event       jsonb not null,
  primary key (delivery_id, place)
);
create table delivery_attempts (
  id          bigint generated always as identity primary key,
  delivery_id bigint not null references deliveries on delete cascade,
  at          timestamptz not null,
  took_ms     bigint not null,
  delivered   boolean not null,
  status      bigint,                                  -- of HTTP or SMTP; null: nobody answered
  answer      text not null,
  error       text not null
);
create index delivery_attempts_delivery on delivery_attempts (delivery_id, id);

-- Alerts that an Alertmanager was told of and that still fire: it is told again, or it would take them for over.
create table told_alerts (
  route_id bigint not null references notice_routes on delete cascade,
  alert_id bigint not null references alerts on delete cascade,
  event    jsonb not null,
  told_at  timestamptz not null,
  primary key (route_id, alert_id)
);
create index told_alerts_alert on told_alerts (alert_id);
create index told_alerts_due on told_alerts (route_id, told_at);
