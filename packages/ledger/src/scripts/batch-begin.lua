-- ARGV: id, tenant, idempotency key or '', fingerprint, idempotency ms, most open batches, ms until a silent one is
-- lost, then the record. Writes down a batch whose rows are about to be read.
local id, tenant, idem, fingerprint, staleMs = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[7])
local known = P .. 'idem:' .. tenant .. ':' .. idem
if idem ~= '' then
  local print, first = string.match(redis.call('GET', known) or '', '^([^|]*)|([^|]*)|')
  if print and print ~= fingerprint then return { 'mismatch' } end
  local b = first and redis.call('HMGET', batchKey(first), 'state', 'beat') or {}
  if b[1] == 'validating' and tonumber(b[2]) > now - staleMs then return { 'running' } end
  -- One that failed, or whose reader is gone, was never taken: this one begins anew.
  if b[1] and b[1] ~= 'validating' and b[1] ~= 'failed' then return { 'replayed', first } end
end
if redis.call('EXISTS', batchKey(id)) == 1 then return { 'begun' } end
if tonumber(redis.call('HGET', P .. 'tenant:' .. tenant, 'batches') or '0') >= tonumber(ARGV[6]) then
  return { 'full' }
end
redis.call('HINCRBY', P .. 'tenant:' .. tenant, 'batches', 1)
redis.call('HSET', batchKey(id), 'state', 'validating', 'tenant', tenant, 'beat', now, 'idem', idem, 'total', 0,
  unpack(ARGV, 8))
if redis.call('HEXISTS', batchKey(id), 'hook') == 1 then redis.call('HSET', P .. 'hooks:' .. tenant, 'own', '1') end
redis.call('ZADD', P .. 'batches:' .. tenant, 0, id)
redis.call('ZADD', P .. 'batch-work', now + staleMs, id)
if idem ~= '' then redis.call('SET', known, fingerprint .. '|' .. id .. '|0', 'PX', ARGV[5]) end
return { 'begun' }
