-- ARGV: id, idempotency key or '', fingerprint, idempotency ms, most waiting, most to hand over, then the record.
local id, idem, fingerprint = ARGV[1], ARGV[2], ARGV[3]
local record = {}
for i = 7, #ARGV, 2 do record[ARGV[i]] = ARGV[i + 1] end
local tenant = record.tenant

if idem ~= '' then
  local first = redis.call('GET', P .. 'idem:' .. tenant .. ':' .. idem)
  if first then
    local known, job, position = string.match(first, '^([^|]*)|([^|]*)|([^|]*)$')
    if known ~= fingerprint then return { 'mismatch' } end
    return { 'replayed', job, position }
  end
end
if redis.call('EXISTS', jobKey(id)) == 1 then return { 'exists' } end
local limits = redis.call('HMGET', P .. 'tenant:' .. tenant, 'queued', 'queued_jobs')
if tonumber(limits[1] or '0') >= tonumber(limits[2] or ARGV[5]) then return { 'full' } end
count(id, tenant, record.batch, 'queued', 1)

enter(id, record, 7, #ARGV)
local position = redis.call('ZRANK', pendingKey(tenant, laneOf(record.lane or record.model, record.batch)), id) or 0
if idem ~= '' then
  redis.call('SET', P .. 'idem:' .. tenant .. ':' .. idem, fingerprint .. '|' .. id .. '|' .. position, 'PX', ARGV[4])
end
local ready = dispatch(tonumber(ARGV[6]))
return { 'created', position, unpack(ready) }
