-- What the publisher signed of a release: argosy-release.json byte for byte, and the bundle over it and the files.

alter table releases add column signature_statement text;
alter table releases add column signature_bundle    text;
alter table releases add column signature_key_sets  jsonb not null default '[]';  -- texts that lead from older keys to the bundle's
alter table releases add constraint releases_signature_whole check ((signature_statement is null) = (signature_bundle is null));
