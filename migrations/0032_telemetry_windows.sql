-- Windows in the columns that they are found by, and all else of them in one value of few bytes
-- (server/telemetry/window_figures.hpp): a fifth of the room, and nothing of it is parsed by the database.

create table telemetry_windows (
  started_at timestamptz not null,
  seq        bigint not null,
  epoch      bigint not null,                          -- the 16 hex digits of telemetry_cursors.epoch, as 64 bits
  link       bigint,                                   -- of the outbox's chain
  device_id  text not null,
  model      text not null,
  version    text not null,
  figures    bytea not null                            -- counts, latency, features, classes, numbers
) partition by range (started_at);
create index on telemetry_windows (device_id, started_at);
create index on telemetry_windows using brin (started_at);
create table telemetry_windows_default partition of telemetry_windows default;

create function pg_temp.varint(value bigint) returns bytea language plpgsql immutable as $$
declare
  bytes bytea := '';
begin
  while value >= 128 loop
    bytes := bytes || set_byte('\x00', 0, ((value & 127) | 128)::int);
    value := value >> 7;
  end loop;
  return bytes || set_byte('\x00', 0, value::int);
end $$;
create function pg_temp.zigzag(value bigint) returns bigint language sql immutable as $$ select (value << 1) # (value >> 63) $$;
create function pg_temp.ms(span interval) returns bigint language sql immutable as $$ select round(extract(epoch from span) * 1000)::bigint $$;
create function pg_temp.block(bytes bytea) returns bytea language sql immutable as $$ select pg_temp.varint(length(bytes)) || bytes $$;

create function pg_temp.features(list jsonb) returns bytea language sql immutable as $$
  select pg_temp.varint(jsonb_array_length(list)) || string_agg(
      pg_temp.block(convert_to(f.value ->> 'name', 'utf8')) || pg_temp.varint(jsonb_array_length(f.value -> 'counts')) ||
      coalesce((select string_agg(pg_temp.varint(c.value::bigint), ''::bytea order by c.place)
                from jsonb_array_elements_text(f.value -> 'counts') with ordinality c(value, place)), ''), ''::bytea order by f.place)
  from jsonb_array_elements(list) with ordinality f(value, place)
$$;
create function pg_temp.classes(counts jsonb) returns bytea language sql immutable as $$
  select pg_temp.varint(count(*)) || string_agg(
      pg_temp.varint(case when before is null then pg_temp.zigzag(label) else label - before - 1 end) || pg_temp.varint(times),
      ''::bytea order by label)
  from (select c.key::bigint as label, c.value::bigint as times, lag(c.key::bigint) over (order by c.key::bigint) as before
        from jsonb_each_text(counts) c) labels
$$;

insert into telemetry_windows (started_at, seq, epoch, link, device_id, model, version, figures)
  select started_at, seq, ('x' || epoch)::bit(64)::bigint, link, device_id, model, version,
      '\x01'::bytea || pg_temp.varint(greatest(0, pg_temp.ms(ended_at - started_at))) || pg_temp.varint(count) ||
      pg_temp.varint(errors) || pg_temp.varint(labelled) || pg_temp.varint(correct) ||
      pg_temp.varint(pg_temp.zigzag(pg_temp.ms(coalesce(received_at, ended_at) - ended_at))) ||
      pg_temp.varint(1 + has_features * 2 + has_classes * 4 + has_numbers * 8 + has_confidences * 16 + has_device_time * 32) ||
      pg_temp.block(latency) ||
      case has_features when 1 then pg_temp.features(features) else '' end ||
      case has_classes when 1 then pg_temp.classes(classes) else '' end ||
      case has_numbers when 1 then pg_temp.block(numbers) else '' end ||
      case has_confidences when 1 then pg_temp.block(confidences) else '' end ||
      case has_device_time when 1 then pg_temp.varint(pg_temp.zigzag(pg_temp.ms(device_started_at - started_at))) else '' end
  from inference_windows w
  cross join lateral (
    select (jsonb_typeof(features) = 'array' and features <> '[]')::int as has_features,
      (jsonb_typeof(classes) = 'object' and classes <> '{}')::int as has_classes,
      coalesce(length(numbers) > 0, false)::int as has_numbers,
      coalesce(length(confidences) > 0, false)::int as has_confidences,
      (device_started_at is not null)::int as has_device_time
  ) parts
  where epoch ~ '^[0-9a-f]{16}$';
drop table inference_windows;
