-- What a device's configuration file says of it, beside what the server holds.
alter table devices
  add column declared  jsonb,  -- {hardware_class, labels}: the file, as last settled; null: it has not told yet
  add column suggested jsonb;  -- {hardware_class?, labels: {key: text or null}}: what it says since that is another; null: nothing
