-- Whether an outbox speaks for its device, and the device may send: said in the row that each batch moves, so that the usual batch looks
-- at no other. False may mean that nobody has looked yet; the server does and writes it with the next batch.

alter table telemetry_cursors add column speaks boolean not null default false;

-- All of a device's cursors, whatever they say: so it waits for a batch that is being stored, which may be about to say that one speaks.
create function silence_revoked_device() returns trigger language plpgsql as $$
begin
  update telemetry_cursors set speaks = false where device_id = new.id;
  return null;
end $$;
create trigger revoked_device_is_silent after update of revoked_at on devices for each row
  when (new.revoked_at is not null) execute function silence_revoked_device();
