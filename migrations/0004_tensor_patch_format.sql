-- Tensor patches of the first format, ARGOSYT1, which nothing reads any more, are made anew.

update patches set state = 'pending', attempts = 0, retry_at = null, reason = null, finished_at = null, claim = null, codec = null,
                   digest = null, size = null, encode_ms = null, trials = '[]', offered_to = null
 where state = 'ready' and codec = 'tensor';
