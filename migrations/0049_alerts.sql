-- How often single windows are slow by themselves, so that stalls that are usual on a device are no alert.

alter table latency_baselines add column high_share double precision not null default 0;

-- All that rules did of late, whichever did it.
create index rule_reactions_ended on rule_reactions (ended_at) where state = 'done';

-- A contract is over with its model on the device.
create function end_contract() returns trigger language plpgsql as $$
begin
  delete from contract_breaches where device_id = old.device_id and model = old.model;
  return null;
end $$;
create trigger contract_of_model_gone after delete on device_models for each row execute function end_contract();
