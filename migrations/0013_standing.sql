-- Tells every argosyd of a device whose certificate, revocation or wanted releases have changed, when that commits.

create function tell_standing() returns trigger language plpgsql as $$
begin
  perform pg_notify('argosy_devices', old.id);
  return null;
end $$;
create trigger devices_standing after update on devices for each row
  when (old.desired_rev <> new.desired_rev or old.certificate_fingerprint is distinct from new.certificate_fingerprint
        or old.next_fingerprint is distinct from new.next_fingerprint or old.revoked_at is distinct from new.revoked_at)
  execute function tell_standing();
create trigger devices_standing_gone after delete on devices for each row execute function tell_standing();
