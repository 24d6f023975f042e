-- The newest sign of life that came with telemetry is said in the cursor that the batch moves anyway (received_at), and device_state is left
-- alone. What it must hear of at once is the first sign of a device that is not online; so the outbox of such a device does not speak, and
-- its batch is not a usual one. Who says that a device is not online has locked its cursors before.

create function silence_absent_device() returns trigger language plpgsql as $$
begin
  update telemetry_cursors set speaks = false where device_id = new.device_id;
  return null;
end $$;
create trigger absent_device_is_silent after update of presence on device_state for each row
  when (old.presence = 'online' and new.presence <> 'online') execute function silence_absent_device();

update telemetry_cursors c set speaks = false
  from device_state s where s.device_id = c.device_id and s.presence <> 'online' and c.speaks;
