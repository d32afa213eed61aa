-- ARGV: id, tenant, most to hand over, most waiting.
local id, tenant = ARGV[1], ARGV[2]
local r = redis.call('HMGET', jobKey(id), 'status', 'tenant', 'model', 'batch', 'shortfall', 'key')
if not r[1] or r[2] ~= tenant then return { 'missing' } end
if not isTerminal(r[1]) then return { 'active' } end
if r[1] == 'succeeded' and not r[5] then return { 'terminal' } end
local limits = redis.call('HMGET', P .. 'tenant:' .. tenant, 'queued', 'queued_jobs')
if tonumber(limits[1] or '0') >= tonumber(limits[2] or ARGV[4]) then return { 'full' } end
local refused = unaffordable(tenant, r[6], estimateOfRest(jobKey(id)))
if refused then return refused end
runAgain(id, tenant, r[3], r[4], r[1])
return { 'queued', unpack(dispatch(tonumber(ARGV[3]))) }
