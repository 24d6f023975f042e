-- Patches that ask a device for more memory than it now gives are made anew: zstd with windows over 1 MiB, zstd-from over 2 MiB.

update patches set state = 'pending', attempts = 0, retry_at = null, reason = null, finished_at = null, claim = null, codec = null,
                   digest = null, size = null, encode_ms = null, trials = '[]', offered_to = null
 where state = 'ready' and codec in ('zstd', 'zstd-from');
