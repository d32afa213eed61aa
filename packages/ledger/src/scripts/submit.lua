-- ARGV: id, idempotency key or '', fingerprint, idempotency ms, most waiting, most to hand over, the forecast
-- (jobs of others that go first | ms until a job with none before it ends, or nothing | ms for each that is | what
-- blocks it, or nothing), then the record.
local id, idem, fingerprint = ARGV[1], ARGV[2], ARGV[3]
local record = {}
for i = 8, #ARGV, 2 do record[ARGV[i]] = ARGV[i + 1] end
local tenant = record.tenant

local before = firstWith(tenant, idem, fingerprint)
if before then return before end
if redis.call('EXISTS', jobKey(id)) == 1 then return { 'exists' } end
local limits = redis.call('HMGET', P .. 'tenant:' .. tenant, 'queued', 'queued_jobs')
if tonumber(limits[1] or '0') >= tonumber(limits[2] or ARGV[5]) then return { 'full' } end
local estimate = tonumber(record.estimate)
local refused = unaffordable(tenant, record.key, estimate)
if refused then return refused end
count(id, tenant, record.batch, 'queued', 1)

enter(id, record, 8, #ARGV)
local due = tonumber(record.not_before or '0')
local lane = laneOf(record.lane or record.model, record.batch)
local position, eta = redis.call('ZRANK', pendingKey(tenant, lane), id) or 0, ''
local ahead, endsIn, perJob, blocked = string.match(ARGV[7], '^([^|]*)|([^|]*)|([^|]*)|([^|]*)$')
local waitMs = math.max(due - now, 0)
if endsIn ~= '' then
  eta = math.ceil((waitMs + endsIn + perJob * position) / 1000)
elseif waitMs > 0 then
  eta = math.ceil(waitMs / 1000)
end
if due <= now then position = position + ahead end
if idem ~= '' then
  redis.call('SET', P .. 'idem:' .. tenant .. ':' .. idem,
    table.concat({ fingerprint, id, position, eta, blocked }, '|'), 'PX', ARGV[4])
end
local ready = dispatch(tonumber(ARGV[6]))
return { 'created', position, eta, blocked, unpack(ready) }
