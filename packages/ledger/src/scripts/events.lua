-- Events: every one is in the outbox; those that tenants can hear of are in their log too, and on their way to the
-- endpoints that want them, in the same step as the change.
local outboxLength = 20000
-- A tenant's log holds the events of 30 days, at most so many: each takes about 90 bytes.
local eventsKept = 2000000
local logMs = 2592000000

local audible = {
  ['job.started'] = true, ['job.succeeded'] = true, ['job.failed'] = true, ['job.canceled'] = true,
  ['job.expired'] = true,
}

-- The event's id is a UUIDv7 made of Redis's clock, the job and the number of its event: unique, and the same
-- in the job's own list and in the outbox.
local function eventOf(id, n)
  local hash = redis.sha1hex(id .. ':' .. n)
  return string.format('evt_%012x7%s8%s', now, string.sub(hash, 1, 3), string.sub(hash, 4, 18))
end

local function eventLine(event, kind, extra) return event .. '|' .. kind .. '|' .. now .. '|' .. (extra or '') end

local function publish(event, kind, id, tenant)
  redis.call('XADD', P .. 'outbox', 'MAXLEN', '~', outboxLength, '*',
    'event', event, 'type', kind, 'job', id, 'tenant', tenant, 'at', now)
end

-- The id of an event in a log holds its place there, so that ids sort as the log does and "after this one" is exact.
local function loggedId(stamp, tail)
  local ms, seq = string.match(stamp, '^(%d+)-(%d+)$')
  seq = tonumber(seq)
  return string.format('evt_%012x7%03x8%05x%s', tonumber(ms), math.floor(seq / 1048576), seq % 1048576, tail)
end

-- Trimming goes by turns: by age when something starts, by number otherwise.
local function record(tenant, kind, subject, n, data)
  local log = P .. 'log:' .. tenant
  local tail = string.sub(redis.sha1hex(subject .. ':' .. n), 1, 10)
  local bound, limit = 'MAXLEN', eventsKept
  if kind == 'job.started' then bound, limit = 'MINID', now - logMs end
  local fields = { 'type', kind, 'subject', subject, 'tail', tail }
  if data then fields[7], fields[8] = 'data', data end
  local stamp = redis.call('XADD', log, bound, '~', limit, '*', unpack(fields))
  redis.call('PEXPIRE', log, logMs)
  return loggedId(stamp, tail)
end

-- An event of a batch ('bat_…') or of a tenant itself: `data` is its JSON, kept with it where nothing else tells it later;
-- `n` tells the subject's events of one kind apart. Answers its id.
local function announce(tenant, kind, subject, n, data)
  local event = record(tenant, kind, subject, kind .. ':' .. n, data)
  publish(event, kind, subject, tenant)
  route(tenant, event, kind, subject, P .. 'batch:' .. subject, data)
  return event
end

local function emit(id, tenant, kind, extra)
  local n = redis.call('HINCRBY', jobKey(id), 'events', 1)
  local event = audible[kind] and record(tenant, kind, id, n) or eventOf(id, n)
  redis.call('HSET', jobKey(id), 'e:' .. n, eventLine(event, kind, extra))
  publish(event, kind, id, tenant)
  if audible[kind] then route(tenant, event, kind, id, jobKey(id)) end
  return event
end
