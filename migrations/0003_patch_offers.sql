-- A patch that becomes ready is offered to devices that were told before it was, and have not begun.

alter table patches add column offered_to text;  -- of a ready one: devices up to this id were looked at; null: all were
create index patches_unoffered on patches (finished_at) where offered_to is not null;
create index rollout_devices_notified on rollout_devices (device_id) where state = 'notified';
