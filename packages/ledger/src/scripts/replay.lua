-- ARGV: tenant, endpoint, first and last place in the log, types or '', status or '', '1' to count only, most to look at.
-- Answers how many, and the place after which to go on, '' at the end.
local tenant, endpoint = ARGV[1], ARGV[2]
local e = redis.call('HMGET', endpointKey(endpoint), 'tenant', 'enabled', 'own', 'events')
if e[1] ~= tenant or e[3] then return { 'missing' } end
if e[2] ~= '1' then return { 'disabled' } end
local types = ARGV[5] ~= '' and ARGV[5] or e[4]
local entries = redis.call('XRANGE', P .. 'log:' .. tenant, ARGV[3], ARGV[4], 'COUNT', ARGV[8])
local count = 0
for _, entry in ipairs(entries) do
  local kind, subject, tail, data = entry[2][2], entry[2][4], entry[2][6], entry[2][8]
  if wants(types, kind) then
    local event = loggedId(entry[1], tail)
    local id = deliveryOf(endpoint, event)
    local status = redis.call('HGET', deliveryKey(id), 'status')
    if ARGV[6] == '' or status == ARGV[6] then
      count = count + 1
      if ARGV[7] ~= '1' then
        if status then sendAgain(id) else deliver(tenant, endpoint, event, kind, subject, data) end
      end
    end
  end
end
local last = entries[#entries]
return { 'counted', count, #entries == tonumber(ARGV[8]) and last[1] or '' }
