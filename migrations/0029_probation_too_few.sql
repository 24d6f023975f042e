-- Devices that kept the release after a probation with too few observations: of each wave's successes, counted as rows move,
-- in the statement that counts their bytes.
alter table rollout_waves add column too_few bigint not null default 0;
create or replace function count_rollout_bytes() returns trigger language plpgsql as $$
begin
  update rollout_waves w set bytes_sent = w.bytes_sent + c.sent, bytes_full = w.bytes_full + c.complete, too_few = w.too_few + c.too_few
    from (select rollout_id, wave, sum(by * sent) as sent, sum(by * complete) as complete, sum(by * too_few) as too_few from
           (select n.rollout_id, n.wave, 1 as by,
                case when n.source in ('patch', 'full') then coalesce(n.bytes, 0) else 0 end as sent,
                case when n.source in ('patch', 'full') then coalesce(n.full_bytes, 0) else 0 end as complete,
                (n.state = 'succeeded' and n.cause is not distinct from 'probation_too_few')::int as too_few
              from new_rows n where n.source in ('patch', 'full') or n.cause = 'probation_too_few'
            union all
            select o.rollout_id, o.wave, -1,
                case when o.source in ('patch', 'full') then coalesce(o.bytes, 0) else 0 end,
                case when o.source in ('patch', 'full') then coalesce(o.full_bytes, 0) else 0 end,
                (o.state = 'succeeded' and o.cause is not distinct from 'probation_too_few')::int
              from old_rows o where o.source in ('patch', 'full') or o.cause = 'probation_too_few') as moved
         group by 1, 2) as c
   where w.rollout_id = c.rollout_id and w.wave = c.wave and (c.sent <> 0 or c.complete <> 0 or c.too_few <> 0);
  return null;
end $$;
