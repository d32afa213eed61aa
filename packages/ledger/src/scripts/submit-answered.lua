-- Writes a job that has its images already. ARGV: id, idempotency key or '', fingerprint, idempotency ms, retention
-- ms, prefix of its objects, when they go or '', hash of what shaped the pictures, for how many ms it is remembered,
-- number of images, then the record.
local id, idem, fingerprint, retentionMs, objects = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[5]), ARGV[6]
local record = {}
for i = 11, #ARGV, 2 do record[ARGV[i]] = ARGV[i + 1] end
local tenant, model = record.tenant, record.model

local before = firstWith(tenant, idem, fingerprint)
if before then return before end
-- The same command over a new connection: its first answer was lost.
if redis.call('EXISTS', jobKey(id)) == 1 then return { 'created' } end
-- Objects of no job are swept away when their time is over: these may be gone already.
if not redis.call('ZSCORE', P .. 'images', objects) then return { 'late' } end
if ARGV[7] == '' then
  redis.call('ZREM', P .. 'images', objects)
else
  redis.call('ZADD', P .. 'images', ARGV[7], objects)
end

count(id, tenant, record.batch, 'queued', 1)
-- It will cost nothing, so nothing is set aside.
record.estimate = nil
enter(id, record, 11, #ARGV)
for index = 0, tonumber(ARGV[10]) - 1 do emit(id, tenant, 'job.output', tostring(index)) end
finish(id, tenant, model, record.batch, 'queued', 'succeeded', retentionMs)
bill(tenant, model, record.key, 0, tonumber(ARGV[10]), 0, 0, 0)
redis.call('SET', P .. 'pictures:' .. tenant .. ':' .. ARGV[8], id, 'PX', ARGV[9])
if idem ~= '' then
  redis.call('SET', P .. 'idem:' .. tenant .. ':' .. idem, fingerprint .. '|' .. id .. '|0||', 'PX', ARGV[4])
end
return { 'created' }
