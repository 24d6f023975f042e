-- To whom an alert was told: each event of a delivery knows the alert that it is about.

alter table delivery_events add column alert_id bigint generated always as (
  case when starts_with(event ->> 'kind', 'alert.') and jsonb_typeof(event #> '{details,alert}') = 'number'
    then (event #>> '{details,alert}')::bigint end
) stored;
create index delivery_events_alert on delivery_events (alert_id, delivery_id) where alert_id is not null;
